/* SPDX-License-Identifier: MIT */
/*
 * The module against a real TPM 2.0 (libtpms), through both interfaces.
 */
#include "check.h"
#include "fakehw.h"
#include "realtpm.h"
#include "replay.h"
#include "tcg/tpm_spec.h"

static struct fakehw hw;
static struct tcg t;
static uint8_t log_area[0x10000];
static struct replay rp;

static void begin(enum fake_kind kind)
{
    realtpm_new(2);
    fakehw_init(&hw, kind, realtpm_exec, NULL);
}

static void measure_a_boot(void)
{
    static uint8_t rom[4096], image[70000], sector[512];
    struct tcg_piece two[2] = { { image, 30000 }, { image + 30000, 40000 } };
    struct tcg_piece one = { rom, sizeof(rom) };

    for (unsigned i = 0; i < sizeof(image); i++)
        image[i] = (uint8_t)(i * 7 + i / 256);
    assert_int_equal(tcg_measure_bytes(&t, TCG_CRTM_VERSION, "KeelBIOS 1",
                                       10), 0);
    assert_int_equal(tcg_measure(&t, TCG_POST_CODE, two, 2, 0, NULL), 0);
    assert_int_equal(tcg_measure_bytes(&t, TCG_ACPI, image, 1000), 0);
    assert_int_equal(tcg_before_third_party(&t), 0);
    assert_int_equal(tcg_measure_action(&t, TCG_ROM_SCAN, NULL), 0);
    assert_int_equal(tcg_measure(&t, TCG_OPTION_ROM, &one, 1, 0x18, NULL),
                     0);
    assert_true(hw.active);             /* kept from command to command */
    assert_int_equal(tcg_handover(&t), 0);
    assert_false(hw.active);
    assert_int_equal(tcg_measure_action(&t, TCG_BOOT_BCV, "80h (HDD)"), 0);
    assert_false(hw.active);
    assert_int_equal(tcg_measure_bytes(&t, TCG_IPL_MBR, sector, 440), 0);
    assert_int_equal(tcg_measure_bytes(&t, TCG_PARTITION_TABLE, sector + 440,
                                       72),
                     0);
}

static void full_boot(enum fake_kind kind, uint32_t burst)
{
    char line[120];
    int i;

    begin(kind);
    hw.burst = burst;
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_string_equal(hw.out, "");
    assert_int_equal(t.bank_count, 4);
    assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)), 0);
    measure_a_boot();
    tcg_status_line(&t, line, sizeof(line));
    assert_contains(line, "TPM 2.0 (IBM, firmware ");
    assert_contains(line, "banks SHA1 SHA256 SHA384 SHA512");
    assert_no_text(replay_log(&rp, log_area, sizeof(log_area)));
    assert_no_text(replay_compare(&rp));
    assert_int_equal(rp.count, 1 + 3 + 2 + 9 + 3);
    /* Every event whose data is all that was hashed verifies in all banks. */
    for (unsigned e = 1; e < rp.count; e++) {
        uint32_t type = rp.event[e].type;

        if (type == EV_POST_CODE || type == EV_IPL ||
            type == EV_PLATFORM_CONFIG_FLAGS || type == EV_IPL_PARTITION_DATA)
            continue;
        for (unsigned b = 0; b < rp.banks; b++) {
            uint8_t d[64];

            digest_of(rp.alg[b], rp.event[e].data, rp.event[e].len, d);
            assert_memory_equal(d, rp.event[e].digest[b], rp.size[b]);
        }
    }
    i = replay_find(&rp, 0, 4, EV_ACTION);
    assert_memory_equal(rp.event[i].data, "Calling INT 19h", 15);
    i = replay_find(&rp, (unsigned)i + 1, 4, EV_ACTION);
    assert_int_equal(rp.event[i].len, 28);
    assert_memory_equal(rp.event[i].data, "Booting BCV Device 80h (HDD)", 28);
    assert_string_equal(hw.out, "");
    /* platformAuth is not empty any more and nobody knows it. */
    assert_int_equal(realtpm_hex("8002 00000000 00000126 4000000C 00000009"
                                 "40000009 0000 00 0000"), 0x9a2);
    for (i = 0; i < 32; i++)
        assert_int_equal(t.auth[i], 0);
    printf("commands: %u, accesses: %u\n", hw.commands, hw.accesses);
    realtpm_end();
}

