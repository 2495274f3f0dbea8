/* SPDX-License-Identifier: MIT */
/*
 * Calls of the module in the wrong order and with impossible arguments, and
 * its formatting of texts.
 */
#include "check.h"
#include "faulty.h"

static void test_misuse(void **state)
{
    struct tcg_digests d;
    char long_text[200];

    (void)state;
    record(FAKE_CRB);
    assert_int_equal(tcg_measure(&t, TCG_EVENT_COUNT, NULL, 0, 0, NULL),
                     ERR_PARAM);
    assert_int_equal(tcg_hash(&t, NULL, 0, &d), 0);
    assert_int_equal(tcg_measure_hashed(&t, TCG_ROM_SCAN, &d, 0, NULL),
                     ERR_PARAM);
    assert_int_equal(tcg_measure_hashed(&t, TCG_ACPI, &d, 0, NULL), 0);
    memset(long_text, 'x', sizeof(long_text));
    long_text[199] = 0;
    long_text[0] = '\n';
    assert_int_equal(tcg_measure_action(&t, TCG_BOOT_BEV, long_text), 0);
    assert_true(log_ok());
    assert_int_equal(rp.event[rp.count - 1].len, 19 + 64);
    assert_memory_equal(rp.event[rp.count - 1].data,
                        "Booting BEV Device ?xx", 22);
    memset(long_text, 'x', 199);
    assert_int_equal(tcg_measure_bytes(&t, TCG_CRTM_VERSION, long_text, 199),
                     0);
    assert_int_equal(tcg_measure_bytes(&t, TCG_CRTM_VERSION, log_area, 500),
                     ERR_PARAM);
    assert_int_equal(tcg_measure_bytes(&t, TCG_BOOT_ORDER, "abc", 3), 0);
    assert_true(log_ok());
    /* A boot that never got a log. */
    restart(FAKE_CRB);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_handover(&t), ERR_PARAM);
    assert_int_equal(t.state, TCG_FAILED);
    assert_contains(hw.out, "before anything could be measured");
    assert_int_equal(tcg_handover(&t), 0);
    /* A log area that is too small for anything. */
    restart(FAKE_CRB);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_attach_log(&t, log_area, 20), 0);
    assert_contains(hw.out, "(20 bytes) is too small");
    assert_int_equal(tcg_before_third_party(&t), 0);
    assert_int_equal(tcg_handover(&t), 0);
    tcg_fail(&t, "late");
    assert_contains(hw.out, "TPM could not be disabled");
}

static void test_format(void **state)
{
    char text[20];

    (void)state;
    assert_int_equal(tcg_format(text, 20, "%s %c%u %x %X", "a\tb", 'z', 0,
                                0xbeef, 0x12), 19);
    assert_string_equal(text, "a?b z0 beef 0000001");
    assert_int_equal(tcg_format(text, 4, "%%%q%"), 3);
    assert_string_equal(text, "%%%");
    assert_int_equal(tcg_format(text, 0, "x"), 0);
    assert_int_equal(tcg_format(text, 20, "100%"), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
