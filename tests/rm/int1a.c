/* SPDX-License-Identifier: MIT */
/*
 * INT 1Ah AH=BBh as a boot loader sees it, TPM 1.2 and 2.0: every function
 * with good blocks in awkward places and circumstances, then with hostile
 * ones.  Started by int13.S; runs in real mode (gcc -m16).
 *
 * Besides the checks it writes to port 402h what the test compares with the
 * log and the PCRs:
 *
 *     log START LAST              of TCG_StatusCheck, at the end
 *     event PCR TYPE DATA LEN EVENTDATA LEN   logged and extended, in order
 *     logged ...                  logged only (AL=04h)
 *     digest PCR TYPE AT EVENTDATA LEN  extended by the digest that is at AT
 *     sha1 RESULT DATA LEN        20 bytes at RESULT are the hash of DATA
 *
 * All numbers are hexadecimal, all addresses physical; what is there does not
 * change any more.  "hostile" precedes the hostile calls, "done" ends.
 *
 * The test has put bytes at BIG and an event for AL=01h at FAR; FAMILY is that
 * of the TPM, 12 or 20.  BRIEF leaves out what takes SeaBIOS half a minute
 * before the hostile calls.  With LARGE there is one call, over LARGE bytes
 * at LARGE_AT, and others for data that ends where RAM does not reach.
 *
 * Long because one boot makes all calls: each function of AH=BBh, in good and
 * in hostile ways.
 */
#include "real16.h"

#define TCPA            0x41504354u
#define BIG             0x200000u
#define BIG_LEN         0x100003u
#define FAR             0x600001u       /* a TCG_PCClientPCREvent */
#define FAR_DATA        100u            /* its data's length */
#define FAR_PCR         11u
#ifndef BRIEF
#define BRIEF           0
#endif
#ifdef LARGE
#define LARGE_AT        0x800001u
#define RAM_END         0x6000000u
#else
#define RAM_END         0x2000000u
#endif
#define CANARY          0x12345678u
#define TINY_MAX        160u            /* bytes of stack ... */
#define TINY_OFF        56u             /* ... when no interrupt comes */
#define SEG_TINY        0x3000u

#define EV_ACTION       5u
#define EV_COMPACT_HASH 12u
#define EV_IPL          13u

enum { BAD_PARAMETER = 0x190001, SHUT_DOWN = 0x210001, TOO_SHORT = 0x170001,
       UNSUPPORTED = 3 };

/* How the caller is when it calls. */
enum { PLAIN, NO_INTERRUPTS, TINY_STACK, TINY_NO_INTERRUPTS, CALLERS };
static const char *const callers[] = {
    "", ", interrupts off", ", tiny stack", ", tiny stack, interrupts off",
};
static unsigned caller;

static uint8_t peek8(uint32_t at)
{
    return (uint8_t)peek(at);
}

static void poke8(uint32_t at, uint8_t v)
{
    __asm__ volatile("movw %1, %%fs; movb %0, %%fs:(%2)"
                     : : "q"(v), "r"(segment_of(at)), "b"(offset_of(at))
                     : "memory");
}

static void far_copy(uint32_t at, const void *from, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        poke8(at + i, ((const uint8_t *)from)[i]);
}

static void far_fill(uint32_t at, uint8_t v, uint32_t len)
{
    while (len--)
        poke8(at++, v);
}

static bool far_is(uint32_t at, uint8_t v, uint32_t len)
{
    for (uint32_t i = 0; i < len; i++)
        if (peek8(at + i) != v)
            return false;
    return true;
}

/* ------------------------------------------------------------------- calls */

/*
 * interrupt() on a stack of size bytes, of which it takes 36 for itself;
 * around it nothing may change.
 */
static void tiny_interrupt(struct regs *r, uint32_t size)
{
    static uint32_t saved;
    uint32_t base = SEG_TINY << 4;

    far_fill(base + size, 0xc5, 64);
    far_fill(base + 0xff00, 0xc5, 0x100);
    __asm__ volatile("movl %%esp, %[saved]\n\t"
                     "movw %w[seg], %%ss\n\t"
                     "movl %[sp], %%esp\n\t"
                     "calll interrupt\n\t"
                     "movw %w[zero], %%ss\n\t"
                     "movl %[saved], %%esp"
                     : [saved] "+m"(saved)
                     : [seg] "r"(SEG_TINY), [sp] "r"(size), [zero] "r"(0),
                       "a"(0x1a), "d"(r)
                     : "memory", "cc");
    if (!far_is(base + size, 0xc5, 64) || !far_is(base + 0xff00, 0xc5, 0x100))
        check(false, "more than the tiny stack was used", r);
}