static void test_crb(void **state)
{
    (void)state;
    full_boot(FAKE_CRB, 0);
}

static void test_tis(void **state)
{
    (void)state;
    full_boot(FAKE_TIS20, 0);
}

static void test_tis_small_burst(void **state)
{
    (void)state;
    full_boot(FAKE_TIS20, 7);
}

#define EXTEND_PCR7_SHA1 \
    "8002 00000000 00000182 00000007 00000009 40000009 0000 00 0000" \
    "00000001 0004 1111111111111111111111111111111111111111"
#define CLEAR_BY_PLATFORM \
    "8002 00000000 00000126 4000000C 00000009 40000009 0000 00 0000"

/* Somebody else has started it: with PCRs as at a start-up it is used ... */
static void test_already_started(void **state)
{
    (void)state;
    begin(FAKE_CRB);
    assert_int_equal(realtpm_hex("8001 00000000 00000144 0000"), 0);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(t.state, TCG_STARTED);
    assert_contains(hw.out, "started before this firmware ran; its PCRs are "
                    "still those of a start-up: used");
    assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)), 0);
    measure_a_boot();
    assert_no_text(replay_log(&rp, log_area, sizeof(log_area)));
    assert_no_text(replay_compare(&rp));
    assert_int_equal(realtpm_hex(CLEAR_BY_PLATFORM), 0x9a2);
    realtpm_end();
}

/* ... with others, in any bank, an emulator's is closed, and a real one is
 * left alone. */
static void test_already_used(void **state)
{
    unsigned commands;

    (void)state;
    begin(FAKE_CRB);
    assert_int_equal(realtpm_hex("8001 00000000 00000144 0000"), 0);
    assert_int_equal(realtpm_hex(EXTEND_PCR7_SHA1), 0);
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_TPM);
    assert_int_equal(t.state, TCG_FAILED);
    assert_contains(hw.out, "its PCRs were changed before this firmware ran");
    assert_contains(hw.out, "PCRs capped, TPM disabled");
    assert_int_equal(realtpm_property(TPM2_PT_STARTUP_CLEAR) & 7, 0);
    assert_int_equal(tcg_attach_log(&t, log_area, 4096), ERR_ABSENT);
    assert_int_equal(tcg_handover(&t), ERR_ABSENT);
    realtpm_end();

    begin(FAKE_CRB);
    hw.exec = realtpm_other;
    assert_int_equal(realtpm_hex("8001 00000000 00000144 0000"), 0);
    assert_int_equal(realtpm_hex(EXTEND_PCR7_SHA1), 0);
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_TPM);
    assert_int_equal(t.state, TCG_UNUSED);
    assert_contains(hw.out, "started before this firmware ran; not used");
    commands = hw.commands;
    assert_int_equal(tcg_attach_log(&t, log_area, 4096), ERR_ABSENT);
    assert_int_equal(tcg_before_third_party(&t), ERR_ABSENT);
    assert_int_equal(tcg_handover(&t), ERR_ABSENT);
    assert_int_equal(hw.commands, commands);
    assert_int_equal(realtpm_property(TPM2_PT_STARTUP_CLEAR) & 7, 7);
    realtpm_end();
}

/* Untouched PCRs, but a platformAuth that somebody has set: the earlier
 * operating system of a virtual machine, or a real TPM's own firmware. */
