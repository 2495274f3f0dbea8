/* SPDX-License-Identifier: MIT */
/*
 * INT 1Ah AH=BBh: functions that log and extend, against real TPMs of both
 * versions.
 */
#include "check.h"
#include "int1a_caller.h"

static void test_status(void **state)
{
    (void)state;
    for (int v = 1; v <= 2; v++) {
        struct tcg_regs r = regs(0);

        begin(v);
        r.ecx = 0x12345678;
        assert_int_equal(call(&r), 0);
        assert_int_equal(r.ebx, 0x41504354);
        assert_int_equal(r.ecx, 0x12340102);
        assert_int_equal(r.edx, 0);
        assert_int_equal(r.esi, (uint32_t)(uintptr_t)log_area);
        last_event();
        assert_int_equal(r.edi - r.esi, rp.event[rp.count - 1].data - log_area -
                                            (v == 1 ? 32 : 16 + 4 * 2 + 164));
        end();
    }
}

static void test_hash_log_extend(void **state)
{
    (void)state;
    for (int v = 1; v <= 2; v++) {
        const struct replay_event *e;
        uint8_t d[64];

        begin(v);
        for (int form = 0; form < 2; form++) {
            struct tcg_regs r = regs(1);

            event(8, 0xd, "stage 2");
            block01(form, DATA, 1000, 8, 32 + 7);
            assert_int_equal(call(&r), 0);
            e = last_event();
            assert_int_equal(e->pcr, 8);
            assert_int_equal(e->type, 0xd);
            assert_int_equal(e->len, 7);
            assert_memory_equal(e->data, "stage 2", 7);
            for (unsigned b = 0; b < rp.banks; b++) {
                digest_of(rp.alg[b], ram + DATA, 1000, d);
                assert_memory_equal(e->digest[b], d, rp.size[b]);
            }
            digest_of(4, ram + DATA, 1000, d);
            assert_memory_equal(ram + EVENT + 8, d, 20);
            assert_int_equal(get32(OUT), 0x1c);
            assert_int_equal(get32(OUT + 4), rp.count);
            assert_memory_equal(ram + OUT + 8, d, 20);
        }
        end();
    }
}

static void test_digest_only(void **state)
{
    (void)state;
    for (int v = 1; v <= 2; v++) {
        struct tcg_regs r = regs(1);
        const struct replay_event *e;
        uint8_t d[64];

        begin(v);
        event(9, 5, "x");
        block01(false, 0, 0, 9, 33);
        assert_int_equal(call(&r), 0);
        e = last_event();
        assert_memory_equal(e->digest[0], ram + EVENT + 8, 20);
        for (unsigned b = 1; b < rp.banks; b++) {
            digest_of(rp.alg[b], ram + EVENT + 8, 20, d);
            assert_memory_equal(e->digest[b], d, rp.size[b]);
        }
        end();
    }
}

static void test_hash_log(void **state)
{
    (void)state;
    for (int v = 1; v <= 2; v++) {
        struct tcg_regs r = regs(4);

        begin(v);
        event(8, 0xd, "abc");
        put32(IN, 0x1c);
        put32(IN + 4, DATA);
        put32(IN + 8, 10);
        put32(IN + 0xc, 8);
        put32(IN + 0x10, 0xd);
        put32(IN + 0x14, EVENT);
        put32(IN + 0x18, 35);
        assert_int_equal(call(&r), 0);
        assert_int_equal(get32(OUT), 8);
        assert_int_equal(get32(OUT + 4), t.log.count);
        put32(IN + 0x10, 5);
        r = regs(4);
        assert_int_equal(call(&r), ERROR(0x19));
        assert_int_equal(ram[OUT], 2);
        put32(IN + 0x10, 0xd);
        r = regs(4);
        r.ds_si = WRITABLE - 4;
        assert_int_equal(call(&r), ERROR(0x19));
        end();
        assert_int_equal(rp.event[rp.count - 1].len, 3);
    }
}

