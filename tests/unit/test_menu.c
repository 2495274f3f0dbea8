/* SPDX-License-Identifier: MIT */
/* The TPM Configuration screens against real TPMs, by their keys. */
#include "check.h"
#include "fakehw.h"
#include "realtpm.h"
#include "tcg/tpm_spec.h"
#include "tcg/menu.h"

static struct fakehw hw;
static struct tcg t;
static struct tcg_ppi ppi;
static uint8_t log_area[0x4000];

static bool menu(int version, const char *keys)
{
    fakehw_init(&hw, version == 1 ? FAKE_TIS12 : FAKE_CRB, realtpm_exec,
                NULL);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)), 0);
    assert_int_equal(tcg_ppi_capture(&t, &ppi), ERR_ABSENT);
    assert_int_equal(tcg_before_third_party(&t), 0);
    assert_false(tcg_ppi_run(&t, &ppi));
    /* As the boot menu does, through which one gets here. */
    assert_int_equal(tcg_measure_action(&t, TCG_SETUP_ENTERED, NULL), 0);
    hw.keys = keys;
    return tcg_menu(&t, &ppi);
}

static void test_pages20(void **state)
{
    (void)state;
    realtpm_new(2);
    assert_false(menu(2, "xe4 \0335    z\033"));
    assert_contains(hw.out, "TPM 2.0 (IBM");
    assert_contains(hw.out, "Storage hierarchy on, endorsement hierarchy on"
                            "\nOwner password not set, lockout");
    assert_contains(hw.out, "PCR banks of the TPM: SHA1 SHA256 SHA384");
    assert_contains(hw.out, "1. Clear TPM\n");
    assert_contains(hw.out, "a. clears the TPM: yes\n");
    assert_contains(hw.out, "b. turns it on: no\n");
    assert_contains(hw.out, "2: PCR 1 action, 24 bytes: Entering ROM Based");
    assert_null(strstr(hw.out, "\n3: PCR"));    /* no second event */
    assert_contains(hw.out, "PCRs of bank SHA256:\n0 0000");
    assert_null(strstr(hw.out, "the log gives"));
    assert_null(strstr(hw.out, "cannot be read"));
    assert_contains(hw.out, "no physical presence interface");
    realtpm_end();
}

static void test_clear20(void **state)
{
    (void)state;
    realtpm_new(2);
    assert_false(menu(2, "\033"));
    assert_int_equal(realtpm_hex("8002 00000000 00000129 40000001 00000009"
                                 "40000009 0000 00 0000 0003 616263"), 0);
    realtpm_reset();
    assert_false(menu(2, "1n\033"));
    assert_int_equal(realtpm_property(TPM2_PT_PERMANENT) & 1, 1);
    realtpm_reset();
    assert_true(menu(2, "1y"));
    assert_int_equal(hw.resets, 1);
    assert_int_equal(realtpm_property(TPM2_PT_PERMANENT) & 1, 0);
    realtpm_reset();
    assert_true(menu(2, "3Y"));
    realtpm_reset();
    assert_false(menu(2, "\033"));
    assert_contains(hw.out, "Storage hierarchy off, endorsement hierarchy "
                            "off");
    realtpm_reset();
    assert_true(menu(2, "3y"));
    realtpm_reset();
    assert_false(menu(2, "\033"));
    assert_contains(hw.out, "Storage hierarchy on");
    realtpm_end();
}

static void test_banks20(void **state)
{
    (void)state;
    realtpm_new(2);
    assert_false(menu(2, "21\033\033"));
    realtpm_reset();
    assert_false(menu(2, "21an\033"));
    realtpm_reset();
    /* All off is refused: A does nothing then. */
    assert_true(menu(2, "21589234a2ay"));
    assert_contains(hw.out, "At least one bank");
    realtpm_reset();
    assert_false(menu(2, "\033"));
    assert_int_equal(t.bank_count, 1);
    assert_int_equal(t.bank[0].alg, 11);
    realtpm_end();
}

/* PCRs that something else extended do not look as logged. */
static void test_pcrs(void **state)
{
    (void)state;
    realtpm_new(2);
    assert_false(menu(2, "\033"));
    /* TPM2_PCR_Event of PCR 3 */
    assert_int_equal(realtpm_hex("8002 00000000 0000013c 00000003 00000009"
                                 "40000009 0000 00 0000 0001 61"), 0);
    hw.keys = "5 \033\033";
    assert_false(tcg_menu(&t, &ppi));
    assert_contains(hw.out, "\n3 ");
    assert_contains(hw.out, "\n  the log gives\n  00000000000000000000");
    /* A log that a ROM damaged is not followed beyond its end. */
    memset(log_area + 77 + 12 + 172, 0xff, 4);
    hw.keys = "5  \033\033";
    assert_false(tcg_menu(&t, &ppi));
    assert_contains(hw.out, "The rest of the log is damaged.");
    realtpm_end();
}

/* Settings change there and back, and hold. */
static void test_settings(void **state)
{
    (void)state;
    for (int v = 1; v <= 2; v++) {
        realtpm_new(v);
        if (v == 1) {
            assert_true(menu(v, "eyay"));
            realtpm_reset();
        }
        assert_false(menu(v, "4ab\033\033"));
        assert_contains(hw.out, "a. clears the TPM: no\n");
        realtpm_reset();
        assert_false(menu(v, "4x\033\033"));
        assert_contains(hw.out, "a. clears the TPM: no\n");
        assert_contains(hw.out, v == 2 ? "b. turns it on: yes"
                                       : "b. enables or activates it: yes");
        realtpm_reset();
        assert_false(menu(v, "4az\033\033"));
        assert_contains(hw.out, "a. clears the TPM: yes\n");
        realtpm_end();
    }
}

static void test_menu12(void **state)
{
    (void)state;
    realtpm_new(1);
    assert_true(menu(1, "eyay"));
    realtpm_reset();
    assert_false(menu(1, "5\033" "4x2\033" "5  \033"));
    assert_contains(hw.out, "The TPM is enabled and activated; an owner can "
                            "be installed");
    assert_contains(hw.out, "It is not owned.");
    assert_contains(hw.out, "PCRs of bank SHA1:");
    assert_null(strstr(hw.out, "the log gives"));
    realtpm_reset();
    assert_false(menu(1, "py\033"));
    assert_contains(hw.out, "cannot be installed");
    realtpm_reset();
    assert_true(menu(1, "cy"));
    realtpm_end();
}

static void test_not_usable(void **state)
{
    (void)state;
    memset(&t, 0, sizeof(t));
    assert_false(tcg_menu(&t, &ppi));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pages20),
        cmocka_unit_test(test_clear20),
        cmocka_unit_test(test_banks20),
        cmocka_unit_test(test_pcrs),
        cmocka_unit_test(test_settings),
        cmocka_unit_test(test_menu12),
        cmocka_unit_test(test_not_usable),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
