/* SPDX-License-Identifier: MIT */
/*
 * Resetting the machine: by the chipset, and should that not do it, by the
 * keyboard controller.
 */
#include "core/reset.h"

#include "lib/io.h"

#define PORT_RESET          0xcf9u
#define RESET_HARD          0x02u
#define RESET_NOW           0x04u
#define PORT_KBC            0x64u
#define KBC_PULSE_RESET     0xfeu

void platform_reset(void)
{
    outb(PORT_RESET, RESET_HARD);
    outb(PORT_RESET, RESET_HARD | RESET_NOW);
    outb(PORT_KBC, KBC_PULSE_RESET);
    for (;;)
        __asm__ volatile("cli; hlt");
}