static struct regs tcg(uint8_t al, struct regs r)
{
    bool off = caller == NO_INTERRUPTS || caller == TINY_NO_INTERRUPTS;

    r.eax = 0xbb00u | al;
    r.ebx = TCPA;
    if (off)
        __asm__ volatile("cli");
    if (caller == TINY_STACK || caller == TINY_NO_INTERRUPTS)
        tiny_interrupt(&r, off ? TINY_OFF : TINY_MAX);
    else
        interrupt(0x1a, &r);
    if (!(r.flags & 0x200) != off)
        check(false, "interrupts as they were", &r);
    __asm__ volatile("sti");
    return r;
}

/* Registers for blocks at two linear addresses, input and output. */
static struct regs blocks(uint32_t in, uint32_t out)
{
    return (struct regs){
        .es = segment_of(in), .edi = CANARY << 16 | offset_of(in),
        .ds = segment_of(out), .esi = CANARY << 16 | offset_of(out),
        .ecx = CANARY, .edx = CANARY,
    };
}

static struct regs block_call(uint8_t al, uint32_t in, uint32_t out)
{
    struct regs was = blocks(in, out), r = tcg(al, was);

    if (r.ebx != TCPA || r.ecx != was.ecx || r.edx != was.edx ||
        r.esi != was.esi || r.edi != was.edi || r.ds != was.ds ||
        r.es != was.es || r.flags & FLAG_CF)
        check(false, "registers preserved", &r);
    return r;
}

static uint32_t last_event(void)
{
    struct regs r = tcg(0, (struct regs){ 0 });

    return r.edi;
}

static void check_caller(bool good, const char *name, const struct regs *r)
{
    static char text[80];
    unsigned n = 0;

    while (*name)
        text[n++] = *name++;
    for (name = callers[caller]; *name; name++)
        text[n++] = *name;
    text[n] = 0;
    check(good, text, r);
}

static void report(const char *what, const uint32_t *v, unsigned n)
{
    say(what);
    for (unsigned i = 0; i < n; i++)
        say_hex("", v[i]);
    say("\n");
}

/* ----------------------------------------------------------------- blocks */

struct event {
    uint32_t pcr, type;
    uint8_t digest[20];
    uint32_t size;
    uint8_t data[8];
} __attribute__((packed));

/* Blocks of their own for each use: nothing that was measured is reused. */
static uint32_t next_free = 0x40000;

static uint32_t fresh(uint32_t len)
{
    uint32_t at = next_free;

    next_free += len + 1 + (next_free & 2);     /* aligned and unaligned */
    return at;
}

static uint32_t put_event(uint32_t at, uint32_t pcr, uint32_t type,
                          uint32_t size)
{
    struct event e = { .pcr = pcr, .type = type, .size = size };

    for (unsigned i = 0; i < 20; i++)
        e.digest[i] = (uint8_t)(at + i);
    for (unsigned i = 0; i < 8; i++)
        e.data[i] = (uint8_t)(0x41 + i);
    far_copy(at, &e, sizeof(e));
    return at;
}

/* The input blocks: words behind length and reserved. */
static uint32_t put_block(uint32_t at, uint16_t len, const uint32_t *words)
{
    far_copy(at, &len, 2);
    far_fill(at + 2, 0, 2);
    far_copy(at + 4, words, len < 4 || len > 0x1c ? 0x18 : len - 4u);
    return at;
}

/* AL=01h; returns the block's address. */
static uint32_t put_extend(uint32_t at, bool is_long, uint32_t ptr,
                           uint32_t len, uint32_t pcr, uint32_t log,
                           uint32_t log_len)
{
    const uint32_t s[] = { ptr, len, pcr, log, log_len };
    const uint32_t l[] = { ptr, len, pcr, 0, log, log_len };

    return is_long ? put_block(at, 0x1c, l) : put_block(at, 0x18, s);
}

/* --------------------------------------------------------------- good calls */

