/* SPDX-License-Identifier: MIT */
/*
 * The services but INT 13h for a program in virtual-8086 mode.
 */
#include "v86_guest.h"

#define KBC_DATA        0x60
#define KBC_STATUS      0x64
#define KBC_INPUT_FULL  2
#define KBC_WRITE_OUTPUT 0xd2           /* as if a key had sent it */
#define CODE_A          0x1e
#define RELEASED        0x80
#define KEY_A           0x1e61

static void kbc_write(uint16_t port, uint8_t v)
{
    while (inb(KBC_STATUS) & KBC_INPUT_FULL)
        ;
    outb(port, v);
}

static void type(uint8_t code)
{
    kbc_write(KBC_STATUS, KBC_WRITE_OUTPUT);
    kbc_write(KBC_DATA, code);
}

static void test_keyboard(void)
{
    struct regs r;
    uint32_t i;

    about = "INT 16h";
    type(CODE_A);
    for (i = 0; i < 1000; i++) {
        r = (struct regs){ .eax = 0x0100 };
        call(0x16, &r, RESULT_AX);
        if (r.fault || !(r.flags & FLAG_ZF))
            break;
    }
    check(!r.fault && (uint16_t)r.eax == KEY_A, "01h", &r);
    r = (struct regs){ .eax = 0x0000 };
    call(0x16, &r, RESULT_AX);
    check(!r.fault && (uint16_t)r.eax == KEY_A, "00h", &r);
    type(CODE_A | RELEASED);
    r = (struct regs){ .eax = 0x0100 };
    call(0x16, &r, RESULT_AX);
    check(!r.fault && r.flags & FLAG_ZF, "01h without a key", &r);
    type(CODE_A + 1);
    r = (struct regs){ .eax = 0x1000 };
    call(0x16, &r, RESULT_AX);
    check(!r.fault && (uint16_t)r.eax == 0x1f73, "10h", &r);
    type((CODE_A + 1) | RELEASED);
}

static void test_screen(void)
{
    static const char text[] = "printed by 0Eh\r\n";
    struct regs r = { 0 };

    about = "INT 10h";
    for (const char *s = text; *s; s++) {
        r = (struct regs){ .eax = 0x0e00 | *s, .ebx = 0x5a000007 };
        call(0x10, &r, RESULT_AX);
    }
    check(!r.fault, "0Eh", &r);
}

void test_services(void)
{
    test_keyboard();
    test_screen();
}
