/* SPDX-License-Identifier: MIT */
/*
 * Is there a TPM, and is it the one that the configuration promises?
 */
#include "check.h"
#include "faulty.h"

static void test_detection(void **state)
{
    (void)state;
    fakehw_init(&hw, FAKE_NONE, script_exec, NULL);
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_ABSENT);
    assert_string_equal(hw.out, "");
    fakehw_init(&hw, FAKE_FLOATING, script_exec, NULL);
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_ABSENT);
    assert_true(hw.now == 0);
    fakehw_init(&hw, FAKE_TIS20, script_exec, NULL);
    hw.registers_zero = true;
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_ABSENT);
    fakehw_init(&hw, FAKE_TIS20, script_exec, NULL);
    hw.never_granted = true;
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_TIMEOUT);
    assert_contains(hw.out, "did not answer in time");
    fakehw_init(&hw, FAKE_TIS20, script_exec, NULL);
    hw.id_override = 5;
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_DEVICE);
    assert_contains(hw.out, "interface type 5 is unknown");
    fakehw_init(&hw, FAKE_CRB, script_exec, NULL);
    hw.crb_size = 5;
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_DEVICE);
    assert_contains(hw.out, "no usable buffers");
    assert_int_equal(t.state, TCG_UNUSED);
    fakehw_init(&hw, FAKE_TIS20, script_exec, NULL);
    hw.did_vid = 0xffffffff;
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_DEVICE);
}

/* What a CRB interface can beside: none of it makes it another one. */
static void test_crb_capabilities(void **state)
{
    static const uint32_t ids[] = {
        0x25811,                        /* QEMU to 11.0 */
        0x25c11,                        /* QEMU 11.1: CapCRBChunk */
        0x00000021,                     /* interface version 2, PTP 1.06 */
        0x00000001, 0xfffffff1,
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(ids) / sizeof(*ids); i++) {
        record(FAKE_CRB);
        restart(FAKE_CRB);
        hw.id_override = ids[i];
        assert_int_equal(tcg_start(&t, &hw.plat), 0);
        assert_int_equal(t.interface, TPM_IF_CRB);
        assert_string_equal(hw.out, "");
    }
}

/* A response that only chunks could bring is refused. */
static int too_long(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                    uint32_t cap)
{
    (void)arg, (void)cmd, (void)len, (void)cap;
    memset(rsp, 0, 0xf90);
    rsp[0] = 0x80;
    rsp[1] = 1;
    set_size(rsp, 0xf90);
    return 0xf90;
}

static void test_no_chunks(void **state)
{
    static uint8_t cmd[0x1000] = { 0x80, 1, 0, 0, 0x0f, 0x90 }, rsp[0x1000];

    (void)state;
    record(FAKE_CRB);
    restart(FAKE_CRB);
    hw.id_override = 0x25c11;
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tpm_pass(&t, cmd, 0xf90, rsp, sizeof(rsp)), ERR_SPACE);
    hw.exec = too_long;
    cmd[4] = 0;
    cmd[5] = 12;
    assert_int_equal(tpm_pass(&t, cmd, 12, rsp, sizeof(rsp)), ERR_FORMAT);
    assert_int_equal(t.state, TCG_STARTED);
}

/* How often they contradict the hardware, and that it is said so. */
static void contradicts(struct tcg_promise p, int count, const char *words)
{
    size_t before = strlen(hw.out);

    assert_int_equal(tcg_cross_check(&t, &p), count);
    assert_int_equal(hw.out[before] != 0, count != 0);
    assert_contains(hw.out + before, words);
}

static void test_cross_check(void **state)
{
    static const struct tcg_promise right_crb = { 6, 2, true, false, 7 },
                                    right_tis = { 6, 2, true, false, 6 },
                                    right_12 = { 6, 1, false, true, 0 },
                                    nothing = { 0 };

    (void)state;
    record(FAKE_CRB);
    contradicts(right_crb, 0, "");
    contradicts(nothing, 0, "");
    contradicts((struct tcg_promise){ 6, 0, true, false, 7 }, 0, "");
    contradicts(right_tis, 1, "start method 6 does not fit");
    contradicts((struct tcg_promise){ 6, 2, true, false, 0 }, 1,
                "start method 0 does not fit");
    contradicts((struct tcg_promise){ 6, 1, true, false, 7 }, 1,
                "etc/tpm/config says version 1.2, the hardware 2.0");
    contradicts((struct tcg_promise){ 6, 3, true, false, 7 }, 1,
                "etc/tpm/config says version code 3");
    contradicts((struct tcg_promise){ 5, 2, true, false, 7 }, 1,
                "etc/tpm/config has 5 bytes, not 6");
    contradicts((struct tcg_promise){ 6, 2, true, true, 7 }, 1,
                "TCPA table is for TPM 1.2, the hardware is TPM 2.0");
    contradicts(right_12, 2, "TCPA table is for TPM 1.2");
    record(FAKE_TIS20);
    contradicts(right_tis, 0, "");
    contradicts(right_crb, 1, "start method 7 does not fit");
    record(FAKE_TIS12);
    contradicts(right_12, 0, "");
    contradicts(nothing, 0, "");
    contradicts(right_tis, 2, "etc/tpm/config says version 2.0, the hardware");
    contradicts(right_tis, 2, "TPM2 table is for TPM 2.0, the hardware is TPM "
                "1.2");
    /* A TPM that is not used is compared as well; none at all is not. */
    fakehw_init(&hw, FAKE_CRB, script_exec, NULL);
    hw.never_granted = true;
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_TIMEOUT);
    contradicts(right_tis, 1, "start method 6");
    memset(&t, 0, sizeof(t));
    assert_int_equal(tcg_cross_check(&t, &right_tis), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detection),
        cmocka_unit_test(test_crb_capabilities),
        cmocka_unit_test(test_no_chunks),
        cmocka_unit_test(test_cross_check),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