static void test_status(void)
{
    struct regs r = tcg(0, (struct regs){ .ds = 0x1234, .es = 0x4321 });

    check_caller(r.eax == 0 && r.ebx == TCPA && (r.ecx & 0xffff) == 0x0102 &&
                 r.edx == 0 && r.esi && r.edi >= r.esi &&
                 !(r.flags & FLAG_CF) && r.ds == 0x1234 && r.es == 0x4321,
                 "status", &r);
}

static void compact(const char *name, uint16_t segment, uint16_t offset,
                    uint32_t len, uint32_t pcr)
{
    static uint32_t number;
    uint32_t value = 0x1234 + len;
    struct regs r = {
        .es = segment, .edi = CANARY << 16 | offset, .ecx = len, .edx = pcr,
        .esi = value,
    };

    r = tcg(7, r);
    check_caller(r.eax == 0 && !(r.flags & FLAG_CF) && r.edx > number &&
                 r.ebx == TCPA && r.ecx == len && r.esi == value &&
                 r.edi == (CANARY << 16 | offset) && r.es == segment, name,
                 &r);
    if (r.eax == 0) {
        uint32_t v[] = { pcr, EV_COMPACT_HASH, (segment << 4) + offset, len,
                         0, value };

        number = r.edx;
        report("event", v, 6);
    }
}

static void test_compact(void)
{
    compact("compact, one byte", 0x2000, 0, 1, 10);
    compact("compact, nothing", 0x2000, 0, 0, 10);
    compact("compact, across 64 KiB", 0x1fff, 0xf, 64, 10);
    compact("compact, offset past 64 KiB", 0x1000, 0xffc0, 0x80, 10);
    compact("compact, unaligned", 0x2000, 1, 4095, 4);
    compact("compact, above 1 MiB", 0xffff, 0x2001, 300, 23);
    if (caller == PLAIN && !BRIEF)
        compact("compact, above 64 KiB", 0x1000, 3, 0x18001, 8);
}

static void extend(const char *name, uint32_t in, uint32_t out, bool is_long,
                   uint32_t ptr, uint32_t len, uint32_t log, uint32_t log_len)
{
    uint32_t pcr = log == FAR ? FAR_PCR : peek(log);
    uint32_t type = log == FAR ? EV_IPL : peek(log + 4);
    struct regs r;
    bool good;

    put_extend(in, is_long, ptr, len, pcr, log, log_len);
    far_fill(out, 0x7e, 0x1c + 4);
    r = block_call(1, in, out);
    good = r.eax == 0 && (peek(out) & 0xffff) == 0x1c &&
           far_is(out + 0x1c, 0x7e, 4);
    for (unsigned i = 0; i < 20 && log != FAR; i++)
        good = good && peek8(out + 8 + i) == peek8(log + 8 + i);
    check_caller(good, name, &r);
    if (r.eax == 0 && ptr) {
        uint32_t v[] = { pcr, type, ptr, len, log + 32, log_len - 32 };
        uint32_t s[] = { out + 8, ptr, len };

        report("event", v, 6);
        report("sha1", s, 3);
    } else if (r.eax == 0) {
        uint32_t v[] = { pcr, type, log + 8, log + 32, log_len - 32 };

        report("digest", v, 5);
    }
}

static void test_extend(void)
{
    uint32_t e;

    for (int is_long = 0; is_long < 2; is_long++) {
        e = put_event(fresh(40), 9, EV_IPL, 8);
        extend(is_long ? "extend, long block" : "extend, short block",
               fresh(0x1c), fresh(0x20), is_long, 0x20000, 77, e, 40);
        e = put_event(fresh(32), 9, EV_ACTION, 0);
        extend("extend, event without data", fresh(0x1c), fresh(0x20),
               is_long, BIG, 33, e, 32);
        e = put_event(fresh(40), 12, EV_ACTION, 8);
        extend("extend by a digest", fresh(0x1c), fresh(0x20), is_long, 0, 0,
               e, 40);
    }
    e = put_event(fresh(40), 9, EV_IPL, 8);
    extend("extend, no bytes", fresh(0x1c), fresh(0x20), false, 0x20000, 0,
           e, 40);
    if (caller == PLAIN && !BRIEF) {
        e = put_event(0x4ffff - 20, 9, EV_IPL, 8);
        extend("extend, blocks across 64 KiB", 0x5fff9, 0x6fff5, true, BIG,
               BIG_LEN, e, 40);
        extend("extend, event above 1 MiB", fresh(0x1c), fresh(0x20), true,
               BIG + 1, 5, FAR, 32 + FAR_DATA);
        next_free = 0x72000;
    }
    e = put_event(fresh(40), 9, EV_IPL, 8);
    extend("extend, block above 1 MiB", 0x100011, fresh(0x20), false,
           0x20001, 3, e, 40);
}

