/* SPDX-License-Identifier: MIT */
/*
 * The services but INT 13h for a program in virtual-8086 mode.  Those without
 * an effect are in v86_queries.c.
 */
#include "v86_guest.h"

#ifndef SCREEN
#define SCREEN          1               /* is there something to print on? */
#endif
#ifndef ALARM
#define ALARM           0
#endif
#ifndef A20
#define A20             0
#endif
#ifndef TPM
#define TPM             0
#endif

#define BUF             0x20000u
#define SUPERVISOR      (UPPER + 0x8000)
#define LAZY            (UPPER + 0x4000)
#define BDA_TICKS       0x46cu
#define BDA_CURSOR      0x450u
#define KBC_DATA        0x60
#define KBC_STATUS      0x64
#define KBC_OUTPUT_FULL 1
#define KBC_INPUT_FULL  2
#define KBC_WRITE_OUTPUT 0xd2           /* as if a key had sent it */
#define KBC_WRITE_AUX   0xd3            /* as if the mouse had */
#define CODE_A          0x1e
#define CODE_S          0x1f
#define RELEASED        0x80
#define SMAP            0x534d4150u
#define TCPA            0x41504354u

#define IVT(n)          (4u * (n))
extern char hook_4a[], mouse_handler[];
extern uint32_t old_4a;
extern volatile uint16_t mouse_packet[3], mouse_packets;
volatile uint8_t alarms;
void on_alarm(void);

void on_alarm(void)
{
    alarms++;
}

static uint32_t ticks(void)
{
    return peek(BDA_TICKS);
}

/* ----------------------------------------------------------- keys and mouse */

static void kbc_write(uint16_t port, uint8_t v)
{
    while (inb(KBC_STATUS) & KBC_INPUT_FULL)
        ;
    outb(port, v);
}

/* The 8042 has room for one byte: the one before gets time to be fetched. */
void type(uint8_t code)
{
    for (unsigned i = 0; i < 1000 && inb(KBC_STATUS) & KBC_OUTPUT_FULL; i++)
        ;
    kbc_write(KBC_STATUS, KBC_WRITE_OUTPUT);
    kbc_write(KBC_DATA, code);
}

static struct regs look(void)
{
    struct regs r;

    for (unsigned i = 0; i < 1000; i++) {
        r = (struct regs){ .eax = 0x0100 };
        call(0x16, &r, RESULT_AX);
        if (r.fault || !(r.flags & FLAG_ZF))
            break;
    }
    return r;
}

static void key_check(const char *name, uint16_t function, uint16_t key)
{
    struct regs r = { .eax = function };

    call(0x16, &r, RESULT_AX);
    check(!r.fault && (uint16_t)r.eax == key, name, &r);
}

static void test_keyboard(void)
{
    struct regs r;

    about = "INT 16h";
    r = (struct regs){ .eax = 0x0100 };
    call(0x16, &r, RESULT_AX);
    check(!r.fault && r.flags & FLAG_ZF, "01h without a key", &r);
    type(CODE_A);
    r = look();
    check(!r.fault && (uint16_t)r.eax == 0x1e61, "01h", &r);
    key_check("00h", 0x0000, 0x1e61);
    type(CODE_A | RELEASED);
    type(CODE_S);
    key_check("10h", 0x1000, 0x1f73);
    type(CODE_S | RELEASED);
    r = (struct regs){ .eax = 0x0500, .ecx = 0x3b00 };
    call(0x16, &r, RESULT_AX);
    r = (struct regs){ .eax = 0x1100 };
    call(0x16, &r, RESULT_AX);
    check(!r.fault && !(r.flags & FLAG_ZF) && (uint16_t)r.eax == 0x3b00,
          "05h, 11h", &r);
    key_check("00h of that", 0x0000, 0x3b00);
    key_check("02h", 0x02ee, 0x0200);
    key_check("12h", 0x1200, 0x0000);
    r = (struct regs){ .eax = 0x0305, .ebx = HIGH_HALF | 0x100 };
    call(0x16, &r, RESULT_AX);
    check(!r.fault, "0305h", &r);
}

static void mouse_call(const char *name, uint16_t eax, uint32_t ebx,
                       uint32_t results)
{
    struct regs r = { .eax = eax, .ebx = HIGH_HALF | ebx };

    call(0x15, &r, results);
    check(!r.fault && !carry(&r) && !ah(&r), name, &r);
}

