/* SPDX-License-Identifier: MIT */
/*
 * The module against a real TPM 1.2 (libtpms), through TIS.
 */
#include "check.h"
#include "fakehw.h"
#include "realtpm.h"
#include "replay.h"

static struct fakehw hw;
static struct tcg t;
static uint8_t log_area[0x10000];
static struct replay rp;

static void begin(void)
{
    realtpm_new(1);
    fakehw_init(&hw, FAKE_TIS12, realtpm_exec, NULL);
}

static void start(void)
{
    int rc = tcg_start(&t, &hw.plat);

    if (rc)
        fail_msg("tcg_start: %d\n%s", rc, hw.out);
    assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)), 0);
}

static void test_boot(void **state)
{
    static uint8_t sector[512], rom[2048];
    struct tcg_piece one = { rom, sizeof(rom) };
    uint8_t d[20];
    char line[120];
    int i;

    (void)state;
    begin();
    start();
    assert_int_equal(t.family, TCG_FAMILY_12);
    tcg_status_line(&t, line, sizeof(line));
    assert_contains(line, "TPM 1.2 (IBM, firmware ");
    assert_int_equal(tcg_measure_bytes(&t, TCG_CRTM_VERSION, "K", 1), 0);
    assert_int_equal(tcg_measure_smbios(&t, sector, 100), 0);
    assert_int_equal(tcg_before_third_party(&t), 0);
    assert_int_equal(tcg_measure(&t, TCG_OPTION_ROM, &one, 1, 0x18, NULL),
                     0);
    assert_int_equal(tcg_handover(&t), 0);
    assert_false(hw.active);
    assert_int_equal(tcg_handover(&t), 0);
    assert_int_equal(tcg_measure_bytes(&t, TCG_IPL_MBR, sector, 440), 0);
    assert_int_equal(tcg_measure_bytes(&t, TCG_PARTITION_TABLE, sector + 440,
                                       72),
                     0);
    assert_string_equal(hw.out, "");
    assert_no_text(replay_log(&rp, log_area, sizeof(log_area)));
    assert_false(rp.agile);
    assert_no_text(replay_compare(&rp));
    i = replay_find(&rp, 0, 2, EV_EVENT_TAG);
    assert_int_equal(rp.event[i].len, 32);
    digest_of(4, rom, sizeof(rom), d);
    assert_memory_equal(rp.event[i].data, "\7\0\0\0\30\0\0\0\0\0\30\0", 12);
    assert_memory_equal(rp.event[i].data + 12, d, 20);
    i = replay_find(&rp, 0, 1, EV_EVENT_TAG);
    assert_int_equal(rp.event[i].len, 28);
    assert_memory_equal(rp.event[i].data, "\1\0\0\0\24\0\0\0", 8);
    /* Physical presence is locked. */
    assert_int_equal(realtpm_hex("00c1 00000000 4000000a 0008"), 3);
    printf("commands: %u\n", hw.commands);
    realtpm_end();
}

#define STARTUP_CLEAR       "00c1 00000000 00000099 0001"
#define ASSERT_PRESENCE     "00c1 00000000 4000000a 0008"
#define FORCE_CLEAR         "00c1 00000000 0000005d"
#define EXTEND_PCR7 \
    "00c1 00000000 00000014 00000007 1111111111111111111111111111111111111111"

/* What an operating system would try; it gets errors. */
static void assert_presence_is_locked(void)
{
    assert_int_not_equal(realtpm_hex(ASSERT_PRESENCE), 0);
    assert_int_not_equal(realtpm_hex(FORCE_CLEAR), 0);
}

/* Somebody else has started it: as in test_real20.c. */
static void test_already_started(void **state)
{
    (void)state;
    begin();
    assert_int_equal(realtpm_hex(STARTUP_CLEAR), 0);
    start();
    assert_contains(hw.out, "its PCRs are still those of a start-up: used");
    assert_int_equal(tcg_handover(&t), 0);
    assert_presence_is_locked();
    realtpm_end();
    begin();
    assert_int_equal(realtpm_hex(STARTUP_CLEAR), 0);
    assert_int_equal(realtpm_hex(EXTEND_PCR7), 0);
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_TPM);
    assert_int_equal(t.state, TCG_FAILED);
    assert_contains(hw.out, "PCRs capped, TPM disabled");
    assert_presence_is_locked();
    realtpm_end();
    begin();
    hw.exec = realtpm_other;
    assert_int_equal(realtpm_hex(STARTUP_CLEAR), 0);
    assert_int_equal(realtpm_hex(EXTEND_PCR7), 0);
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_TPM);
    assert_int_equal(t.state, TCG_UNUSED);
    assert_contains(hw.out, "not used");
    realtpm_end();
}

/*
 * Physical presence is locked on every way down: a failure before and after
 * the log, a start-up that ends late, and one that ends in the last wait.
 */
static void test_presence_on_every_way(void **state)
{
    (void)state;
    for (int way = 0; way < 4; way++) {
        begin();
        if (way < 2) {
            assert_int_equal(tcg_start(&t, &hw.plat), 0);
        } else {
            hw.busy_us = way == 2 ? 7000000 : 15000000;
            hw.no_cancel = true;
            assert_int_equal(tcg_start(&t, &hw.plat), ERR_TIMEOUT);
            hw.busy_us = 0;
            hw.now += way == 2 ? 4000000 : 0;
        }
        if (way == 1) {
            tcg_fail(&t, "a test");
            assert_presence_is_locked();
        }
        assert_true(tcg_handover(&t) < 0);
        assert_contains(hw.out, "PCRs capped, TPM disabled");
        assert_presence_is_locked();
        realtpm_end();
    }
}

static void test_fail_closed(void **state)
{
    (void)state;
    begin();
    start();
    tcg_fail(&t, "a test");
    assert_contains(hw.out, "PCRs capped, TPM disabled");
    /* Deactivated: TPM_GetRandom says so. */
    assert_int_equal(realtpm_hex("00c1 00000000 00000046 00000004"), 6);
    assert_no_text(replay_log(&rp, log_area, sizeof(log_area)));
    assert_int_equal(rp.count, 8);
    realtpm_end();
}

/* Whether it was started cannot be known: it is closed without being heard. */
static void test_garbled(void **state)
{
    static const uint8_t error[4] = { 1, 0, 0, 0 };
    uint8_t v[20], want[40] = { 0 };

    (void)state;
    begin();
    hw.exec = realtpm_garble;
    assert_true(tcg_start(&t, &hw.plat) < 0);
    assert_contains(hw.out, "start-up failed: its answer is malformed");
    assert_contains(hw.out, "PCRs could not all be capped");
    assert_int_equal(t.state, TCG_FAILED);
    digest_of(4, error, 4, want + 20);
    digest_of(4, want, 40, want);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(realtpm_pcr(4, i, v), 20);
        assert_memory_equal(v, want, 20);
    }
    realtpm_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_boot),
        cmocka_unit_test(test_already_started),
        cmocka_unit_test(test_presence_on_every_way),
        cmocka_unit_test(test_fail_closed),
        cmocka_unit_test(test_garbled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