static void test_log_only(void)
{
    uint32_t e = put_event(fresh(40), 14, EV_ACTION, 8);
    uint32_t v[] = { 0x20000, 99, 14, EV_ACTION, e, 40 };
    uint32_t said[] = { 14, EV_ACTION, 0x20000, 99, e + 32, 8 };
    uint32_t in = put_block(fresh(0x1c), 0x1c, v), out = fresh(12);
    struct regs r;

    far_fill(out, 0x7e, 12);
    r = block_call(4, in, out);
    check_caller(r.eax == 0 && (peek(out) & 0xffff) == 8 &&
                 far_is(out + 8, 0x7e, 4), "log without extend", &r);
    if (r.eax == 0)
        report("logged", said, 6);
}

static void hash_all(const char *name, uint32_t at, uint32_t len)
{
    uint32_t v[] = { at, len, 4 };
    uint32_t in = put_block(fresh(0x10), 0x10, v), out = fresh(24);
    uint32_t said[] = { out, at, len };
    struct regs r;

    far_fill(out, 0x7e, 24);
    r = block_call(5, in, out);
    check_caller(r.eax == 0 && far_is(out + 20, 0x7e, 4), name, &r);
    if (r.eax == 0)
        report("sha1", said, 3);
}

static void test_hash_all(void)
{
    hash_all("hash nothing", 0, 0);
    hash_all("hash one byte", 0x20001, 1);
    hash_all("hash across 64 KiB", 0x1fff1, 100);
    if (caller == PLAIN && !BRIEF)
        hash_all("hash above 1 MiB", BIG + 1, BIG_LEN - 1);
}

#if FAMILY == 12
static const uint8_t get_random[] = { 0, 0xc1, 0, 0, 0, 14, 0, 0, 0, 0x46,
                                      0, 0, 0, 8 };
static const uint8_t no_command[] = {
    0, 0xc1, 0, 0, 0, 10, 0, 0xff, 0xff, 0xff
};
static const uint8_t wrong_family[] = { 0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b,
                                        0, 8 };
#define RANDOM_LEN      (10u + 4 + 8)
#else
static const uint8_t get_random[] = {
    0x80, 1, 0, 0, 0, 12, 0, 0, 1, 0x7b, 0, 8
};
static const uint8_t no_command[] = {
    0x80, 1, 0, 0, 0, 10, 0, 0xff, 0xff, 0xff
};
static const uint8_t wrong_family[] = { 0, 0xc1, 0, 0, 0, 14, 0, 0, 0, 0x46,
                                        0, 0, 0, 8 };
#define RANDOM_LEN      (10u + 2 + 8)
/* TPM2_HierarchyControl(platform) with the empty authorisation. */
static const uint8_t platform[] = {
    0x80, 2, 0, 0, 0, 32, 0, 0, 1, 0x21, 0x40, 0, 0, 0x0c, 0, 0, 0, 9,
    0x40, 0, 0, 9, 0, 0, 0, 0, 0, 0x40, 0, 0, 1, 1,
};
#endif

/* AL=02h: a command in a block; lengths may lie. */
static struct regs pass(const uint8_t *cmd, uint32_t cmd_len, uint16_t in_len,
                        uint32_t in, uint32_t out, uint16_t out_len)
{
    uint16_t head[4] = { in_len, 0, out_len, 0 };

    far_copy(in, head, 8);
    far_copy(in + 8, cmd, cmd_len);
    return block_call(2, in, out);
}

static void test_pass(void)
{
    uint32_t in = fresh(64), out = fresh(128), len = sizeof(get_random);
    struct regs r;

    far_fill(out, 0x7e, 128);
    r = pass(get_random, len, 8 + len, in, out, 100);
    check_caller(r.eax == 0 && (peek(out) & 0xffff) == 4 + RANDOM_LEN &&
                 peek8(out + 9) == RANDOM_LEN && !peek8(out + 13) &&
                 far_is(out + 4 + RANDOM_LEN, 0x7e, 32), "pass through", &r);
    r = pass(get_random, len, 8 + len, 0x8fffd, 0x8fffd, 100);
    check_caller(r.eax == 0 && peek8(0x8fffd + 9) == RANDOM_LEN,
                 "pass through in place, across 64 KiB", &r);
    r = pass(no_command, 10, 18, in, out, 100);
    check_caller(r.eax == 0 && (peek(out) & 0xffff) == 14 &&
                 (peek(out + 10) != 0), "pass through what the TPM refuses",
                 &r);
}

