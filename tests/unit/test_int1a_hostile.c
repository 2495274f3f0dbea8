/* SPDX-License-Identifier: MIT */
/*
 * INT 1Ah AH=BBh: blocks and registers that lie, commands that callers may not
 * send, and functions that are not there.
 */
#include "check.h"
#include "int1a_caller.h"

struct bad_extend {
    const char *what;
    uint32_t in, out, length, ptr, len, pcr, log_len, event_pcr, type;
};

static const struct bad_extend bad_extends[] = {
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

/* It is refused, and nothing has changed. */
static void refused(const struct bad_extend *bad)
{
    struct tcg_regs r = regs(1);
    unsigned before = t.log.count;

    memset(ram + OUT, 0xaa, 0x1c);
    event(bad->event_pcr, bad->type, "x");
    block01(false, bad->ptr, bad->len, bad->pcr, bad->log_len);
    put32(IN, bad->length);
    r.es_di = bad->in;
    r.ds_si = bad->out;
    if (call(&r) != ERROR(0x19))
        fail_msg("%s: %x", bad->what, r.eax);
    assert_int_equal(t.log.count, before);
    if (bad->out == OUT) {
        assert_int_equal(get32(OUT), 4);
        assert_int_equal(get32(OUT + 4), 0xaaaaaaaa);
    }
}

/* A PCR that locality 0 may not extend: the TPM's word, no more. */
static void extend_17(void)
{
    struct tcg_regs r = regs(1);

    event(17, 5, "x");
    block01(false, DATA, 5, 17, 33);
    assert_int_equal(call(&r), ERROR(0x1a));
    assert_int_equal(t.state, TCG_MEASURING);
}

/* No data: the digest of nothing. */
static void extend_nothing(void)
{
    struct tcg_regs r = regs(1);
    uint8_t d[64];

    event(8, 5, "x");
    block01(true, DATA, 0, 8, 33);
    assert_int_equal(call(&r), 0);
    digest_of(4, "", 0, d);
    assert_memory_equal(last_event()->digest[0], d, 20);
}

static void test_hostile_extend(void **state)
{
    (void)state;
    for (int v = 1; v <= 2; v++) {
        begin(v);
        for (size_t i = 0; i < sizeof(bad_extends) / sizeof(*bad_extends); i++)
            refused(&bad_extends[i]);
        last_event();
        assert_string_equal(hw.out, "");
        extend_17();
        extend_nothing();
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

static void test_pass_through20(void **state)
{
    struct tcg_regs r;

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
}

static void test_pass_through12(void **state)
{
    /* TPM 1.2 commands that physical presence lets change something. */
    static const uint32_t by_presence[] = {
        0x3f, 0x5d, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x74, 0x80, 0xaa, 0xcc,
        0xcd, 0x4000000a, 0x4000000b,
    };
    unsigned sent;

    (void)state;
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
    r = regs(9);
    tcg_int1a(&t, &r);
    assert_true(r.cf);
    assert_int_equal(r.eax, 0xbb09);
    r = regs(3);
    assert_int_equal(call(&r), 0);
    for (uint8_t al = 1; al <= 8; al++) {
        r = regs(al);
        assert_int_equal(call(&r), ERROR(0x21));
    }
    r = regs(0);
    assert_int_equal(call(&r), 0);
    end();
    memset(&t, 0, sizeof(t));
    for (uint8_t al = 0; al <= 8; al++) {
        r = regs(al);
        assert_int_equal(call(&r), ERROR(0x23));
    }
}

/* The PPI region's byte movv, in front of a machine that has none. */
#define MOVV_ADDRESS    0xfed4515au

static struct tcg_platform without;
static uint8_t movv;

static uint32_t read_movv(void *ctx, uint32_t addr, unsigned bytes)
{
    if (addr != MOVV_ADDRESS)
        return without.mmio_read(ctx, addr, bytes);
    assert_int_equal(bytes, 1);
    return movv;
}

static void write_movv(void *ctx, uint32_t addr, unsigned bytes, uint32_t v)
{
    if (addr != MOVV_ADDRESS) {
        without.mmio_write(ctx, addr, bytes, v);
        return;
    }
    assert_int_equal(bytes, 1);
    movv = (uint8_t)v;
}

static uint32_t overwrite(uint16_t length, uint8_t value)
{
    struct tcg_regs r = regs(8);

    put32(IN, length);
    put32(IN + 4, 0xffffff00u | value);
    return call(&r);
}

static void test_overwrite(void **state)
{
    /* Only the request changes: DisableAutoDetect is not the caller's. */
    static const struct { uint8_t before, value, after; } table[] = {
        { 0x00, 1, 0x01 }, { 0x00, 0, 0x00 }, { 0x01, 0, 0x00 },
        { 0x01, 1, 0x01 }, { 0x10, 1, 0x11 }, { 0x11, 0, 0x10 },
        { 0xff, 0, 0xfe }, { 0xfe, 1, 0xff },
    };

    (void)state;
    begin(2);
    without = hw.plat;
    hw.plat.mmio_read = read_movv;
    hw.plat.mmio_write = write_movv;
    movv = 0x10;
    assert_int_equal(overwrite(5, 1), 3);       /* there is no such region */
    assert_int_equal(movv, 0x10);
    t.flags |= TCG_F_PPI;
    for (unsigned i = 0; i < sizeof(table) / sizeof(*table); i++) {
        for (uint16_t length = 5; length <= 6; length++) {
            movv = table[i].before;
            assert_int_equal(overwrite(length, table[i].value), 0);
            assert_int_equal(movv, table[i].after);
        }
    }
    movv = 0x10;
    for (uint16_t length = 0; length < 0x200; length++)
        if (length != 5 && length != 6)
            assert_int_equal(overwrite(length, 1), ERROR(0x19));
    for (unsigned value = 2; value < 0x100; value++)
        assert_int_equal(overwrite(5, (uint8_t)value), ERROR(0x19));
    assert_int_equal(movv, 0x10);
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
            struct tcg_regs r = regs((uint8_t)(rand() % 10));

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
        cmocka_unit_test(test_hostile_extend),
        cmocka_unit_test(test_pass_through20),
        cmocka_unit_test(test_pass_through12),
        cmocka_unit_test(test_shutdown_and_rest),
        cmocka_unit_test(test_overwrite),
        cmocka_unit_test(test_any_values),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