static void test_mouse(void)
{
    static const uint8_t packet[] = { 0x28, 0x05, 0xfd };
    uint32_t start;

    about = "INT 15h";
    mouse_call("C205h", 0xc205, 0x0300, RESULT_AX | RESULT_BX);
    mouse_call("C207h", 0xc207, (uint16_t)(uint32_t)mouse_handler, RESULT_AX);
    mouse_call("C202h", 0xc202, 0x0500, RESULT_AX);
    mouse_call("C204h", 0xc204, 0, RESULT_AX | RESULT_BX);
    mouse_call("C200h", 0xc200, 0x0100, RESULT_AX);
    mouse_packets = 0;
    for (unsigned i = 0; i < sizeof(packet); i++) {
        kbc_write(KBC_STATUS, KBC_WRITE_AUX);
        kbc_write(KBC_DATA, packet[i]);
        start = ticks();
        while (mouse_packets == 0 &&
               ticks() - start < 2)
            ;
    }
    check(mouse_packets == 1 && mouse_packet[0] == 0x28 &&
          mouse_packet[1] == 5 && mouse_packet[2] == 0xfd, "mouse's handler",
          NULL);
    mouse_call("C200h off", 0xc200, 0x0000, RESULT_AX);
}

/* ------------------------------------------------------------------ screen */

static void test_screen(void)
{
    static const char text[] = "printed by 0Eh\r\n";
    static const char string[] = "printed by 13h";
    uint32_t at = upper() + 0xff9;
    struct regs r;

    about = "INT 10h";
    r = (struct regs){ .eax = 0x0003 };
    call(0x10, &r, RESULT_AX);
    check(!r.fault, "00h", &r);
    for (const char *s = text; *s; s++) {
        r = (struct regs){ .eax = 0x0e00 | *s, .ebx = HIGH_HALF | 7 };
        call(0x10, &r, RESULT_AX);
    }
    check(!r.fault, "0Eh", &r);
    for (unsigned i = 0; i < sizeof(string); i++)
        poke8(at + i, string[i]);
    r = (struct regs){ .eax = 0x1301, .ebx = HIGH_HALF | 7,
                       .ecx = sizeof(string) - 1, .edx = HIGH_HALF | 0x0302,
                       .es = at >> 4, .ebp = HIGH_HALF | (at & 15) };
    call(0x10, &r, RESULT_AX);
    check(!r.fault, "13h over pages", &r);
    if (!SCREEN)
        return;
    r = (struct regs){ .eax = 0x0300, .ebx = HIGH_HALF };
    call(0x10, &r, RESULT_AX | RESULT_CX | RESULT_DX);
    check(!r.fault && (uint16_t)r.edx == 0x0302 + sizeof(string) - 1, "03h",
          &r);
    r = (struct regs){ .eax = 0x0200, .ebx = HIGH_HALF,
                       .edx = HIGH_HALF | 0x0303 };
    call(0x10, &r, RESULT_AX);
    r = (struct regs){ .eax = 0x0800, .ebx = HIGH_HALF };
    call(0x10, &r, RESULT_AX);
    check(!r.fault && (uint16_t)r.eax == 0x0772, "08h", &r);
    r = (struct regs){ .eax = 0x0f00 };
    call(0x10, &r, RESULT_AX | RESULT_BX);
    check(!r.fault && (uint16_t)r.eax == 0x5003, "0Fh", &r);
}

/* ----------------------------------------------------- time, memory, ports */

static void test_waits(void)
{
    uint32_t flag = upper() + 0x7fff, start;
    struct regs r;

    about = "INT 15h";
    start = ticks();
    r = (struct regs){ .eax = 0x8600, .ecx = HIGH_HALF | 3,
                       .edx = HIGH_HALF };          /* 196 ms */
    call(0x15, &r, RESULT_AX);
    check(!r.fault && !carry(&r) && ticks() - start >= 2, "86h", &r);
    poke8(flag, 0x11);
    r = (struct regs){ .eax = 0x8300, .ecx = HIGH_HALF | 1,
                       .edx = HIGH_HALF | 0x86a0, .es = flag >> 4,
                       .ebx = HIGH_HALF | (flag & 15) };
    call(0x15, &r, RESULT_AX);
    check(!r.fault && !carry(&r) && peek8(flag) == 0x11, "83h", &r);
    start = ticks();
    while (peek8(flag) == 0x11 && ticks() - start < 18)
        ;
    check(peek8(flag) == 0x91, "83h's event", NULL);
    r = (struct regs){ .eax = 0x8300, .ecx = HIGH_HALF | 0x100,
                       .edx = HIGH_HALF, .es = flag >> 4,
                       .ebx = HIGH_HALF | (flag & 15) };
    call(0x15, &r, RESULT_AX);
    r = (struct regs){ .eax = 0x8301 };
    call(0x15, &r, RESULT_AX);
    check(!r.fault && !carry(&r), "8301h", &r);
}

