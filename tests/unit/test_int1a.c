/* SPDX-License-Identifier: MIT */
/*
 * INT 1Ah AH=BBh: every function with good and hostile blocks, against real
 * TPMs of both versions.
 */
#include "check.h"
#include "fakehw.h"
#include "realtpm.h"
#include "replay.h"

#define RAM_SIZE    0x40000u
#define WRITABLE    0x30000u            /* above it callers may only read */
#define IN          0x1000u
#define OUT         0x2000u
#define EVENT       0x3000u
#define DATA        0x4000u

#define ERROR(drv)  (1u | (uint32_t)(drv) << 16)

static struct fakehw hw;
static struct tcg t;
static uint8_t log_area[0x4000];
static struct replay rp;
static uint8_t *ram;
static int version;

static void *map(void *ctx, uint32_t addr, uint32_t len, bool write)
{
    (void)ctx;
    assert_int_not_equal(len, 0);
    if (addr >= RAM_SIZE || len > RAM_SIZE - addr ||
        (write && (addr >= WRITABLE || len > WRITABLE - addr)))
        return NULL;
    return ram + addr;
}

static void begin(int v)
{
    version = v;
    realtpm_new(v);
    fakehw_init(&hw, v == 1 ? FAKE_TIS12 : FAKE_CRB, realtpm_exec, NULL);
    hw.plat.map = map;
    free(ram);
    ram = calloc(1, RAM_SIZE);
    for (unsigned i = 0; i < 1000; i++)
        ram[DATA + i] = (uint8_t)(i * 3);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)), 0);
    assert_int_equal(tcg_before_third_party(&t), 0);
    assert_int_equal(tcg_handover(&t), 0);
}

static void end(void)
{
    assert_no_text(replay_log(&rp, log_area, sizeof(log_area)));
    realtpm_end();
}

static struct tcg_regs regs(uint8_t al)
{
    return (struct tcg_regs){
        .eax = 0xbb00u | al, .ebx = 0x41504354, .es_di = IN, .ds_si = OUT,
        .cf = true,
    };
}

static uint32_t call(struct tcg_regs *r)
{
    tcg_int1a(&t, r);
    assert_false(r->cf);
    return r->eax;
}

static void put32(uint32_t at, uint32_t v)
{
    for (int i = 0; i < 4; i++, v >>= 8)
        ram[at + (uint32_t)i] = (uint8_t)v;
}

static uint32_t get32(uint32_t at)
{
    return ram[at] | (uint32_t)ram[at + 1] << 8 | (uint32_t)ram[at + 2] << 16 |
           (uint32_t)ram[at + 3] << 24;
}

static void event(uint32_t pcr, uint32_t type, const char *text)
{
    put32(EVENT, pcr);
    put32(EVENT + 4, type);
    memset(ram + EVENT + 8, 0x99, 20);
    put32(EVENT + 28, (uint32_t)strlen(text));
    memcpy(ram + EVENT + 32, text, strlen(text));
}

/* HashLogExtendEvent's block, short or long form. */
static void block01(bool is_long, uint32_t ptr, uint32_t len, uint32_t pcr,
                    uint32_t log_len)
{
    uint32_t at = IN + 0x10;

    put32(IN, is_long ? 0x1c : 0x18);
    put32(IN + 4, ptr);
    put32(IN + 8, len);
    put32(IN + 0xc, pcr);
    if (is_long) {
        put32(at, 0x55555555);
        at += 4;
    }
    put32(at, EVENT);
    put32(at + 4, log_len);
}

static const struct replay_event *last_event(void)
{
    assert_no_text(replay_log(&rp, log_area, sizeof(log_area)));
    assert_no_text(replay_compare(&rp));
    return &rp.event[rp.count - 1];
}

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

