/* SPDX-License-Identifier: MIT */
/*
 * Where option ROMs lie: C0000-DFFFF, one behind the other.  What a ROM gives
 * back after its initialisation is the next one's.
 *
 * PCI Firmware Specification 3.0, 5.2.
 */
#include "boot/optionrom_space.h"

#include <string.h>

#include "boot/optionrom.h"
#include "core/layout.h"
#include "hw/shadow.h"

#define ROM_SPACE_START     0xc0000u
#define ROM_SPACE_END       DATA_START
#define ROM_ALIGN           2048u

static uint32_t rom_next = ROM_SPACE_START;     /* free from here */

uint32_t rom_space_next(void)
{
    return rom_next;
}

uint32_t rom_space_left(void)
{
    return ROM_SPACE_END - rom_next;
}

bool rom_space_empty(void)
{
    return rom_next == ROM_SPACE_START;
}

void rom_space_keep(uint32_t size)
{
    uint32_t end = rom_next + size;

    rom_next = ALIGN_UP(end, ROM_ALIGN);
    memset((void *)end, 0, rom_next - end);
}

/*
 * What is left, and what ROMs have given back, is cleared up to where RAM is
 * hidden: it holds what another boot or an operating system has left.
 */
void option_roms_finish(void)
{
    shadow_roms_end = ALIGN_UP(rom_next, PAM_STEP);
    memset((void *)rom_next, 0, shadow_roms_end - rom_next);
}
