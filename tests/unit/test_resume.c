/* SPDX-License-Identifier: MIT */
/*
 * S3 resume against real TPMs: state restored, state lost, and what the OS
 * finds in each case.
 */
#include "check.h"
#include "fakehw.h"
#include "realtpm.h"
#include "replay.h"
#include "tcg/tpm_spec.h"

static struct fakehw hw;
static struct tcg t;
static uint8_t log_area[0x4000];
static struct replay rp;

static void boot(int version)
{
    realtpm_new(version);
    fakehw_init(&hw, version == 1 ? FAKE_TIS12 : FAKE_CRB, realtpm_exec,
                NULL);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)), 0);
    assert_int_equal(tcg_measure_bytes(&t, TCG_CRTM_VERSION, "K", 1), 0);
    assert_int_equal(tcg_before_third_party(&t), 0);
    assert_int_equal(tcg_handover(&t), 0);
}

static void wake(void)
{
    enum fake_kind kind = hw.kind;

    realtpm_reset();
    fakehw_init(&hw, kind, realtpm_exec, NULL);
    memset(&t, 0xa5, sizeof(t));
}

static void resume(uint8_t *log, uint32_t size, int want)
{
    int rc = tcg_resume(&t, &hw.plat, log, size);

    if (rc != want)
        fail_msg("%d != %d\n%s%s", rc, want, hw.out, hw.dbg);
    assert_false(hw.active && !t.dev.busy);     /* the OS's locality */
}

static void all_pcrs(uint8_t value[17][32], uint16_t alg)
{
    memset(value, 0, 17 * 32);
    for (uint32_t i = 0; i < 17; i++)
        realtpm_pcr(alg, i, value[i]);
}

static void check_capped(uint16_t alg)
{
    uint8_t now[64], zero[64] = { 0 };

    for (uint32_t i = 0; i <= 16; i++) {
        assert_int_not_equal(realtpm_pcr(alg, i, now), 0);
        assert_memory_not_equal(now, zero, 20);
    }
    realtpm_pcr(alg, 23, now);
    assert_memory_not_equal(now, zero, 20);
}

static void test_restored20(void **state)
{
    uint8_t before[17][32], after[17][32];

    (void)state;
    boot(2);
    all_pcrs(before, 11);
    assert_int_equal(realtpm_hex("8001 00000000 00000145 0001"), 0);
    wake();
    resume(NULL, 0, TCG_RESUME_RESTORED);
    assert_string_equal(hw.out, "");
    all_pcrs(after, 11);
    assert_memory_equal(before, after, sizeof(before));
    /* platformAuth is not empty. */
    assert_int_equal(realtpm_hex("8002 00000000 00000126 4000000C 00000009"
                                 "40000009 0000 00 0000"), 0x9a2);
    assert_int_equal(realtpm_property(TPM2_PT_STARTUP_CLEAR) & 6, 6);
    realtpm_end();
}

/* A resume that works logs nothing: the OS has its copy of the log. */
static void test_restored20_log(void **state)
{
    static uint8_t before[sizeof(log_area)];

    (void)state;
    boot(2);
    memcpy(before, log_area, sizeof(log_area));
    assert_int_equal(realtpm_hex("8001 00000000 00000145 0001"), 0);
    wake();
    resume(log_area, sizeof(log_area), TCG_RESUME_RESTORED);
    assert_memory_equal(log_area, before, sizeof(log_area));
    realtpm_end();
}

/* The log of a boot whose PCRs are lost: its old part, then separators. */
static void test_lost_with_log(void **state)
{
    static uint8_t before[sizeof(log_area)];
    uint32_t errors = 0, used;
    unsigned old;

    (void)state;
    boot(2);
    memcpy(before, log_area, sizeof(log_area));
    assert_no_text(replay_log(&rp, log_area, sizeof(log_area)));
    old = rp.count;
    used = rp.used;
    wake();
    resume(log_area, sizeof(log_area), TCG_RESUME_CAPPED);
    assert_no_text(replay_log(&rp, log_area, sizeof(log_area)));
    assert_int_equal(rp.banks, 4);
    assert_memory_equal(log_area, before, used);
    assert_int_equal(rp.event[old].type, EV_NO_ACTION);
    assert_memory_equal(rp.event[old].data, "KeelBIOS resumed", 16);
    for (unsigned i = old + 1; i < rp.count; i++) {
        assert_int_equal(rp.event[i].type, EV_SEPARATOR);
        assert_memory_equal(rp.event[i].data, "\1\0\0", 4);
        errors |= 1u << rp.event[i].pcr;
    }
    assert_int_equal(errors, TCG_PCRS_ALL);
    realtpm_end();
}

static void test_hostile_log(void **state)
{
    static uint8_t before[sizeof(log_area)];

    (void)state;
    boot(2);
    wake();
    memset(log_area, 0xff, sizeof(log_area));
    memcpy(before, log_area, sizeof(log_area));
    resume(log_area, sizeof(log_area), TCG_RESUME_CAPPED);
    assert_null(t.log.area);
    assert_memory_equal(log_area, before, sizeof(log_area));
    realtpm_end();
}

static void check_log_names_resume(void)
{
    int i;

    assert_no_text(replay_log(&rp, log_area, sizeof(log_area)));
    i = replay_find(&rp, 1, 0, EV_NO_ACTION);
    assert_true(i >= 0);
    assert_memory_equal(rp.event[i].data, "KeelBIOS resumed", 16);
}