static void test_hostile_extend(void **state)
{
    static const struct {
        const char *what;
        uint32_t in, out, length, ptr, len, pcr, log_len, event_pcr, type;
    } c[] = {
        { "length", IN, OUT, 0x19, DATA, 5, 8, 33, 8, 5 },
        { "length 0", IN, OUT, 0, DATA, 5, 8, 33, 8, 5 },
        { "block at end", RAM_SIZE - 1, OUT, 0x18, DATA, 5, 8, 33, 8, 5 },
        { "block outside", 0xfffffff0, OUT, 0x18, DATA, 5, 8, 33, 8, 5 },
        { "output outside", IN, RAM_SIZE, 0x18, DATA, 5, 8, 33, 8, 5 },
        { "output read-only", IN, WRITABLE, 0x18, DATA, 5, 8, 33, 8, 5 },
        { "output half", IN, WRITABLE - 8, 0x18, DATA, 5, 8, 33, 8, 5 },
        { "data length -1", IN, OUT, 0x18, DATA, ~0u, 8, 33, 8, 5 },
        { "data outside", IN, OUT, 0x18, RAM_SIZE - 4, 5, 8, 33, 8, 5 },
        { "data wraps", IN, OUT, 0x18, 0xfffffffc, 8, 8, 33, 8, 5 },
        { "PCR 24", IN, OUT, 0x18, DATA, 5, 24, 33, 24, 5 },
        { "PCR -1", IN, OUT, 0x18, DATA, 5, ~0u, 33, ~0u, 5 },
        { "other PCR", IN, OUT, 0x18, DATA, 5, 8, 33, 9, 5 },
        { "event length", IN, OUT, 0x18, DATA, 5, 8, 34, 8, 5 },
        { "event short", IN, OUT, 0x18, DATA, 5, 8, 31, 8, 5 },
        { "event 0", IN, OUT, 0x18, DATA, 5, 8, 0, 8, 5 },
        { "event huge", IN, OUT, 0x18, DATA, 5, 8, ~0u, 8, 5 },
        { "type 0", IN, OUT, 0x18, DATA, 5, 8, 33, 8, 0 },
        { "EV_NO_ACTION", IN, OUT, 0x18, DATA, 5, 8, 33, 8, 3 },
    };

    (void)state;
    for (int v = 1; v <= 2; v++) {
        begin(v);
        for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
            struct tcg_regs r = regs(1);
            unsigned before = t.log.count;

            memset(ram + OUT, 0xaa, 0x1c);
            event(c[i].event_pcr, c[i].type, "x");
            block01(false, c[i].ptr, c[i].len, c[i].pcr, c[i].log_len);
            put32(IN, c[i].length);
            r.es_di = c[i].in;
            r.ds_si = c[i].out;
            if (call(&r) != ERROR(0x19))
                fail_msg("%s: %x", c[i].what, r.eax);
            assert_int_equal(t.log.count, before);
            if (c[i].out == OUT) {
                assert_int_equal(get32(OUT), 4);
                assert_int_equal(get32(OUT + 4), 0xaaaaaaaa);
            }
        }
        last_event();
        assert_string_equal(hw.out, "");
        /* A PCR that locality 0 may not extend: the TPM's word, no more. */
        {
            struct tcg_regs r = regs(1);

            event(17, 5, "x");
            block01(false, DATA, 5, 17, 33);
            assert_int_equal(call(&r), ERROR(0x1a));
            assert_int_equal(t.state, TCG_MEASURING);
        }
        /* No data: the digest of nothing. */
        {
            struct tcg_regs r = regs(1);
            uint8_t d[64];

            event(8, 5, "x");
            block01(true, DATA, 0, 8, 33);
            assert_int_equal(call(&r), 0);
            digest_of(4, "", 0, d);
            assert_memory_equal(last_event()->digest[0], d, 20);
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

static uint32_t pass(const char *hex, uint32_t cap)
{
    struct tcg_regs r = regs(2);
    uint32_t n = 0;
    unsigned byte;
    int used;

    for (; sscanf(hex, " %2x%n", &byte, &used) == 1; hex += used)
        ram[IN + 8 + n++] = (uint8_t)byte;
    ram[IN + 8 + 5] = (uint8_t)n;
    put32(IN, 8 + n);
    put32(IN + 4, cap);
    return call(&r);
}

static void test_pass_through(void **state)
{
    /* TPM 1.2 commands that physical presence lets change something. */
    static const uint32_t by_presence[] = {
        0x3f, 0x5d, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x74, 0x80, 0xaa, 0xcc,
        0xcd, 0x4000000a, 0x4000000b,
    };
    struct tcg_regs r;
    unsigned sent;

    (void)state;
    begin(2);
    assert_int_equal(pass("8001 00000000 0000017b 0008", 100), 0);
    assert_int_equal(get32(OUT), 4 + 20);
    assert_memory_equal(ram + OUT + 4, "\x80\1\0\0\0\24\0\0\0\0\0\10", 12);
    /* Room for the answer is one byte short. */
    assert_int_equal(pass("8001 00000000 0000017b 0008", 23), ERROR(0x17));
    assert_int_equal(pass("8001 00000000 0000017b 0008", 24), 0);
    assert_int_equal(pass("8001 00000000 0000017b 0008", 13), ERROR(0x19));
    /* Not a TPM 2.0 command, or not one for callers. */
    assert_int_equal(pass("00c1 00000000 0000017b 0008", 100), ERROR(0x19));
    assert_int_equal(pass("8002 00000000 00000121 4000000c 00000009 40000009"
                          "0000 00 0000 40000001 00", 100), ERROR(0x19));
    /* Header size against block length. */
    pass("8001 00000000 0000017b 0008", 100);
    put32(IN, 8 + 13);
    r = regs(2);
    assert_int_equal(call(&r), ERROR(0x19));
    put32(IN, 8 + 9);
    r = regs(2);
    assert_int_equal(call(&r), ERROR(0x19));
    put32(IN, 0xffff);
    r = regs(2);
    assert_int_equal(call(&r), ERROR(0x19));
    put32(IN, 8 + 12);
    r = regs(2);
    r.ds_si = WRITABLE;
    assert_int_equal(call(&r), ERROR(0x19));
    r = regs(2);
    r.es_di = RAM_SIZE - 4;
    assert_int_equal(call(&r), ERROR(0x19));
    /* Answer over the command. */
    pass("8001 00000000 0000017b 0008", 100);
    r = regs(2);
    r.ds_si = IN;
    assert_int_equal(call(&r), 0);
    assert_int_equal(get32(IN), 4 + 20);
    end();
    begin(1);
    assert_int_equal(pass("00c1 00000000 00000046 00000004", 100), 0);
    assert_int_equal(get32(OUT), 4 + 18);
    assert_int_equal(pass("8001 00000000 0000017b 0008", 100), ERROR(0x19));
    /* Presence is locked by now: the TPM refuses. */
    assert_int_equal(pass("00c1 00000000 4000000a 0008", 100), 0);
    assert_memory_equal(ram + OUT + 4 + 6, "\0\0\0\3", 4);
    t.flags &= (uint16_t)~TCG_F_HANDED_OVER;
    assert_int_equal(pass("00c1 00000000 4000000a 0008", 100), ERROR(0x19));
    /* Nor does anybody else use it: not one of these reaches the TPM. */
    for (unsigned i = 0; i < sizeof(by_presence) / 4; i++) {
        char hex[40];

        snprintf(hex, sizeof(hex), "00c1 00000000 %08x 00000000",
                 (unsigned)by_presence[i]);
        sent = hw.commands;
        assert_int_equal(pass(hex, 100), ERROR(0x19));
        assert_int_equal(hw.commands, sent);
    }
    assert_int_equal(pass("00c1 00000000 00000046 00000004", 100), 0);
    end();
}

static void test_shutdown_and_rest(void **state)
{
    struct tcg_regs r = regs(6);

    (void)state;
    begin(2);
    assert_int_equal(call(&r), 3);
    r = regs(8);
    tcg_int1a(&t, &r);
    assert_true(r.cf);
    assert_int_equal(r.eax, 0xbb08);
    r = regs(3);
    assert_int_equal(call(&r), 0);
    for (uint8_t al = 1; al < 8; al++) {
        r = regs(al);
        assert_int_equal(call(&r), ERROR(0x21));
    }
    r = regs(0);
    assert_int_equal(call(&r), 0);
    end();
    memset(&t, 0, sizeof(t));
    for (uint8_t al = 0; al < 8; al++) {
        r = regs(al);
        assert_int_equal(call(&r), ERROR(0x23));
    }
}

static void test_log_full(void **state)
{
    struct tcg_regs r;
    uint32_t rc = 0;
    unsigned n = 0;

    (void)state;
    begin(2);
    do {
        r = regs(7);
        r.es_di = DATA;
        r.ecx = 4;
        r.edx = 8;
        rc = call(&r);
        n++;
    } while (rc == 0 && n < 1000);
    assert_int_equal(rc, 2);
    last_event();                       /* not extended either */
    /* An event that does not fit does not keep a smaller one out. */
    end();
    begin(2);
    event(8, 5, "x");
    put32(EVENT + 28, sizeof(log_area));
    block01(false, DATA, 4, 8, 32 + sizeof(log_area));
    r = regs(1);
    assert_int_equal(call(&r), 2);
    event(8, 5, "x");
    block01(false, DATA, 4, 8, 33);
    r = regs(1);
    assert_int_equal(call(&r), 0);
    last_event();
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

/* Registers and blocks of any value. */
static void test_any_values(void **state)
{
    (void)state;
    for (int v = 1; v <= 2; v++) {
        begin(v);
        srand(1);
        for (unsigned i = 0; i < 3000; i++) {
            static const uint32_t at[] = {
                0, 1, IN, OUT, EVENT, DATA, RAM_SIZE - 20, WRITABLE - 8,
                WRITABLE, 0xfffffff0, 0x10, 0x18, 0x1c, 40, 8, 23, 4,
            };
            struct tcg_regs r = regs((uint8_t)(rand() % 9));

            for (uint32_t a = IN; a < IN + 0x20; a += 4)
                put32(a, at[(unsigned)rand() % 17]);
            event(at[(unsigned)rand() % 17], (uint32_t)rand() % 20, "abcdefg");
            if (i % 2) {
                r.es_di = at[(unsigned)rand() % 17];
                r.ds_si = at[(unsigned)rand() % 17];
            }
            r.ecx = at[(unsigned)rand() % 17];
            r.edx = at[(unsigned)rand() % 17];
            tcg_int1a(&t, &r);
            t.flags &= (uint16_t)~TCG_F_INT1A_CLOSED;
        }
        assert_int_equal(t.state, TCG_MEASURING);
        assert_string_equal(hw.out, "");
        end();
    }
    free(ram);
    ram = NULL;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status),
        cmocka_unit_test(test_hash_log_extend),
        cmocka_unit_test(test_digest_only),
        cmocka_unit_test(test_hostile_extend),
        cmocka_unit_test(test_hash_log),
        cmocka_unit_test(test_hash_all),
        cmocka_unit_test(test_compact),
        cmocka_unit_test(test_pass_through),
        cmocka_unit_test(test_shutdown_and_rest),
        cmocka_unit_test(test_log_full),
        cmocka_unit_test(test_lost_extend),
        cmocka_unit_test(test_any_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