static void test_hash_all(void **state)
{
    struct tcg_regs r = regs(5);
    uint8_t d[64];

    (void)state;
    begin(2);
    put32(IN, 0x10);
    put32(IN + 4, DATA);
    put32(IN + 8, 1000);
    put32(IN + 0xc, 4);
    digest_of(4, ram + DATA, 1000, d);
    assert_int_equal(call(&r), 0);
    assert_memory_equal(ram + OUT, d, 20);
    r = regs(5);
    r.ds_si = DATA + 990;               /* over the data's end */
    assert_int_equal(call(&r), 0);
    assert_memory_equal(ram + DATA + 990, d, 20);
    put32(IN + 0xc, 11);
    r = regs(5);
    assert_int_equal(call(&r), ERROR(0x19));
    put32(IN + 0xc, 4);
    put32(IN + 8, 0x20000000);
    r = regs(5);
    assert_int_equal(call(&r), ERROR(0x19));
    end();
}

static void test_compact(void **state)
{
    (void)state;
    for (int v = 1; v <= 2; v++) {
        struct tcg_regs r = regs(7);
        const struct replay_event *e;
        uint8_t d[64];

        begin(v);
        r.es_di = DATA;
        r.ecx = 700;
        r.edx = 10;
        r.esi = 0x11223344;
        assert_int_equal(call(&r), 0);
        e = last_event();
        assert_int_equal(r.edx, rp.count);
        assert_int_equal(e->pcr, 10);
        assert_int_equal(e->type, EV_COMPACT_HASH);
        assert_int_equal(e->len, 4);
        assert_memory_equal(e->data, "\x44\x33\x22\x11", 4);
        for (unsigned b = 0; b < rp.banks; b++) {
            digest_of(rp.alg[b], ram + DATA, 700, d);
            assert_memory_equal(e->digest[b], d, rp.size[b]);
        }
        r = regs(7);
        r.edx = 24;
        assert_int_equal(call(&r), ERROR(0x19));
        r = regs(7);
        r.ecx = 0xffffffff;
        assert_int_equal(call(&r), ERROR(0x19));
        r = regs(7);
        r.ecx = RAM_SIZE;
        assert_int_equal(call(&r), ERROR(0x19));
        end();
    }
}

/*
 * What the log has no room for is extended all the same, and the log says
 * that it ends early: a boot loader goes on, and its kernel must be in a PCR.
 */
static void test_log_full(void **state)
{
    uint8_t before[64], after[64];
    struct tcg_regs r;
    uint32_t rc = 0;
    unsigned n = 0;

    (void)state;
    begin(2);
    do {
        (void)realtpm_pcr(0xb, 8, before);
        r = regs(7);
        r.es_di = DATA;
        r.ecx = 4;
        r.edx = 8;
        rc = call(&r);
        n++;
    } while (rc == 0 && n < 1000);
    assert_int_equal(rc, 2);
    (void)realtpm_pcr(0xb, 8, after);
    assert_memory_not_equal(before, after, 32);
    assert_true(t.log.full);
    end();
}

/* The same for one event that no log has room for. */
static void test_event_too_large(void **state)
{
    uint8_t before[64], after[64];
    struct tcg_regs r;

    (void)state;
    begin(2);
    (void)realtpm_pcr(0xb, 8, before);
    event(8, 5, "x");
    put32(EVENT + 28, sizeof(log_area));
    block01(false, DATA, 4, 8, 32 + sizeof(log_area));
    r = regs(1);
    assert_int_equal(call(&r), 2);
    (void)realtpm_pcr(0xb, 8, after);
    assert_memory_not_equal(before, after, 32);
    assert_true(t.log.full);
    end();
}

static void test_lost_extend(void **state)
{
    struct tcg_regs r = regs(7);

    (void)state;
    begin(2);
    r.es_di = DATA;
    r.ecx = 4;
    r.edx = 8;
    hw.never_granted = true;
    assert_int_equal(call(&r), ERROR(0x0c));
    assert_int_equal(t.state, TCG_FAILED);
    assert_contains(hw.out, "a boot loader's measurement was lost");
    r = regs(7);
    assert_int_equal(call(&r), ERROR(0x24));
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_hash_log_extend),
        cmocka_unit_test(test_digest_only),
        cmocka_unit_test(test_hash_log),
        cmocka_unit_test(test_hash_all),
        cmocka_unit_test(test_compact),
        cmocka_unit_test(test_log_full),
        cmocka_unit_test(test_event_too_large),
        cmocka_unit_test(test_lost_extend),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
