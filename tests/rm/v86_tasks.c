/* SPDX-License-Identifier: MIT */
/*
 * What goes on beside a call that waits, for programs in virtual-8086 mode:
 * hooks that call services themselves, and a second task with low memory of
 * its own, as Windows' DOS boxes.  The tasks share upper memory, and so what
 * they tell each other.
 */
#include "v86_guest.h"

#define IVT_TICK        (4u * 0x1c)
#define BDA_TICKS       0x46cu
#define BUF             0x20000u
#define BASE            0x5a000000u
#define SHARED          (UPPER + 0xe000)
#define SHARED_ORDER    SHARED                  /* counts events */
#define SHARED_FIRST    (SHARED + 4)            /* that of the first task */
#define SHARED_SECOND   (SHARED + 8)
#define SHARED_GOOD     (SHARED + 12)
#define SHARED_ENDED    (SHARED + 16)
#define PIC1            0x20
#define EOI             0x20
#define DEPTH_MAX       6
#define KEY_A           0x1e61
#define KEY_S           0x1f73
#define READS           12
#define LETTERS         600
#define REFUSALS        1000
#ifndef KILLS
#define KILLS           0
#endif

extern char hook_1c[];
extern uint32_t old_1c;
void type(uint8_t code);
void on_tick(void);
void attack_on_tick(void);              /* v86_attack.c */
void attack_in_call(void);

struct packet {
    uint8_t size, reserved;
    uint16_t count, offset, segment;
    uint64_t lba;
} __attribute__((packed));

static enum { QUIET, COUNT, READ, NEST_KEYS, NEST_WAITS, TYPE, ATTACKED } job;
static volatile uint32_t hooks;
static struct regs inner;
static volatile uint32_t depth, deepest, good, refused, tries,
                         type_at, task_number;

static uint32_t ticks(void)
{
    return peek(BDA_TICKS);
}

static struct regs read(uint32_t lba, uint32_t count, uint32_t at)
{
    struct packet p = { 16, 0, count, at & 15, at >> 4, lba };
    struct regs r = { .eax = 0x4200, .edx = drive | 0x5a00,
                      .esi = (uint32_t)&p };

    call(0x13, &r, RESULT_AX);
    return r;
}

static bool holds(uint32_t at, uint32_t first, uint32_t units)
{
    for (uint32_t i = 0; i < units * 128; i++)
        if (peek(at + 4 * i) != BASE + first * 128 + i)
            return false;
    return true;
}

static struct regs wait_ms(uint32_t ms)
{
    uint32_t us = ms * 1000;
    struct regs r = { .eax = 0x8600, .ecx = HIGH_HALF | us >> 16,
                      .edx = HIGH_HALF | (us & 0xffff) };

    call(0x15, &r, RESULT_AX);
    return r;
}

static struct regs key(void)
{
    struct regs r = { .eax = 0x0000 };

    call(0x16, &r, RESULT_AX);
    return r;
}

static bool is_key(const struct regs *r)
{
    return !r->fault && ((uint16_t)r->eax == KEY_A ||
                         (uint16_t)r->eax == KEY_S);
}

/* -------------------------------------------------------- hooks of the tick */

static void count(const struct regs *r, bool served)
{
    tries++;
    if (served)
        good++;
    else if (!r->fault && carry(r) && ah(r) == 0x86)
        refused++;
}

static void nest(void)
{
    struct regs r;

    outb(PIC1, EOI);                    /* or no tick comes within this one */
    depth++;
    if (depth > deepest)
        deepest = depth;
    if (job == NEST_KEYS) {
        if (depth == DEPTH_MAX)
            for (unsigned i = 0; i <= DEPTH_MAX; i++) {
                r = (struct regs){ .eax = 0x0500, .ecx = HIGH_HALF | KEY_A };
                call(0x16, &r, RESULT_AX);
            }
        r = key();
        count(&r, is_key(&r));
    } else {
        r = wait_ms(300);
        count(&r, !r.fault && !carry(&r));
    }
    depth--;
}

