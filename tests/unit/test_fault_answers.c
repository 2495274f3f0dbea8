/* SPDX-License-Identifier: MIT */
/*
 * A whole POST with one fault in it: every command's response cut at every
 * length, replaced by every response code that matters, lost, delayed,
 * filled with garbage.  However it goes: POST ends in bounded time, the log
 * stays readable, and either trust is kept for a stated reason or measured
 * boot is closed with a message.
 */
#include "check.h"
#include "faulty.h"
#include "tcg/tpm_spec.h"

/* Commands whose failure costs nothing but words on the console. */
static bool is_harmless(unsigned command, enum fault_kind f, uint32_t value)
{
    uint32_t code = script[command].code;

    if (t.family == TCG_FAMILY_20) {
        /* The second capability is that of the status line. */
        return code == TPM2_CC_SelfTest ||
               (code == TPM2_CC_GetCapability && command > 1) ||
               /* That there is no such command: test_profiles.c. */
               (code == TPM2_CC_GetRandom && f == CODE &&
                value == TPM2_RC_COMMAND_CODE);
    }
    /* An error code to these means: keep the specification's values. */
    return code == TPM12_ORD_ContinueSelfTest ||
           (code == TPM12_ORD_GetCapability && (f == CODE || command > 4))
           /* A refusal is looked into, and the command sent again. */
           || (code == TSC_ORD_PhysicalPresence && f == CODE);
}

static void inject(enum fake_kind kind, unsigned command, enum fault_kind f,
                   uint32_t value)
{
    fault = (struct fault){ f, command, 1, value, false };
    replay_post(kind);
    if (!log_ok())
        fail_msg("fault %d value %x at command %u: log", f, value, command);
    /* Nothing waits longer than a handful of its time-outs. */
    assert_true(hw.now < 100000000u);
    if (!fault_hit())
        return;
    if (t.state == TCG_MEASURING && !is_harmless(command, f, value) &&
        command != 0) { /* it is started again */
        fail_msg("fault %d value %x at command %u (%x): still trusted", f,
                 value, command, script[command].code);
    }
    if (t.state != TCG_MEASURING && hw.out[0] == 0) {
        fail_msg("fault %d value %x at command %u: no message", f, value,
                 command);
    }
    if (t.state == TCG_FAILED) {
        struct tcg_regs r = { .eax = 0xbb00 };

        tcg_int1a(&t, &r);
        assert_int_equal(r.eax, 1 | 0x24 << 16);
    }
}

/* Every length that a response can be cut to. */
static void cut_response(enum fake_kind kind, unsigned command)
{
    for (uint32_t n = 0; n < script[command].len; n++) {
        if (kind != FAKE_CRB)
            inject(kind, command, CUT, n);
        if (n >= 6)
            inject(kind, command, CUT_FITTING, n);
    }
}

static void test_truncations(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        record(kinds[k]);
        for (unsigned c = 0; c < script_len; c++)
            cut_response(kinds[k], c);
    }
}

static void test_codes(void **state)
{
    static const uint32_t codes20[] = {
        0x100, 0x101, 0x103, 0x120, 0x143, 0x14a, 0x1c4, 0x9a2, 0x98e, 0x18b,
        0x904, 0x907, 0x909, 0x921, 0x923, 0x1e, 0xffffffff, 0x80000000,
    };
    static const uint32_t codes12[] = {
        1, 3, 6, 7, 9, 0x1c, 0x1e, 0x26, 0x2d, 0x3d, 0x803, 0xffffffff,
    };

    (void)state;
    for (int k = 0; k < KINDS; k++) {
        bool v12 = kinds[k] == FAKE_TIS12;
        size_t n = v12 ? sizeof(codes12) / 4 : sizeof(codes20) / 4;

        record(kinds[k]);
        for (unsigned c = 0; c < script_len; c++)
            for (size_t i = 0; i < n; i++)
                inject(kinds[k], c, CODE, v12 ? codes12[i] : codes20[i]);
    }
}

static void test_lost_and_garbage(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        record(kinds[k]);
        for (unsigned c = 0; c < script_len; c++) {
            inject(kinds[k], c, LOST, 0);
            inject(kinds[k], c, GARBAGE, 0);
            inject(kinds[k], c, GARBAGE, 0xff);
            inject(kinds[k], c, GARBAGE, 0x80);
            inject(kinds[k], c, LONGER, 1);
            inject(kinds[k], c, LONGER, 4);
            inject(kinds[k], c, LONGER, 600);
            inject(kinds[k], c, WRONG_TAG, 3);
            inject(kinds[k], c, WRONG_TAG, 0x40);
        }
    }
}