static void test_already_owned(void **state)
{
    static const char set_auth[] =
        "8002 00000000 00000129 4000000C 00000009 40000009 0000 00 0000"
        "0003 616263";

    (void)state;
    for (int other = 0; other < 2; other++) {
        begin(FAKE_CRB);
        hw.exec = other ? realtpm_other : realtpm_exec;
        assert_int_equal(realtpm_hex("8001 00000000 00000144 0000"), 0);
        assert_int_equal(realtpm_hex(set_auth), 0);
        assert_int_equal(tcg_start(&t, &hw.plat), 0);
        assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)), 0);
        assert_int_equal(tcg_before_third_party(&t), other ? 0 : ERR_TPM);
        assert_int_equal(t.state, other ? TCG_MEASURING : TCG_FAILED);
        (void)tcg_handover(&t);
        realtpm_end();
    }
}

/* Is any part of the secret, 8 bytes long, in these bytes? */
static bool holds_secret(const uint8_t *secret, const void *at, size_t len)
{
    const uint8_t *p = at;

    for (size_t i = 0; i + 8 <= len; i++) {
        for (size_t j = 0; j + 8 <= 32; j++)
            if (!memcmp(p + i, secret + j, 8))
                return true;
    }
    return false;
}

/* Nothing of platformAuth is left, in the module or in the interface, on every
 * way out; while it is needed, it is there. */
static void test_secret_is_wiped(void **state)
{
    static const char *const way[] = { "hand-over", "failure", "late" };
    uint8_t secret[32];

    (void)state;
    for (unsigned w = 0; w < sizeof(way) / sizeof(*way); w++) {
        begin(FAKE_CRB);
        assert_int_equal(tcg_start(&t, &hw.plat), 0);
        assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)), 0);
        assert_int_equal(tcg_before_third_party(&t), 0);
        memcpy(secret, t.auth, sizeof(secret));
        assert_true(holds_secret(secret, &t, sizeof(t)));
        assert_true(holds_secret(secret, hw.crb, sizeof(hw.crb)));
        if (w == 1) {
            tcg_fail(&t, "a test");
        } else if (w == 2) {
            hw.busy_us = 90000000;
            hw.no_cancel = true;
            assert_int_equal(tcg_measure_action(&t, TCG_ROM_SCAN, NULL),
                             ERR_TIMEOUT);
        }
        (void)tcg_handover(&t);
        if (holds_secret(secret, &t, sizeof(t)) ||
            holds_secret(secret, hw.crb, sizeof(hw.crb)))
            fail_msg("%s: platformAuth is left", way[w]);
        realtpm_end();
    }
}

static void test_fail_closed(void **state)
{
    uint8_t v[64], zero[64] = { 0 };

    (void)state;
    begin(FAKE_CRB);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)), 0);
    assert_int_equal(tcg_before_third_party(&t), 0);
    tcg_fail(&t, "a test");
    assert_contains(hw.out, "measured boot has failed: a test\n");
    assert_contains(hw.out, "PCRs capped, TPM disabled");
    assert_int_equal(t.state, TCG_FAILED);
    assert_no_text(replay_log(&rp, log_area, sizeof(log_area)));
    assert_no_text(replay_compare(&rp));
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(realtpm_pcr(11, i, v), 32);
        assert_memory_not_equal(v, zero, 32);
    }
    /* phEnable, shEnable, ehEnable are off. */
    assert_int_equal(realtpm_property(TPM2_PT_STARTUP_CLEAR) & 7, 0);
    assert_int_equal(tcg_measure_action(&t, TCG_ROM_SCAN, NULL), ERR_ABSENT);
    realtpm_end();
}

/* PCR 0-7 of a bank are what one error separator makes of zeros. */
static void assert_capped(uint16_t alg, size_t size)
{
    static const uint8_t error[4] = { 1, 0, 0, 0 };
    uint8_t v[64], want[128] = { 0 };

    digest_of(alg, error, 4, want + size);
    digest_of(alg, want, 2 * (uint32_t)size, want);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(realtpm_pcr(alg, i, v), size);
        assert_memory_equal(v, want, size);
    }
}

