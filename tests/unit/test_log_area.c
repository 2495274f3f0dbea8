/* SPDX-License-Identifier: MIT */
/*
 * Areas of memory that are too small for the event log.
 */
#include "check.h"
#include "fakehw.h"
#include "realtpm.h"
#include "replay.h"

static struct fakehw hw;
static struct tcg t;
static struct replay rp;

static void begin(void)
{
    realtpm_new(2);
    fakehw_init(&hw, FAKE_CRB, realtpm_exec, NULL);
}

/* The log's last entry says that it has become too small. */
static void assert_ends_full(const uint8_t *log, uint32_t size)
{
    const struct replay_event *e;

    assert_no_text(replay_log(&rp, log, size));
    e = &rp.event[rp.count - 1];
    assert_int_equal(e->type, EV_NO_ACTION);
    assert_int_equal(e->pcr, 0);
    assert_int_equal(e->len, 16);
    assert_memory_equal(e->data, "KeelBIOS full\0\0", 16);
}

static void test_log_overflow(void **state)
{
    uint8_t small[512];
    int rc = 0;

    (void)state;
    begin();
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_attach_log(&t, small, sizeof(small)), 0);
    for (unsigned i = 0; i < 4; i++)
        rc = tcg_measure_action(&t, TCG_ROM_SCAN, NULL);
    assert_int_equal(rc, ERR_SPACE);
    assert_contains(hw.out, "event log is full");
    assert_int_equal(t.state, TCG_MEASURING);
    assert_ends_full(small, sizeof(small));
    realtpm_end();
}

/* Whatever the area's size: the mark is there, or the area is refused; it
 * stays the last entry, and a later boot phase knows that it is. */
static void test_log_of_any_size(void **state)
{
    static uint8_t area[1600];
    struct tcg other;

    (void)state;
    for (uint32_t size = 64; size <= sizeof(area); size += 31) {
        begin();
        memset(area, 0xa5, sizeof(area));
        assert_int_equal(tcg_start(&t, &hw.plat), 0);
        assert_int_equal(tcg_attach_log(&t, area, size), 0);
        for (unsigned i = 0; i < 8 && t.log.area; i++)
            (void)tcg_measure_action(&t, TCG_ROM_SCAN, NULL);
        if (t.log.area && t.log.count > 1) {
            assert_ends_full(area, size);
            other = t;
            assert_int_equal(tcglog_adopt(&other, area, size), 0);
            assert_true(other.log.full);
            assert_int_equal(other.log.used, t.log.used);
        }
        for (uint32_t i = size; i < sizeof(area); i++)
            assert_int_equal(area[i], 0xa5);
        realtpm_end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log_overflow),
        cmocka_unit_test(test_log_of_any_size),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