/* AL=08h: the memory overwrite request, as 0 or 1. */
static struct regs overwrite(uint16_t length, uint8_t value)
{
    uint16_t block[] = { length, 0, value };
    uint32_t in = fresh(8);

    far_copy(in, block, sizeof(block));
    return block_call(8, in, fresh(8));
}

static void test_overwrite(void)
{
    static const struct { uint16_t length; uint8_t value; } good[] = {
        { 5, 1 }, { 6, 0 }, { 6, 1 }, { 5, 0 }, { 5, 1 },
    };
    struct regs r;

    for (unsigned i = 0; i < sizeof(good) / sizeof(*good); i++) {
        r = overwrite(good[i].length, good[i].value);
        check_caller(r.eax == 0 && !(r.flags & FLAG_CF) && r.ecx == CANARY &&
                     r.edx == CANARY, "memory overwrite request", &r);
    }
}

static void test_others(void)
{
    static const uint8_t unknown[] = { 9, 0x40, 0x7f, 0x80, 0xff };
    struct regs r = block_call(6, fresh(32), fresh(32));

    check_caller(r.eax == UNSUPPORTED, "TSS is not supported", &r);
    for (unsigned i = 0; i < sizeof(unknown); i++) {
        r = tcg(unknown[i], (struct regs){ .ecx = CANARY, .edx = CANARY });
        check_caller(r.flags & FLAG_CF && r.eax == (0xbb00u | unknown[i]) &&
                     r.ecx == CANARY && r.edx == CANARY, "unknown function",
                     &r);
    }
}

/* ------------------------------------------------------------ hostile calls */

/* Refused, and nothing was logged. */
static void refused(struct regs r, uint32_t last, const char *name)
{
    check_caller(r.eax == BAD_PARAMETER && !(r.flags & FLAG_CF) &&
                 last_event() == last, name, &r);
}

static void bad_compact(const char *name, uint32_t len, uint32_t pcr)
{
    uint32_t last = last_event();

    refused(tcg(7, (struct regs){ .es = 0x2000, .ecx = len, .edx = pcr }),
            last, name);
}

static void bad_extend(const char *name, uint32_t ptr, uint32_t len,
                       uint32_t pcr, uint32_t log, uint32_t log_len)
{
    uint32_t last = last_event(), out = fresh(0x20);

    far_fill(out, 0x7e, 0x20);
    refused(block_call(1, put_extend(fresh(0x1c), true, ptr, len, pcr, log,
                                     log_len), out), last, name);
    if ((peek(out) & 0xffff) != 4 || !far_is(out + 4, 0x7e, 0x1c))
        check(false, "the output block says only its length", 0);
}