/* Startup takes longer than its time, and cannot be cancelled. */
static void late_start(enum fake_kind kind)
{
    begin(kind);
    hw.busy_us = 9000000;
    hw.no_cancel = true;
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_TIMEOUT);
    assert_contains(hw.out, "start-up failed: it did not answer in time");
    assert_true(hw.now < 6000000);
    assert_int_equal(hw.commands, 1);
    assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)),
                     ERR_ABSENT);
    hw.busy_us = 0;
}

static void test_late_start(void **state)
{
    static const enum fake_kind kinds[] = { FAKE_CRB, FAKE_TIS20 };

    (void)state;
    for (int k = 0; k < 2; k++) {
        /* Late, but not too late: nothing is lost. */
        begin(kinds[k]);
        hw.slow_first_us = 4000000;
        assert_int_equal(tcg_start(&t, &hw.plat), 0);
        assert_contains(hw.out, "waiting once more");
        assert_int_equal(t.state, TCG_STARTED);
        realtpm_end();
        /* It has answered when the option ROMs' turn comes ... */
        late_start(kinds[k]);
        hw.now += 5000000;
        assert_int_equal(tcg_before_third_party(&t), ERR_ABSENT);
        assert_contains(hw.out, "too late to be trusted");
        assert_contains(hw.out, "PCRs capped, TPM disabled");
        assert_capped(4, 20);
        assert_capped(11, 32);
        assert_int_equal(realtpm_property(TPM2_PT_STARTUP_CLEAR) & 7, 0);
        assert_int_equal(tcg_handover(&t), ERR_ABSENT);
        realtpm_end();
        /* ... or when POST ends, at once or within the last wait ... */
        late_start(kinds[k]);
        assert_int_equal(tcg_before_third_party(&t), ERR_ABSENT);
        assert_int_equal(hw.commands, 1);
        assert_int_equal(tcg_handover(&t), ERR_ABSENT);
        assert_contains(hw.out, "it still does not answer; waiting 15 s");
        assert_contains(hw.out, "PCRs capped, TPM disabled");
        assert_capped(11, 32);
        realtpm_end();
        /* ... or not at all: nothing more is sent. */
        late_start(kinds[k]);
        hw.done_at += 60000000;
        assert_int_equal(tcg_before_third_party(&t), ERR_ABSENT);
        assert_int_equal(tcg_handover(&t), ERR_ABSENT);
        assert_contains(hw.out, "not answered by the end of POST");
        assert_true(hw.now < 25000000);
        assert_int_equal(hw.commands, 1);
        realtpm_end();
    }
}

/* An extend takes longer than its time; the TPM is free again at hand-over. */
static void test_late_extend(void **state)
{
    uint8_t v[64], zero[64] = { 0 };

    (void)state;
    begin(FAKE_CRB);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)), 0);
    assert_int_equal(tcg_before_third_party(&t), 0);
    hw.busy_us = 9000000;
    hw.no_cancel = true;
    assert_int_equal(tcg_measure_action(&t, TCG_ROM_SCAN, NULL), ERR_TIMEOUT);
    assert_contains(hw.out, "PCR2 could not be extended: it did not answer");
    assert_contains(hw.out, "does not answer: PCRs not capped");
    assert_true(hw.now < 5000000);
    assert_int_equal(t.state, TCG_FAILED);
    hw.busy_us = 0;
    hw.now += 9000000;
    assert_int_equal(tcg_handover(&t), ERR_ABSENT);
    assert_contains(hw.out, "PCRs capped, TPM disabled");
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(realtpm_pcr(11, i, v), 32);
        assert_memory_not_equal(v, zero, 32);
    }
    assert_int_equal(realtpm_property(TPM2_PT_STARTUP_CLEAR) & 7, 0);
    for (int i = 0; i < 32; i++)
        assert_int_equal(t.auth[i], 0);
    realtpm_end();
}

