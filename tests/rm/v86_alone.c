/* SPDX-License-Identifier: MIT */
/*
 * A machine without system management mode: what is left to programs in
 * virtual-8086 mode.  With SMI_OFF the program itself has switched it off.
 */
#include "v86_guest.h"

#ifndef SMI_OFF
#define SMI_OFF         0
#endif
#ifndef SCREEN
#define SCREEN          1
#endif

#define BDA_TICKS       0x46cu
#define BDA_HEAD        0x41au
#define BDA_TAIL        0x41cu
#define KBC_STATUS      0x64
#define KBC_WRITE_AUX   0xd3
#define PM_BASE         0x600
#define ICH9_SMI_EN     (PM_BASE + 0x30)
#define PIIX4_DEVACTB   0x80000b58u
#define APMC_ENABLE     (1u << 25)
#define PIIX4_ID        0x71138086u
#define RTC_B           0x0b
#define RTC_B_PERIODIC  0x40

void type(uint8_t code);

static struct regs equipment, memory;

void alone_before(void)
{
    equipment = memory = (struct regs){ 0 };
    call(0x11, &equipment, RESULT_AX);
    call(0x12, &memory, RESULT_AX);
    if (!SMI_OFF)
        return;
    outl(0xcf8, PIIX4_DEVACTB & ~0xffu);
    if (inl(0xcfc) == PIIX4_ID) {
        outl(0xcf8, PIIX4_DEVACTB);
        outl(0xcfc, inl(0xcfc) & ~APMC_ENABLE);
    } else
        outl(ICH9_SMI_EN, 0);
}

static void refused(const char *what, uint32_t number, uint16_t eax)
{
    struct regs r = { .eax = eax, .edx = HIGH_HALF | drive };

    about = what;
    call(number, &r, RESULT_AX);
    check(!r.fault && carry(&r) && ah(&r) == 0x86, "refused", &r);
}

/* A key, as a hook of INT 09h puts it there. */
static void put_key(uint16_t key)
{
    uint16_t at = peek(BDA_TAIL);

    poke8(0x400 + at, key & 0xff);
    poke8(0x401 + at, key >> 8);
    at += 2;
    if (at >= (uint16_t)peek(0x482))
        at = peek(0x480);
    poke8(BDA_TAIL, at & 0xff);
    poke8(BDA_TAIL + 1, at >> 8);
}

static void keys(void)
{
    static const uint16_t functions[] = { 0x0000, 0x1000, 0x0000 };
    struct regs r = { .eax = 0x0100 };

    about = "INT 16h";
    call(0x16, &r, RESULT_AX);
    check(!r.fault && r.flags & FLAG_ZF, "01h without a key", &r);
    /* More than the buffer holds, so that it wraps. */
    for (unsigned i = 0; i < 20; i++) {
        put_key(0x1e61 + i);
        r = (struct regs){ .eax = i & 1 ? 0x0100 : 0x1100 };
        call(0x16, &r, RESULT_AX);
        if (r.fault || r.flags & FLAG_ZF || (uint16_t)r.eax != 0x1e61 + i)
            check(false, "01h or 11h", &r);
        r = (struct regs){ .eax = functions[i % 3] };
        call(0x16, &r, RESULT_AX);
        if (r.fault || (uint16_t)r.eax != 0x1e61 + i)
            check(false, "00h or 10h", &r);
    }
    r = (struct regs){ .eax = 0x02ee };
    call(0x16, &r, RESULT_AX);
    check(!r.fault && (uint16_t)r.eax == 0x0200, "02h", &r);
    refused("INT 16h, 05h", 0x16, 0x0500);
    refused("INT 16h, 12h", 0x16, 0x1200);
}

/* Its IRQs come and go, and the ticks behind them. */
static void irqs(void)
{
    uint32_t start = peek(BDA_TICKS);

    about = "IRQs";
    type(0x1e);
    type(0x9e);
    outb(KBC_STATUS, KBC_WRITE_AUX);
    outb(0x60, 8);
    outb(0x70, RTC_B);
    outb(0x71, inb(0x71) | RTC_B_PERIODIC);
    for (uint32_t i = 0; i < 400000000 && peek(BDA_TICKS) - start < 6; i++)
        ;
    check(peek(BDA_TICKS) - start >= 6, "ticks go on", NULL);
    outb(0x70, RTC_B);
    outb(0x71, inb(0x71) & ~RTC_B_PERIODIC);
}

static void screen(void)
{
    struct regs r = { .eax = 0x0e58, .ebx = HIGH_HALF | 7 };

    about = "INT 10h";
    if (!SCREEN) {
        refused("INT 10h", 0x10, 0x0e58);
        return;
    }
    call(0x10, &r, RESULT_AX);
    check(!r.fault, "0Eh", &r);
    r = (struct regs){ .eax = 0x0f00 };
    call(0x10, &r, RESULT_AX | RESULT_BX);
    check(!r.fault && (uint16_t)r.eax == 0x5003, "0Fh", &r);
}

void test_alone(void)
{
    struct regs r = { 0 };

    about = "alone";
    call(0x11, &r, RESULT_AX);
    check(!r.fault && r.eax == equipment.eax, "INT 11h", &r);
    r = (struct regs){ 0 };
    call(0x12, &r, RESULT_AX);
    check(!r.fault && r.eax == memory.eax, "INT 12h", &r);
    r = (struct regs){ .eax = 0x0100, .ecx = HIGH_HALF | 2,
                       .edx = HIGH_HALF | 0x3456 };
    call(0x1a, &r, RESULT_AX);
    check(!r.fault && peek(BDA_TICKS) - 0x23456 < 4, "INT 1Ah, 01h", &r);
    r = (struct regs){ 0 };
    call(0x1a, &r, RESULT_AX | RESULT_CX | RESULT_DX);
    check(!r.fault && (uint16_t)r.ecx == 2 && (r.edx & 0xffff) - 0x3456 < 8,
          "INT 1Ah, 00h", &r);
    keys();
    irqs();
    screen();
    refused("INT 13h, 00h", 0x13, 0x0000);
    refused("INT 13h, 02h", 0x13, 0x0201);
    refused("INT 13h, 42h", 0x13, 0x4200);
    refused("INT 14h", 0x14, 0x0300);
    refused("INT 15h, 86h", 0x15, 0x8600);
    refused("INT 15h, E801h", 0x15, 0xe801);
    refused("INT 15h, C205h", 0x15, 0xc205);
    refused("INT 17h", 0x17, 0x0200);
    refused("INT 1Ah, 02h", 0x1a, 0x0200);
    refused("INT 1Ah, B101h", 0x1a, 0xb101);
    refused("INT 1Ah, BB00h", 0x1a, 0xbb00);
}