static void descriptor(uint32_t at, uint32_t base)
{
    poke(at, (base & 0xffff) << 16 | 0xffff);
    poke(at + 4, (base & 0xff000000) | 0x9300 | (base >> 16 & 0xff));
}

static struct regs block_move(uint32_t table, uint32_t from, uint32_t to,
                              uint16_t words)
{
    struct regs r = { .eax = 0x8700, .ecx = HIGH_HALF | words,
                      .es = table >> 4, .esi = HIGH_HALF | (table & 15) };

    descriptor(table + 16, from);
    descriptor(table + 24, to);
    call(0x15, &r, RESULT_AX);
    return r;
}

static void test_block_move(void)
{
    uint32_t table = upper() + 0x2fe3, from = BUF + 1, to = upper() + 0x5e03;
    struct regs r;
    bool good = true;

    about = "INT 15h";
    for (unsigned i = 0; i < 6000; i += 4) {
        poke(from + i, i * 77 + 5);
        poke(to + i, 0);
    }
    r = block_move(table, from, to, 3000);
    for (unsigned i = 0; i < 6000; i += 4)
        good &= peek(to + i) == i * 77 + 5;
    check(!r.fault && !carry(&r) && !ah(&r) && good, "87h", &r);
    if (!pages())
        return;
    for (unsigned i = 0; i < 0x1000; i += 4)
        poke(SUPERVISOR + i, 0x600d600d);
    page_is(SUPERVISOR, PAGE_SUPERVISOR);
    r = block_move(table, from, SUPERVISOR + 2, 20);
    page_is(SUPERVISOR, PAGE_NORMAL);
    for (unsigned i = 0; i < 0x1000; i += 4)
        good &= peek(SUPERVISOR + i) == 0x600d600d;
    check(!r.fault && carry(&r) && ah(&r) && good,
          "87h to a supervisor page", &r);
    r = block_move(table, from, 0x680040, 20);
    check(!r.fault && carry(&r) && ah(&r), "87h to the monitor's memory", &r);
    page_is(SUPERVISOR, PAGE_SUPERVISOR);
    r = (struct regs){ .eax = 0xe820, .ecx = 20, .edx = SMAP, .ebx = 1,
                       .es = SUPERVISOR >> 4, .edi = 0x20 };
    call(0x15, &r, RESULT_EAX | RESULT_EBX | RESULT_ECX);
    page_is(SUPERVISOR, PAGE_NORMAL);
    check(!r.fault && carry(&r), "E820h to a supervisor page", &r);
    page_is(LAZY, PAGE_LAZY);
    r = (struct regs){ .eax = 0xe820, .ecx = 20, .edx = SMAP, .ebx = 1,
                       .es = LAZY >> 4, .edi = 0x20 };
    call(0x15, &r, RESULT_EAX | RESULT_EBX | RESULT_ECX);
    check(!r.fault && !carry(&r) && peek8(LAZY + 0x20 + 16),
          "E820h to a page that is not there", &r);
}