/* And it ends with an error separator in each PCR. */
static void check_log_says_so(void)
{
    static const uint8_t error[4] = { 1, 0, 0, 0 };
    int i;

    check_log_names_resume();
    for (uint32_t pcr = 0; pcr <= 16; pcr++) {
        i = replay_find(&rp, 0, pcr, EV_SEPARATOR);
        if (pcr < 8)
            i = replay_find(&rp, (unsigned)i + 1, pcr, EV_SEPARATOR);
        assert_true(i >= 0);
        assert_memory_equal(rp.event[i].data, error, sizeof(error));
    }
}

static void test_lost20(void **state)
{
    (void)state;
    boot(2);
    wake();
    resume(log_area, sizeof(log_area), TCG_RESUME_CAPPED);
    check_log_says_so();
    assert_contains(hw.out, "state was lost");
    assert_contains(hw.out, "PCRs capped, TPM disabled");
    check_capped(4);
    check_capped(11);
    check_capped(12);
    check_capped(13);
    assert_int_equal(realtpm_property(TPM2_PT_STARTUP_CLEAR) & 7, 0);
    realtpm_end();
}

/*
 * A TPM that is not understood after the sleep, with its state saved or lost:
 * its PCRs cannot be trusted any more, by nobody, and the console does not
 * claim what it does not know.
 */
static void test_garbled(void **state)
{
    uint8_t before[17][32], after[17][32];
    static const char *const save[] = {
        "00c1 00000000 00000098", "8001 00000000 00000145 0001",
    };

    (void)state;
    for (int version = 1; version <= 2; version++) {
        for (int saved = 0; saved < 2; saved++) {
            boot(version);
            all_pcrs(before, version == 1 ? 4 : 11);
            if (saved)
                assert_int_equal(realtpm_hex(save[version - 1]), 0);
            wake();
            hw.exec = realtpm_garble;
            resume(log_area, sizeof(log_area), TCG_RESUME_FAILED);
            assert_contains(hw.out, "start-up failed: its answer is "
                            "malformed");
            assert_contains(hw.out, "PCRs could not all be capped, TPM could "
                            "not be disabled");
            if (version == 1 && !saved) {
                /* libtpms is in failure mode then: nothing is left to cap. */
                assert_int_not_equal(realtpm_hex("00c1 00000000 00000046 "
                                                 "00000004"), 0);
                realtpm_end();
                continue;
            }
            all_pcrs(after, version == 1 ? 4 : 11);
            for (int i = 0; i < 17; i++) {
                static const uint8_t zero[20];

                assert_memory_not_equal(after[i], before[i], 20);
                assert_memory_not_equal(after[i], zero, 20);
            }
            if (version == 2 && !saved)
                assert_int_equal(realtpm_property(TPM2_PT_STARTUP_CLEAR) & 7,
                                 0);
            realtpm_end();
        }
    }
}

/*
 * A TPM that was not reset.  A real one is left alone; an emulator's cannot be
 * what was saved.  Nobody knows its platformAuth: it cannot be disabled.
 */
static void test_not_reset20(void **state)
{
    (void)state;
    boot(2);
    fakehw_init(&hw, FAKE_CRB, realtpm_exec, NULL);
    hw.exec = realtpm_other;
    resume(NULL, 0, TCG_RESUME_UNUSED);
    fakehw_init(&hw, FAKE_CRB, realtpm_exec, NULL);
    resume(log_area, sizeof(log_area), TCG_RESUME_FAILED);
    check_capped(4);
    check_capped(11);
    realtpm_end();
}

static void test_restored12(void **state)
{
    uint8_t before[17][32], after[17][32];

    (void)state;
    boot(1);
    all_pcrs(before, 4);
    assert_int_equal(realtpm_hex("00c1 00000000 00000098"), 0);
    wake();
    resume(NULL, 0, TCG_RESUME_RESTORED);
    assert_string_equal(hw.out, "");
    all_pcrs(after, 4);
    assert_memory_equal(before, after, sizeof(before));
    assert_int_equal(realtpm_hex("00c1 00000000 4000000a 0008"), 3);
    realtpm_end();
}

static void test_lost12(void **state)
{
    uint32_t rc;

    (void)state;
    boot(1);
    wake();
    resume(log_area, sizeof(log_area), TCG_RESUME_CAPPED);
    check_log_names_resume();       /* libtpms is in failure mode then */
    printf("%s", hw.out);
    /* Deactivated, or in failure mode: GetRandom does not work. */
    rc = realtpm_hex("00c1 00000000 00000046 00000004");
    printf("GetRandom: %x\n", rc);
    assert_int_not_equal(rc, 0);
    /* And the OS cannot start it afresh. */
    assert_int_not_equal(realtpm_hex("00c1 00000000 00000099 0001"), 0);
    realtpm_end();
}

static void test_absent(void **state)
{
    (void)state;
    fakehw_init(&hw, FAKE_NONE, realtpm_exec, NULL);
    assert_int_equal(tcg_resume(&t, &hw.plat, NULL, 0), ERR_ABSENT);
    assert_string_equal(hw.out, "");
    fakehw_init(&hw, FAKE_CRB, realtpm_exec, NULL);
    hw.crb_size = 5;
    resume(NULL, 0, TCG_RESUME_UNUSED);
    assert_contains(hw.out, "names no usable buffers; not used");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_restored20),
        cmocka_unit_test(test_restored20_log),
        cmocka_unit_test(test_lost_with_log),
        cmocka_unit_test(test_hostile_log),
        cmocka_unit_test(test_lost20),
        cmocka_unit_test(test_garbled),
        cmocka_unit_test(test_not_reset20),
        cmocka_unit_test(test_restored12),
        cmocka_unit_test(test_lost12),
        cmocka_unit_test(test_absent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
