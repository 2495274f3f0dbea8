/* SPDX-License-Identifier: MIT */
/*
 * Where option ROMs lie: C0000-DFFFF, one behind the other.  What a ROM gives
 * back after its initialisation is the next one's.
 *
 * An image that has no room there, but can be moved, is initialised in lent
 * memory and leaves what stays of it in its place.  Nothing of the lent memory
 * lives on: no vector leads there, and it is zeroed.
 *
 * PCI Firmware Specification 3.0, 5.2.
 */
#include "boot/optionrom_space.h"

#include <string.h>

#include "boot/optionrom.h"
#include "boot/optionrom_format.h"
#include "core/bda.h"
#include "core/layout.h"
#include "core/caller.h"
#include "fw/fwcfg.h"
#include "lib/print.h"

#define ROM_SPACE_START     0xc0000u
#define ROM_SPACE_END       DATA_START
#define ROM_ALIGN           2048u
#define VECTORS             256u

_Static_assert(ROM_LENT_END - ROM_LENT_START >= ROM_SIZE_MAX,
               "what is lent holds any image");

static uint32_t rom_next = ROM_SPACE_START;     /* free from here */
static NOT_ZEROED struct farptr vectors_before[VECTORS];

uint8_t *rom_space_next(void)
{
    return (uint8_t *)rom_next;
}

uint32_t rom_space_left(void)
{
    return ROM_SPACE_END - rom_next;
}

bool rom_space_empty(void)
{
    return rom_next == ROM_SPACE_START;
}

uint8_t *rom_space_for(uint32_t size)
{
    return (uint8_t *)(size <= rom_space_left() ? rom_next : ROM_LENT_START);
}

bool rom_space_is_lent(const uint8_t *rom)
{
    return (uint32_t)rom == ROM_LENT_START;
}

void rom_space_keep(uint32_t size)
{
    uint32_t end = rom_next + size;

    rom_next = ALIGN_UP(end, ROM_ALIGN);
    memset((void *)end, 0, rom_next - end);
}

void rom_space_lent_begin(uint32_t room)
{
    for (size_t i = 0; i < VECTORS; i++)
        vectors_before[i] = (struct farptr){ ivt[i].off, ivt[i].seg };
    memset((void *)rom_next, 0, room);
}

bool rom_space_is_gone(uint32_t address, uint32_t kept)
{
    return (address >= ROM_LENT_START && address < ROM_LENT_END) ||
           (address >= rom_next + kept && address < ROM_SPACE_END);
}

void rom_space_lent_end(uint32_t kept)
{
    for (size_t i = 0; i < VECTORS; i++) {
        if (!rom_space_is_gone(linear(ivt[i].seg, ivt[i].off), kept))
            continue;
        debug("Option ROM: vector %02x into memory that was lent, put back\n",
              (uint32_t)i);
        ivt[i].off = vectors_before[i].off;
        ivt[i].seg = vectors_before[i].seg;
    }
    memset((void *)(rom_next + kept), 0, rom_space_left() - kept);
}

void rom_space_return(const uint8_t *rom)
{
    if (rom_space_is_lent(rom))
        memset((void *)ROM_LENT_START, 0, ROM_LENT_END - ROM_LENT_START);
}

/*
 * What is left, and what ROMs have given back, is cleared: it holds what
 * another boot or an operating system has left.
 */
void option_roms_finish(void)
{
    fwcfg_clear((void *)rom_next, rom_space_left());
}