static void test_clock(void)
{
    struct regs r = { .eax = 0x0000 };
    uint32_t was = ticks(), start;

    about = "INT 1Ah";
    call(0x1a, &r, RESULT_AX | RESULT_CX | RESULT_DX);
    check(!r.fault && ((r.ecx << 16 | (r.edx & 0xffff)) - was) < 4, "00h",
          &r);
    r = (struct regs){ .eax = 0x0100, .ecx = HIGH_HALF | 0x0002,
                       .edx = HIGH_HALF | 0x3456 };
    call(0x1a, &r, RESULT_AX);
    check(!r.fault && ticks() - 0x23456 < 4, "01h", &r);
    r = (struct regs){ .eax = 0x0300, .ecx = HIGH_HALF | 0x1200,
                       .edx = HIGH_HALF };
    call(0x1a, &r, RESULT_AX);
    check(!r.fault && !carry(&r), "03h", &r);
    r = (struct regs){ .eax = 0x0200 };
    call(0x1a, &r, RESULT_AX | RESULT_CX | RESULT_DX);
    check(!r.fault && !carry(&r) && (uint16_t)r.ecx == 0x1200, "02h", &r);
    r = (struct regs){ .eax = 0x0500, .ecx = HIGH_HALF | 0x2031,
                       .edx = HIGH_HALF | 0x0814 };
    call(0x1a, &r, RESULT_AX);
    check(!r.fault && !carry(&r), "05h", &r);
    r = (struct regs){ .eax = 0x0400 };
    call(0x1a, &r, RESULT_AX | RESULT_CX | RESULT_DX);
    check(!r.fault && !carry(&r) && (uint16_t)r.ecx == 0x2031 &&
          (uint16_t)r.edx == 0x0814, "04h", &r);
    if (!ALARM)
        return;
    old_4a = peek(IVT(0x4a));
    poke(IVT(0x4a), (uint32_t)hook_4a);
    alarms = 0;
    r = (struct regs){ .eax = 0x0300, .ecx = HIGH_HALF | 0x1200,
                       .edx = HIGH_HALF };
    call(0x1a, &r, RESULT_AX);
    r = (struct regs){ .eax = 0x0600, .ecx = HIGH_HALF | 0x1200,
                       .edx = HIGH_HALF | 0x0100 };
    call(0x1a, &r, RESULT_AX);
    check(!r.fault && !carry(&r), "06h", &r);
    start = ticks();
    while (!alarms && ticks() - start < 18 * 4)
        ;
    check(alarms == 1, "the alarm's INT 4Ah", NULL);
    r = (struct regs){ .eax = 0x0700 };
    call(0x1a, &r, RESULT_AX);
    check(!r.fault && !carry(&r), "07h", &r);
    poke(IVT(0x4a), old_4a);
}

#define HMA             0x108000u
#define WRAPPED         0x008000u

/* The gate is the monitor's, who traps port 92h. */
static void test_a20(void)
{
    struct regs r = { .eax = 0x2400 };
    uint32_t above = ~peek(WRAPPED);

    about = "INT 15h";
    poke(HMA, above);
    call(0x15, &r, RESULT_AX);
    check(!r.fault && !carry(&r) && peek(HMA) == peek(WRAPPED), "2400h", &r);
    r = (struct regs){ .eax = 0x2402 };
    call(0x15, &r, RESULT_AX | RESULT_CX);
    check(!r.fault && !carry(&r) && !(r.eax & 0xff), "2402h", &r);
    r = (struct regs){ .eax = 0x2401 };
    call(0x15, &r, RESULT_AX);
    check(!r.fault && !carry(&r) && peek(HMA) == above, "2401h", &r);
}

static void test_serial(void)
{
    static const char text[] = "sent by 01h\r\n";
    struct regs r;

    about = "INT 14h";
    for (const char *s = text; *s; s++) {
        r = (struct regs){ .eax = 0x0100 | *s, .edx = HIGH_HALF };
        call(0x14, &r, RESULT_AX);
    }
    check(!r.fault && !(ah(&r) & 0x80), "01h", &r);
}

static struct regs compact_hash(uint32_t at, uint32_t len)
{
    struct regs r = { .eax = 0xbb07, .ebx = TCPA, .ecx = len, .edx = 11,
                      .esi = 0x1234, .es = at >> 4, .edi = at & 15 };

    call(0x1a, &r, RESULT_EAX | RESULT_EDX);
    return r;
}

static void test_tpm(void)
{
    struct regs r = { .eax = 0xbb00 };

    about = "INT 1Ah";
    call(0x1a, &r, RESULT_EAX | RESULT_EBX | RESULT_ECX | RESULT_EDX |
         RESULT_SI | RESULT_DI);
    check(!r.fault && !carry(&r) && !r.eax && r.ebx == TCPA, "BB00h", &r);
    r = compact_hash(upper() + 0x3101, 100);
    check(!r.fault && !carry(&r) && !r.eax, "BB07h", &r);
    if (!pages())
        return;
    r = compact_hash(upper() + 0x3ff1, 100);
    check(!r.fault && !carry(&r), "BB07h over pages", &r);
    page_is(SUPERVISOR, PAGE_SUPERVISOR);
    r = compact_hash(SUPERVISOR + 1, 100);
    page_is(SUPERVISOR, PAGE_NORMAL);
    check(!r.fault && r.eax, "BB07h of a supervisor page", &r);
}

void test_services(void)
{
    queries();
    test_keyboard();
    test_mouse();
    test_screen();
    test_waits();
    test_block_move();
    test_clock();
    test_serial();
    if (TPM)
        test_tpm();
    if (A20 && pages() && mode & MODE_DEVICES)
        test_a20();
}