/* A code that asks for the command again, so many times: it works. */
static void repeat(enum fake_kind kind, unsigned command, uint32_t code,
                   unsigned times)
{
    bool v12 = kind == FAKE_TIS12;
    uint32_t selftest = v12 ? TPM12_ORD_ContinueSelfTest : TPM2_CC_SelfTest;

    fault = (struct fault){ CODE, command, times, code, true };
    replay_post(kind);
    assert_int_equal(t.state, TCG_MEASURING);
    assert_string_equal(hw.out, "");
    assert_true(hw.now < 1000000);
    assert_true(log_ok());
    /* Only NEEDS_SELFTEST asks for one, whose answer is the next to be
     * spoilt. */
    if (script[command].code != selftest)
        assert_int_equal(sent(selftest) - 1,
                         v12 && code == 0x801 ? (times + 1) / 2 : 0);
}

static void repeat_for_ever(enum fake_kind kind, unsigned command,
                            uint32_t code)
{
    fault = (struct fault){ CODE, command, FOR_EVER, code, true };
    replay_post(kind);
    assert_int_not_equal(t.state, TCG_MEASURING);
    assert_true(hw.now < 400000000u);
}

/* Codes that ask for the same command again: it is sent again, and works. */
static void test_repeats(void **state)
{
    static const uint32_t again20[] = { 0x908, 0x90a, 0x920, 0x922 };
    static const uint32_t again12[] = { 0x800, 0x801, 0x802 };

    (void)state;
    for (int k = 0; k < KINDS; k++) {
        bool v12 = kinds[k] == FAKE_TIS12;
        const uint32_t *again = v12 ? again12 : again20;
        unsigned count = v12 ? 3 : 4;

        record(kinds[k]);
        for (unsigned i = 0; i < script_len * count; i++) {
            repeat(kinds[k], i / count, again[i % count], 1);
            repeat(kinds[k], i / count, again[i % count], 3);
            repeat_for_ever(kinds[k], i / count, again[i % count]);
        }
    }
}

/* A TPM that is gone from some command on. */
static void test_silence(void **state)
{
    (void)state;
    for (int k = 0; k < KINDS; k++) {
        record(kinds[k]);
        for (unsigned c = 0; c < script_len; c++) {
            fault = (struct fault){ LOST, c, FOR_EVER, 0, false };
            replay_post(kinds[k]);
            assert_int_equal(t.state, TCG_FAILED);
            assert_int_not_equal(hw.out[0], 0);
            if (hw.now > 75000000u) {
                fail_msg("kind %d, silent from %u: %u ms\n%s", k, c,
                         (unsigned)(hw.now / 1000), hw.out);
            }
            assert_true(log_ok());
        }
    }
}

/* A Startup whose answer makes no sense, though it was executed. */
static void test_second_chance(void **state)
{
    (void)state;
    record(FAKE_TIS20);
    fault = (struct fault){ GARBAGE, 0, 1, 0, false };
    restart(FAKE_TIS20);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_contains(hw.out, "trying once more");
    /* The same, and the second answer is TPM_RC_INITIALIZE. */
    error_response(script[0].rsp, 0x100);
    restart(FAKE_TIS20);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(t.state, TCG_STARTED);
    /* Refused twice, and all else as well: nothing is claimed. */
    fault = (struct fault){ CODE, 0, FOR_EVER, 0x120, false };
    restart(FAKE_TIS20);
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_TPM);
    assert_contains(hw.out, "start-up failed with code 120h");
    assert_contains(hw.out, "PCRs could not all be capped, TPM could not be");
    assert_int_equal(t.state, TCG_FAILED);
    tcg_fail(&t, "again");                  /* said once */
    assert_null(strstr(hw.out, "again"));
    /* The first one never reached it: somebody else has started it. */
    fault = (struct fault){ NONE, 0, 0, 0, false };
    restart(FAKE_TIS20);
    hw.lose_bytes = 2 * 12;             /* both attempts at it */
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_TPM);
    assert_contains(hw.out, "its interface misbehaves; trying once more");
    assert_contains(hw.out, "started before this firmware ran; not used");
    assert_int_equal(t.state, TCG_UNUSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_lost_and_garbage),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_second_chance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
