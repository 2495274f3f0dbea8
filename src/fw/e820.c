/* SPDX-License-Identifier: MIT */
/*
 * The memory map: looking things up.  It is made in e820_post.c.
 */
#include "fw/e820.h"

#include "fw/e820_map.h"

struct e820_map e820_map;

uint32_t e820_count(void)
{
    return e820_map.count;
}

const struct e820_entry *e820_get(uint32_t i)
{
    return i < e820_map.count ? &e820_map.entry[i] : NULL;
}

/* Is all of the range covered by entries with one of these types (a bit
 * each)?  Entries are sorted, so one walk does. */
static bool covered(uint32_t addr, uint32_t len, unsigned types)
{
    uint64_t at = addr, end = at + len;

    for (uint32_t i = 0; i < e820_map.count && at < end; i++) {
        const struct e820_entry *e = &e820_map.entry[i];

        if (e->base > at)
            return false;
        if (at - e->base >= e->size)
            continue;
        if (e->type > 31 || !(types & 1u << e->type))
            return false;
        at = e->base + e->size;
    }
    return at >= end;
}

bool e820_is_ram(uint32_t addr, uint32_t len)
{
    return covered(addr, len, 1u << E820_RAM);
}

bool e820_is_readable(uint32_t addr, uint32_t len)
{
    uint64_t end = (uint64_t)addr + len;

    /* Reserved ranges above RAM are registers: MMCFG, RCBA. */
    return end <= e820_map.low_end &&
           covered(addr, len, 1u << E820_RAM | 1u << E820_RESERVED |
                              1u << E820_ACPI | 1u << E820_NVS);
}
