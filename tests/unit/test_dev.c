/* SPDX-License-Identifier: MIT */
/*
 * The two register interfaces when they misbehave: every wait ends, every
 * fault gives its error, and the next command works when it can.
 */
#include "check.h"
#include "fakehw.h"
#include "tpmdev/tpm_crb.h"
#include "tpmdev/tpm_tis.h"

static struct fakehw hw;
static struct tpm_dev dev;
static uint8_t rsp[4096];
static int mode;            /* what answer() does */

enum { ECHO, SILENT, SHORT_SIZE, HUGE_SIZE, LONG_ANSWER, BIG };

static const uint8_t cmd[12] = { 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x44 };

static int answer(void *arg, const uint8_t *c, uint32_t len, uint8_t *r,
                  uint32_t cap)
{
    (void)arg, (void)cap;
    memcpy(r, c, len);
    switch (mode) {
    case SILENT:
        return FAKE_NO_ANSWER;
    case SHORT_SIZE:
        r[5] = 9;
        return 10;
    case HUGE_SIZE:
        memset(r + 2, 0xff, 4);
        return 10;
    case LONG_ANSWER:
        return (int)len + 3;
    case BIG:
        r[4] = 0x04;
        r[5] = 0;
        return 0x400;
    default:
        return (int)len;
    }
}

static void begin(enum fake_kind kind, int m)
{
    mode = m;
    fakehw_init(&hw, kind, answer, NULL);
    memset(&dev, 0, sizeof(dev));
    dev.plat = &hw.plat;
    for (int i = 0; i < 4; i++)
        dev.timeout_us[i] = 1000;
    dev.fifo_bytes = 4;
    dev.interface = kind == FAKE_CRB ? TPM_IF_CRB : TPM_IF_TIS;
    if (kind == FAKE_CRB)
        assert_int_equal(crb_probe(&dev), 0);
}

static int exchange(uint32_t cap)
{
    int rc = tpm_dev_send(&dev, cmd, sizeof(cmd), 5000);

    return rc < 0 ? rc : tpm_dev_receive(&dev, rsp, cap);
}

static const enum fake_kind kinds[] = { FAKE_TIS12, FAKE_TIS20, FAKE_CRB };

static void test_good(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], ECHO);
        assert_int_equal(exchange(sizeof(rsp)), 12);
        assert_memory_equal(rsp, cmd, 12);
        assert_false(hw.active);
        dev.fifo_bytes = 1;
        hw.burst = 1;
        hw.busy_us = 3000;
        assert_int_equal(exchange(12), 12);
        assert_int_equal(exchange(11), ERR_SPACE);
        assert_int_equal(exchange(9), ERR_SPACE);
        assert_int_equal(exchange(12), 12);
        mode = BIG;
        assert_int_equal(exchange(0x400), 0x400);
    }
}

static void test_send_only(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], ECHO);
        hw.busy_us = 2000;
        assert_int_equal(tpm_dev_send(&dev, cmd, 12, 5000), 0);
        assert_int_equal(exchange(100), 12);
        assert_int_equal(hw.commands, 2);
        assert_int_equal(tpm_dev_receive(&dev, rsp, 100), ERR_PARAM);
        assert_int_equal(tpm_dev_send(&dev, cmd, 9, 5000), ERR_SPACE);
        assert_int_equal(tpm_dev_send(&dev, cmd, 4097, 5000), ERR_SPACE);
        mode = SILENT;
        assert_int_equal(tpm_dev_send(&dev, cmd, 12, 5000), 0);
        assert_int_equal(exchange(100), ERR_TIMEOUT);
    }
}

static void test_silent(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], SILENT);
        assert_int_equal(exchange(100), ERR_TIMEOUT);
        assert_true(hw.now < 7000);
        assert_false(tpm_dev_recovered(&dev, 0));
        /* The next command cancels it, in vain. */
        assert_int_equal(exchange(100), ERR_TIMEOUT);
        assert_true(hw.now < 10000);
        assert_int_equal(hw.commands, 1);
        /* Slow: not done when the time is over, done when cancelled. */
        begin(kinds[k], ECHO);
        hw.busy_us = 7000;
        assert_int_equal(exchange(100), ERR_TIMEOUT);
        assert_false(tpm_dev_recovered(&dev, 0));
        hw.busy_us = 0;
        assert_int_equal(exchange(100), 12);
        assert_false(hw.active);
        /* Slow: it has ended when the next command is there. */
        begin(kinds[k], ECHO);
        hw.busy_us = 7000;
        assert_int_equal(exchange(100), ERR_TIMEOUT);
        hw.now += 10000;
        assert_true(tpm_dev_recovered(&dev, 0));
        hw.busy_us = 0;
        assert_int_equal(exchange(100), 12);
        assert_false(tpm_dev_recovered(&dev, 0));
    }
}

static void test_bad_size(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], SHORT_SIZE);
        assert_int_equal(exchange(100), ERR_FORMAT);
        mode = HUGE_SIZE;
        assert_int_equal(exchange(100), ERR_FORMAT);
        mode = ECHO;
        assert_int_equal(exchange(100), 12);
    }
    /* FIFO: more bytes than the header says. */
    begin(FAKE_TIS20, LONG_ANSWER);
    assert_int_equal(exchange(100), ERR_FORMAT);
}