static void test_bad_extend(void)
{
    static const uint16_t lengths[] = { 0, 1, 2, 0x17, 0x19, 0x1b, 0x1d,
                                        0x8000, 0xffff };
    uint32_t e = put_event(fresh(40), 9, EV_IPL, 8), last, in;
    const uint32_t words[] = { 0x20000, 5, 9, 0, e, 40 };

    for (unsigned i = 0; i < sizeof(lengths) / 2; i++) {
        last = last_event();
        in = put_block(fresh(0x20), lengths[i], words);
        refused(block_call(1, in, fresh(0x20)), last, "block's length");
    }
    bad_extend("another PCR than the event's", 0x20000, 5, 10, e, 40);
    bad_extend("event of no bytes", 0x20000, 5, 9, e, 0);
    bad_extend("event without its size", 0x20000, 5, 9, e, 31);
    bad_extend("event shorter than its size", 0x20000, 5, 9, e, 39);
    bad_extend("event longer than its size", 0x20000, 5, 9, e, 41);
    bad_extend("event's length FFFFFFFF", 0x20000, 5, 9, e, 0xffffffff);
    bad_extend("event past 4 GiB", 0x20000, 5, 9, 0xfffffff0, 40);
    bad_extend("event in registers", 0x20000, 5, 9, 0xfed40000, 40);
    bad_extend("event past RAM", 0x20000, 5, 9, RAM_END - 8, 40);
    bad_extend("data's length FFFFFFFF", 0x20000, 0xffffffff, 9, e, 40);
    bad_extend("data past 4 GiB", 0xfffffff0, 0x20, 9, e, 40);
    bad_extend("data in registers", 0xfed40000, 0x20, 9, e, 40);
    bad_extend("data past RAM", RAM_END - 1, 2, 9, e, 40);
    bad_extend("data far too long", 0x20000, 0x10000001, 9, e, 40);
    bad_extend("no event", 0x20000, 5, 0, 0, 0);
    e = put_event(fresh(40), 24, EV_IPL, 8);
    bad_extend("PCR 24", 0x20000, 5, 24, e, 40);
    e = put_event(fresh(40), 0xffffffff, EV_IPL, 8);
    bad_extend("PCR FFFFFFFF", 0x20000, 5, 0xffffffff, e, 40);
    e = put_event(fresh(40), 9, EV_IPL, 0xffffffff);
    bad_extend("event's data of FFFFFFFF bytes", 0x20000, 5, 9, e, 31);
    e = put_event(fresh(40), 9, EV_IPL, 0xffffffe0);
    bad_extend("sizes that add up to 0", 0x20000, 5, 9, e, 0);
    e = put_event(fresh(40), 9, 0, 8);
    bad_extend("the type that ends a log", 0x20000, 5, 9, e, 40);
    e = put_event(fresh(40), 9, 3, 8);
    bad_extend("EV_NO_ACTION", 0x20000, 5, 9, e, 40);
    e = put_event(fresh(40), 9, EV_IPL, 8);
    last = last_event();
    in = put_extend(fresh(0x1c), true, 0x20000, 5, 9, e, 40);
    refused(block_call(1, in, 0xf0000), last, "output in the BIOS");
}

static void test_bad_log_only(void)
{
    uint32_t e = put_event(fresh(40), 14, EV_ACTION, 8), last;
    const uint32_t bad[][6] = {
        { 0x20000, 5, 14, EV_IPL, e, 40 }, { 0x20000, 5, 9, EV_ACTION, e, 40 },
        { 0x20000, 5, 14, EV_ACTION, e, 0xffffffff },
        { 0x20000, 0xffffffff, 14, EV_ACTION, e, 40 },
        { 0xfed40000, 5, 14, EV_ACTION, e, 40 },
    };

    for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        last = last_event();
        refused(block_call(4, put_block(fresh(0x1c), 0x1c, bad[i]),
                           fresh(12)), last, "log, bad fields");
    }
    last = last_event();
    refused(block_call(4, put_block(fresh(0x1c), 0x18, bad[0]), fresh(12)),
            last, "log, short block");
}

static void test_bad_hash_all(void)
{
    static const uint32_t bad[][3] = {
        { 0x20000, 5, 11 }, { 0x20000, 5, 0 }, { 0x20000, 0xffffffff, 4 },
        { 0, 0xffffffff, 4 }, { 0x20000, 0x10000001, 4 },
        { 0xfffffff0, 0x20, 4 }, { 0xfed40000, 4, 4 }, { RAM_END, 1, 4 },
    };
    uint32_t out = fresh(24);

    far_fill(out, 0x7e, 24);
    for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        refused(block_call(5, put_block(fresh(0x10), 0x10, bad[i]), out),
                last_event(), "hash, bad fields");
    check(far_is(out, 0x7e, 24), "no result of a refused hash", 0);
    refused(block_call(5, put_block(fresh(0x1c), 0x11, bad[0]), out),
            last_event(), "hash, block's length");
}

