/* SPDX-License-Identifier: MIT */
/*
 * TPMs 2.0 without commands that a profile can leave out (libtpms 0.10):
 * TPM2_GetRandom, TPM2_HierarchyControl, those of NV storage.
 */
#include "check.h"
#include "fakehw.h"
#include "realtpm.h"
#include "replay.h"
#include "tcg/tpm_spec.h"

#define CLEAR_BY_PLATFORM \
    "8002 00000000 00000126 4000000C 00000009 40000009 0000 00 0000"
#define BAD_AUTH        0x9a2u
#define OFF             0x185u          /* TPM_RC_HIERARCHY, handle 1 */

static struct fakehw hw;
static struct tcg t;
static uint8_t log_area[0x10000];
static struct replay rp;

static uint32_t missing[8];
static unsigned randoms;

static int without(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                   uint32_t cap)
{
    static const uint8_t refused[10] = { 0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x43 };
    uint32_t code = (uint32_t)cmd[8] << 8 | cmd[9];

    for (unsigned i = 0; i < 8 && missing[i]; i++) {
        if (code == missing[i]) {
            memcpy(rsp, refused, sizeof(refused));
            return sizeof(refused);
        }
    }
    return realtpm_exec(arg, cmd, len, rsp, cap);
}

static int source(void *ctx, void *to, size_t len)
{
    uint8_t *p = to;

    (void)ctx;
    randoms++;
    for (size_t i = 0; i < len; i++)
        p[i] = (uint8_t)(0x31 + 7 * i);
    return 0;
}

static int empty(void *ctx, void *to, size_t len)
{
    (void)ctx, (void)to, (void)len;
    randoms++;
    return ERR_ABSENT;
}

/* A POST on a TPM without these commands, the last one 0. */
static void post(const uint32_t *codes, int (*random)(void *, void *, size_t))
{
    realtpm_new(2);
    memset(missing, 0, sizeof(missing));
    memcpy(missing, codes, 4 * sizeof(*codes));
    randoms = 0;
    fakehw_init(&hw, FAKE_CRB, without, NULL);
    hw.plat.random = random;
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)), 0);
    assert_int_equal(tcg_measure_bytes(&t, TCG_CRTM_VERSION, "x", 1), 0);
    (void)tcg_before_third_party(&t);
    (void)tcg_measure_action(&t, TCG_ROM_SCAN, NULL);
    (void)tcg_handover(&t);
}

/* PCRs and log are as ever, and the platform's authority is nobody's. */
static void assert_measured(uint32_t platform_says)
{
    assert_int_equal(t.state, TCG_MEASURING);
    assert_no_text(replay_log(&rp, log_area, sizeof(log_area)));
    assert_no_text(replay_compare(&rp));
    assert_int_equal(rp.count, 1 + 2 + 9);
    assert_int_equal(realtpm_hex(CLEAR_BY_PLATFORM), platform_says);
    for (unsigned i = 0; i < sizeof(t.auth); i++)
        assert_int_equal(t.auth[i], 0);
    realtpm_end();
}

static const uint32_t no_random[4] = { TPM2_CC_GetRandom };
static const uint32_t no_control[4] = { TPM2_CC_HierarchyControl };
static const uint32_t neither[4] = {
    TPM2_CC_GetRandom, TPM2_CC_HierarchyControl,
};

static void test_machine_source(void **state)
{
    (void)state;
    post(no_random, source);
    assert_string_equal(hw.out, "");
    assert_int_equal(randoms, 1);
    assert_measured(BAD_AUTH);
    post(neither, source);
    assert_string_equal(hw.out, "");
    assert_measured(BAD_AUTH);
}

static void test_no_source(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        post(no_random, i ? empty : NULL);
        assert_contains(hw.out, "no random numbers");
        assert_contains(hw.out, "the platform hierarchy is off");
        assert_measured(OFF);
    }
}

/* Not needed while all goes well; a failure can cap, but not disable. */
static void test_no_control(void **state)
{
    (void)state;
    post(no_control, source);
    assert_string_equal(hw.out, "");
    assert_int_equal(randoms, 0);
    assert_measured(BAD_AUTH);
    post(no_control, NULL);
    tcg_fail(&t, "a test");
    assert_contains(hw.out, "PCRs capped, TPM could not be disabled");
    realtpm_end();
}

/* An operating system would have the platform: nothing is measured for it. */
static void test_neither(void **state)
{
    uint8_t v[64], zero[64] = { 0 };

    (void)state;
    post(neither, NULL);
    assert_int_equal(t.state, TCG_FAILED);
    assert_contains(hw.out, "no random numbers");
    assert_contains(hw.out, "cannot be turned off either");
    assert_contains(hw.out, "PCRs capped, TPM could not be disabled");
    assert_contains(hw.out, "the operating system has it");
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(realtpm_pcr(11, i, v), 32);
        assert_memory_not_equal(v, zero, 32);
    }
    realtpm_end();
}

/* The TPM's own numbers come first, and an error is no missing command. */
static int fails(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                 uint32_t cap)
{
    static const uint8_t refused[10] = { 0x80, 1, 0, 0, 0, 10, 0, 0, 1, 0x20 };

    if (cmd[8] != 1 || cmd[9] != 0x7b)
        return realtpm_exec(arg, cmd, len, rsp, cap);
    memcpy(rsp, refused, sizeof(refused));
    return sizeof(refused);
}

static void test_source_is_second(void **state)
{
    static const uint32_t none[4] = { 0 };

    (void)state;
    post(none, source);
    assert_int_equal(randoms, 0);
    assert_measured(BAD_AUTH);
    realtpm_new(2);
    fakehw_init(&hw, FAKE_CRB, fails, NULL);
    hw.plat.random = source;
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)), 0);
    assert_int_equal(tcg_before_third_party(&t), ERR_TPM);
    assert_int_equal(t.state, TCG_FAILED);
    assert_int_equal(randoms, 0);
    realtpm_end();
}

/* A resume: the platform hierarchy is on again. */
static void test_resume(void **state)
{
    static const struct {
        const uint32_t *codes;
        int (*before)(void *, void *, size_t), (*after)(void *, void *, size_t);
        uint32_t says;
    } c[] = {
        { no_random, source, source, BAD_AUTH },
        { no_random, NULL, NULL, OFF },
        { no_random, source, NULL, BAD_AUTH },
        { no_random, NULL, source, BAD_AUTH },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(c) / sizeof(*c); i++) {
        post(c[i].codes, c[i].before);
        assert_int_equal(realtpm_hex("8001 00000000 00000145 0001"), 0);
        realtpm_reset();
        fakehw_init(&hw, FAKE_CRB, without, NULL);
        hw.plat.random = c[i].after;
        assert_int_equal(tcg_resume(&t, &hw.plat, NULL, 0),
                         TCG_RESUME_RESTORED);
        assert_int_equal(realtpm_hex(CLEAR_BY_PLATFORM), c[i].says);
        realtpm_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_machine_source),
        cmocka_unit_test(test_no_source),
        cmocka_unit_test(test_no_control),
        cmocka_unit_test(test_neither),
        cmocka_unit_test(test_source_is_second),
        cmocka_unit_test(test_resume),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