/* Whether it was started cannot be known: it is closed without being heard. */
static void test_garbled(void **state)
{
    static const enum fake_kind kinds[] = { FAKE_CRB, FAKE_TIS20 };

    (void)state;
    for (int k = 0; k < 2; k++) {
        begin(kinds[k]);
        hw.exec = realtpm_garble;
        assert_true(tcg_start(&t, &hw.plat) < 0);
        assert_contains(hw.out, "start-up failed: its answer is malformed");
        assert_contains(hw.out, "PCRs could not all be capped, TPM could not "
                        "be disabled");
        assert_int_equal(t.state, TCG_FAILED);
        assert_capped(4, 20);
        assert_capped(11, 32);
        assert_capped(13, 64);
        assert_int_equal(realtpm_property(TPM2_PT_STARTUP_CLEAR) & 7, 0);
        realtpm_end();
    }
}

/* How HierarchyChangeAuth goes wrong. */
static enum { EXECUTED, NOT_EXECUTED, ANSWERS_LATE } auth_fault;

static int spoil_auth(void *arg, const uint8_t *cmd, uint32_t len,
                      uint8_t *rsp, uint32_t cap)
{
    int n;

    if (cmd[8] != 1 || cmd[9] != 0x29)
        return realtpm_exec(arg, cmd, len, rsp, cap);
    if (auth_fault == NOT_EXECUTED) {
        memset(rsp, 0x55, 19);
        return 19;
    }
    n = realtpm_exec(arg, cmd, len, rsp, cap);
    if (auth_fault == ANSWERS_LATE) {
        hw.busy_us = 9000000;
        return n;
    }
    rsp[5] = 14;                        /* cut in the middle */
    return 14;
}

/*
 * The answer to the command that sets platformAuth is lost: the TPM has the
 * new one or still the old one, and is disabled either way.
 */
static void test_unknown_auth(void **state)
{
    (void)state;
    for (int i = EXECUTED; i <= ANSWERS_LATE; i++) {
        begin(FAKE_CRB);
        hw.exec = spoil_auth;
        auth_fault = i;
        assert_int_equal(tcg_start(&t, &hw.plat), 0);
        assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)), 0);
        hw.no_cancel = true;
        assert_true(tcg_before_third_party(&t) < 0);
        assert_contains(hw.out, "platformAuth could not be set");
        hw.now += hw.busy_us;
        hw.busy_us = 0;
        tcg_handover(&t);
        assert_contains(hw.out, "PCRs capped, TPM disabled");
        assert_capped(11, 32);
        assert_int_equal(realtpm_property(TPM2_PT_STARTUP_CLEAR) & 7, 0);
        for (int k = 0; k < 32; k++)
            assert_int_equal(t.auth[k], 0);
        realtpm_end();
    }
}

static void test_no_log(void **state)
{
    (void)state;
    begin(FAKE_CRB);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_measure_action(&t, TCG_ROM_SCAN, NULL), ERR_PARAM);
    assert_int_equal(tcg_attach_log(&t, NULL, 0), 0);
    assert_contains(hw.out, "no memory for an event log");
    measure_a_boot();
    realtpm_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_crb),
        cmocka_unit_test(test_tis),
        cmocka_unit_test(test_tis_small_burst),
        cmocka_unit_test(test_already_started),
        cmocka_unit_test(test_already_used),
        cmocka_unit_test(test_already_owned),
        cmocka_unit_test(test_secret_is_wiped),
        cmocka_unit_test(test_fail_closed),
        cmocka_unit_test(test_late_start),
        cmocka_unit_test(test_late_extend),
        cmocka_unit_test(test_garbled),
        cmocka_unit_test(test_unknown_auth),
        cmocka_unit_test(test_no_log),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