static void test_bad_pass(void)
{
    uint32_t in = fresh(64), out = fresh(128), len = sizeof(get_random);
    uint32_t last = last_event();
    uint8_t cmd[16];
    struct regs r;

    static const uint16_t in_len[] = { 0, 7, 8, 17, 0x8000, 0xffff };
    static const uint16_t out_len[] = { 0, 4, 13 };

    for (unsigned i = 0; i < sizeof(in_len) / 2; i++)
        refused(pass(get_random, len, in_len[i], in, out, 100), last,
                "pass through, block's length");
    for (unsigned i = 0; i < sizeof(out_len) / 2; i++)
        refused(pass(get_random, len, 8 + len, in, out, out_len[i]), last,
                "pass through, no room for a header");
    far_fill(out, 0x7e, 128);
    r = pass(get_random, len, 8 + len, in, out, 4 + RANDOM_LEN - 1);
    check_caller(r.eax == TOO_SHORT && far_is(out + 4 + RANDOM_LEN - 1, 0x7e,
                                              32),
                 "pass through, response too long", &r);
    refused(pass(get_random, len, 8 + len + 1, in, out, 100), last,
            "pass through, size is not the block's");
    for (unsigned i = 0; i < len; i++)
        cmd[i] = get_random[i];
    cmd[2] = 0xff;
    refused(pass(cmd, len, 8 + len, in, out, 100), last,
            "pass through, size FF00000Eh");
    refused(pass(wrong_family, sizeof(wrong_family),
                 8 + sizeof(wrong_family), in, out, 100), last,
            "pass through, the other family's tag");
#if FAMILY == 20
    refused(pass(platform, sizeof(platform), 8 + sizeof(platform), in, out,
                 100), last, "pass through, platform hierarchy");
#endif
    refused(pass(get_random, len, 8 + len, in, 0xf0000, 100), last,
            "pass through, output in the BIOS");
}

static void test_bad_overwrite(void)
{
    static const uint16_t lengths[] = { 0, 4, 7, 0xffff };

    for (unsigned i = 0; i < sizeof(lengths) / sizeof(*lengths); i++)
        refused(overwrite(lengths[i], 0), last_event(),
                "memory overwrite, block's length");
    refused(overwrite(5, 2), last_event(), "memory overwrite, value 2");
    refused(overwrite(5, 0xfe), last_event(), "memory overwrite, value FEh");
}

static void test_shutdown(void)
{
    struct regs r = tcg(3, (struct regs){ 0 });
    uint32_t v[2];

    check(r.eax == 0 && !(r.flags & FLAG_CF), "shut down", &r);
    for (uint8_t al = 1; al <= 8; al++) {
        r = block_call(al, fresh(32), fresh(32));
        check(r.eax == SHUT_DOWN, "shut down for", &r);
    }
    r = tcg(0, (struct regs){ 0 });
    check(r.eax == 0 && r.ebx == TCPA, "status after the shutdown", &r);
    v[0] = r.esi;
    v[1] = r.edi;
    report("log", v, 2);
}

#ifdef LARGE
/* An initrd as large as they come. */
static void test_large(void)
{
    uint32_t e = put_event(fresh(40), 9, EV_IPL, 8);

    say("large\n");
    extend("extend, large data", fresh(0x1c), fresh(0x20), true, LARGE_AT,
           LARGE, e, 40);
    say("large done\n");
    e = put_event(fresh(40), 9, EV_IPL, 8);
    bad_extend("large data past RAM", RAM_END - LARGE, LARGE + 1, 9, e, 40);
    bad_extend("large data up to registers", 0xfed40000 - LARGE, LARGE + 1, 9,
               e, 40);
    bad_extend("large data that wraps", 0u - LARGE, LARGE + 1, 9, e, 40);
}
#endif

void program_main(uint32_t dl)
{
    (void)dl;
#ifdef LARGE
    test_large();
    test_shutdown();
    say("done\n");
    for (;;)
        __asm__ volatile("hlt");
#endif
    for (uint32_t i = 0; i < 0x10000; i++) {
        poke8(0x20000 + i, (uint8_t)(i * 7 + (i >> 8)));
        if (i < 0x8000)
            poke8(0x18000 + i, (uint8_t)(i * 5 + (i >> 7)));
    }
    for (caller = 0; caller < CALLERS; caller++) {
        test_status();
        test_compact();
        test_extend();
        if (BRIEF)
            break;
        test_log_only();
        test_hash_all();
        test_pass();
        test_overwrite();
        test_others();
    }
    say("hostile\n");
    for (caller = 0; caller < CALLERS; caller += TINY_NO_INTERRUPTS) {
        bad_compact("compact, length FFFFFFFF", 0xffffffff, 10);
        bad_compact("compact, length 80000000", 0x80000000, 10);
        bad_compact("compact, past RAM", RAM_END, 10);
        bad_compact("compact, PCR 24", 5, 24);
        bad_compact("compact, PCR FFFFFFFF", 5, 0xffffffff);
        test_bad_extend();
        test_bad_log_only();
        test_bad_hash_all();
        test_bad_pass();
        test_bad_overwrite();
    }
    caller = PLAIN;
    test_shutdown();
    say("done\n");
    for (;;)
        __asm__ volatile("hlt");
}