void on_tick(void)
{
    hooks++;
    switch (job) {
    case READ:
        job = QUIET;
        inner = read(300, 2, 0x30000);
        break;
    case NEST_KEYS:
    case NEST_WAITS:
        if (deepest < DEPTH_MAX)
            nest();
        break;
    case TYPE:
        if (hooks == type_at) {
            monitor_call(CALL_FOCUS, task_number, 0);
            type(task_number ? 0x1f : 0x1e);
        }
        break;
    case ATTACKED:
        attack_on_tick();
        break;
    default:
        break;
    }
}

static void begin(int what)
{
    hooks = depth = deepest = good = refused = tries = 0;
    job = what;
}

static void test_hooks(void)
{
    struct regs r;
    uint32_t start;

    about = "tick";
    begin(COUNT);
    r = wait_ms(300);
    check(!r.fault && !carry(&r) && hooks >= 2, "INT 1Ch while 86h waits", &r);
    inner = (struct regs){ .fault = 2 };
    begin(READ);
    r = read(400, 60, upper() + 0x103);
    check(!r.fault && !carry(&r) && holds(upper() + 0x103, 400, 60),
          "INT 13h with another in it", &r);
    start = ticks();
    while (job == READ && ticks() - start < 18)
        ;
    check(!inner.fault && ((carry(&inner) && ah(&inner)) ||
                           holds(0x30000, 300, 2)),
          "INT 13h in it", &inner);
    begin(NEST_KEYS);
    r = key();
    count(&r, is_key(&r));
    check(good == DEPTH_MAX + 1 && deepest == DEPTH_MAX,
          "INT 16h within each other",
          &(struct regs){ .eax = good, .ebx = refused, .ecx = deepest });
    begin(NEST_WAITS);
    r = wait_ms(700);
    count(&r, !r.fault && !carry(&r));
    check(good >= 3 && good + refused == tries,
          "86h within each other",
          &(struct regs){ .eax = good, .ebx = refused, .ecx = deepest });
    begin(QUIET);
    r = wait_ms(1);
    check(!r.fault && !carry(&r), "86h after them", &r);
}

/* --------------------------------------------------------------- two tasks */

static void second_start(void (*entry)(void))
{
    for (unsigned i = 0; i < 32; i += 4)
        poke(SHARED + i, 0);
    begin(QUIET);
    monitor_call(CALL_SECOND, (uint32_t)entry, 0);
}

static void second_end(void)
{
    poke(SHARED_ENDED, 1);
    monitor_call(CALL_END, 0, 0);
}

static void stamp(uint32_t where)
{
    poke(SHARED_ORDER, peek(SHARED_ORDER) + 1);
    poke(where, peek(SHARED_ORDER));
}

/* Let the second task end.  Was the first one the first? */
static bool finish(bool first)
{
    uint32_t start = ticks();

    while (!peek(SHARED_ENDED) && ticks() - start < 18 * 10)
        __asm__ volatile("hlt");
    return peek(SHARED_ENDED) && peek(SHARED_GOOD) &&
           peek(SHARED_FIRST) == (first ? 1 : 2) &&
           peek(SHARED_SECOND) == (first ? 2 : 1);
}

static void second_waits(uint32_t ms)
{
    struct regs r = wait_ms(ms);

    poke(SHARED_GOOD, !r.fault && !carry(&r));
    stamp(SHARED_SECOND);
    second_end();
}

static void second_waits_long(void)
{
    second_waits(900);
}

static void second_waits_short(void)
{
    second_waits(100);
}

static void second_types(void)
{
    monitor_call(CALL_FOCUS, 0, 0);
    type(0x1e);
    second_waits(500);
}

static void second_key(void)
{
    struct regs r;

    task_number = 1;
    type_at = 10;
    begin(TYPE);
    r = key();
    poke(SHARED_GOOD, !r.fault && (uint16_t)r.eax == KEY_S);
    stamp(SHARED_SECOND);
    second_end();
}