static void test_dead(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        unsigned accesses;

        begin(kinds[k], ECHO);
        hw.accesses = 0;
        assert_int_equal(exchange(100), 12);
        accesses = hw.accesses;
        for (unsigned n = 1; n < accesses; n++) {
            begin(kinds[k], ECHO);
            hw.accesses = 0;
            hw.dead_after = n;
            if (exchange(100) >= 0 && n + 4 < accesses)
                fail_msg("kind %d, dead after %u of %u", k, n, accesses);
            assert_true(hw.now < 30000);
        }
    }
}

static void test_stuck_registers(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], ECHO);
        hw.never_granted = true;
        assert_int_equal(exchange(100), ERR_TIMEOUT);
        begin(kinds[k], ECHO);
        hw.never_ready = true;
        assert_int_equal(exchange(100), ERR_TIMEOUT);
    }
    begin(FAKE_CRB, ECHO);
    hw.fatal = true;
    assert_int_equal(exchange(100), ERR_DEVICE);
    begin(FAKE_CRB, ECHO);
    hw.never_idle = true;
    assert_int_equal(exchange(100), 12);
    begin(FAKE_CRB, ECHO);
    dev.cmd_cap = 11;
    assert_int_equal(exchange(100), ERR_SPACE);
    begin(FAKE_CRB, ECHO);
    dev.rsp_cap = 11;
    assert_int_equal(exchange(100), ERR_FORMAT);
    begin(FAKE_TIS20, ECHO);
    hw.no_burst = true;
    assert_int_equal(exchange(100), ERR_TIMEOUT);
    begin(FAKE_TIS20, ECHO);
    hw.always_expect = true;
    assert_int_equal(exchange(100), ERR_DEVICE);
}

static void test_lost_bytes(void **state)
{
    (void)state;
    begin(FAKE_TIS20, ECHO);
    hw.lose_bytes = 1;                  /* sent again */
    assert_int_equal(exchange(100), 12);
    begin(FAKE_TIS20, ECHO);
    hw.bad_reads = 1;                   /* read again */
    assert_int_equal(exchange(100), 12);
    hw.bad_reads = 3;
    assert_int_equal(exchange(100), ERR_FORMAT);
    assert_int_equal(exchange(100), 12);
}

/* The least that a command of 12 bytes and its answer of 12 take: each access
 * leaves the guest. */
static void test_fewest_accesses(void **state)
{
    /* FIFO: is it ready? 3 writes, has it all? go, done? 3 reads, was that
     * all? ready again.  CRB: is the locality ours? ready and its end, 3
     * writes, start and its end, 4 reads, no error? idle and its end. */
    static const unsigned least[] = { 12, 12, 15 };
    /* FIFO: request, release, ready; CRB: request, release. */
    static const unsigned first[] = { 4, 4, 2 }, alone[] = { 2, 2, 2 };

    (void)state;
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], ECHO);
        dev.keep = true;
        for (int i = 0; i < 3; i++) {
            hw.accesses = 0;
            assert_int_equal(exchange(100), 12);
            assert_true(hw.active);
            assert_int_equal(hw.accesses, least[k] + (i ? 0 : first[k]));
        }
        tpm_dev_release(&dev);
        assert_false(hw.active);
        hw.accesses = 0;
        assert_int_equal(exchange(100), 12);
        assert_false(hw.active);
        assert_int_equal(hw.accesses, least[k] + alone[k]);
        tpm_dev_release(&dev);
        assert_int_equal(hw.accesses, least[k] + alone[k]);
    }
}

/* Somebody else gives up the locality that we keep. */
static void test_locality_lost(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], ECHO);
        dev.keep = true;
        assert_int_equal(exchange(100), 12);
        hw.active = false;
        assert_int_equal(exchange(100), 12);
        assert_true(hw.active);
        /* A command that goes on has the locality until its end. */
        mode = SILENT;
        assert_int_equal(exchange(100), ERR_TIMEOUT);
        tpm_dev_release(&dev);
        assert_true(hw.active);
        hw.done_at = 0;
        mode = ECHO;
        assert_int_equal(exchange(100), 12);
        assert_false(hw.active);
    }
}

static void test_crb_buffers(void **state)
{
    static const struct { uint32_t at, size; int rc; } c[] = {
        { TPM_BASE + 0x80, 0xf80, 0 }, { TPM_BASE + 0x80, 0xf81, -1 },
        { TPM_BASE + 0x80, 9, -1 }, { TPM_BASE + 0x80, 10, 0 },
        { TPM_BASE + 0x7c, 0x100, -1 }, { TPM_BASE + 0x82, 0x100, -1 },
        { TPM_BASE + 0x1000, 0x100, -1 }, { TPM_BASE - 4, 0x100, -1 },
        { 0x1000, 0x100, -1 }, { TPM_BASE + 0xffc, 0x100, -1 },
        { TPM_BASE + 0x80, 0xffffffffu, -1 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
        fakehw_init(&hw, FAKE_CRB, answer, NULL);
        hw.crb_at = c[i].at;
        hw.crb_size = c[i].size;
        dev.plat = &hw.plat;
        assert_int_equal(crb_probe(&dev) < 0, c[i].rc < 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_send_only),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_bad_size),
        cmocka_unit_test(test_dead),
        cmocka_unit_test(test_stuck_registers),
        cmocka_unit_test(test_lost_bytes),
        cmocka_unit_test(test_fewest_accesses),
        cmocka_unit_test(test_locality_lost),
        cmocka_unit_test(test_crb_buffers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