/* Reads; where one comes in the other's way it is told, and tries again. */
static uint32_t reads(uint32_t lba, uint32_t at)
{
    uint32_t served = 0, start = ticks();
    struct regs r;

    for (unsigned i = 0; served < READS && ticks() - start < 18 * 8; i++) {
        r = read(lba + i % 8, 3, at);
        if (r.fault)
            return 0;
        if (carry(&r))
            continue;
        if (!holds(at, lba + i % 8, 3))
            return 0;
        served++;
    }
    return served;
}

static void second_reads(void)
{
    poke(SHARED_GOOD, reads(300, 0x30001) == READS);
    second_end();
}

static bool letters(char c)
{
    struct regs r = { 0 };

    for (unsigned i = 0; i < LETTERS; i++) {
        r = (struct regs){ .eax = 0x0e00 | c, .ebx = HIGH_HALF | 7 };
        call(0x10, &r, RESULT_AX);
        if (r.fault)
            return false;
    }
    return true;
}

static void second_prints(void)
{
    poke(SHARED_GOOD, letters('%'));
    second_end();
}

static void second_killed(void)
{
    wait_ms(3000);
    second_end();
}

static void test_two(void)
{
    struct regs r, s;
    uint32_t start;

    about = "tasks";
    second_start(second_waits_long);
    r = wait_ms(250);
    stamp(SHARED_FIRST);
    s = read(500, 20, BUF + 3);
    check(!r.fault && !carry(&r) && !s.fault && !carry(&s) &&
          holds(BUF + 3, 500, 20) && finish(true), "86h: first in, first out",
          &r);
    second_start(second_waits_short);
    r = wait_ms(900);
    stamp(SHARED_FIRST);
    check(!r.fault && !carry(&r) && finish(false), "86h: last in, first out",
          &r);
    second_start(second_types);
    r = key();
    stamp(SHARED_FIRST);
    check(!r.fault && (uint16_t)r.eax == KEY_A && finish(true),
          "INT 16h while the other waits", &r);
    type(0x9e);
    second_start(second_key);
    task_number = 0;
    type_at = 4;
    begin(TYPE);
    r = key();
    stamp(SHARED_FIRST);
    check(!r.fault && (uint16_t)r.eax == KEY_A && finish(true),
          "INT 16h while the other does", &r);
    begin(QUIET);
    monitor_call(CALL_FOCUS, 0, 0);
    second_start(second_reads);
    check(reads(500, UPPER + 0x1001) == READS, "INT 13h beside another", NULL);
    stamp(SHARED_FIRST);
    stamp(SHARED_SECOND);
    check(finish(true), "the other INT 13h", NULL);
    second_start(second_prints);
    letters('&');
    stamp(SHARED_FIRST);
    stamp(SHARED_SECOND);
    check(finish(true), "INT 10h beside another", NULL);
    /* A DOS box that is closed in the middle of a call */
    for (int i = 0; i < KILLS; i++) {
        second_start(second_killed);
        start = ticks();
        while (ticks() - start < 4)
            __asm__ volatile("hlt");
        monitor_call(CALL_KILL, 0, 0);
    }
    /* At first their slots are still theirs (smi.S, REFUSED_MAX). */
    for (unsigned i = 0; i <= REFUSALS; i++) {
        r = read(500, 20, BUF + 3);
        if (r.fault || !carry(&r) || ah(&r) != 0x86)
            break;
    }
    check(!r.fault && !carry(&r) && holds(BUF + 3, 500, 20),
          "INT 13h after others were ended in a call", &r);
}

void attack_in_call(void)
{
    struct regs r;

    old_1c = peek(IVT_TICK);
    poke(IVT_TICK, (uint32_t)hook_1c);
    begin(ATTACKED);
    r = wait_ms(300);
    check(!r.fault && !carry(&r), "86h goes on", &r);
    begin(QUIET);
    poke(IVT_TICK, old_1c);
}

void test_tasks(void)
{
    old_1c = peek(IVT_TICK);
    poke(IVT_TICK, (uint32_t)hook_1c);
    test_hooks();
    if (pages())
        test_two();
    poke(IVT_TICK, old_1c);
}
