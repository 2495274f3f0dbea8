/* SPDX-License-Identifier: MIT */
/*
 * The firmware's memory.  Each zone is an address range and a sorted table of
 * the blocks taken from it; nothing is kept inside the memory handed out, so
 * a block that overflows cannot lead the allocator astray.  POST only.
 */
#include "core/alloc.h"

#include <string.h>

#include "core/layout.h"
#include "lib/print.h"

/* Blocks that a zone can have at a time.  High: one for each drive, more for
 * controllers. */
#define LOW_BLOCKS          32u
#define FSEG_BLOCKS         32u
#define HIGH_BLOCKS         768u
#define TEMP_BLOCKS         192u
#define HIGH_ZONE_MAX       0x1000000u  /* the high zone is at most 16 MiB */
#define HIGH_ZONE_SHARE     4u          /* and at most this part of RAM */
#define PAGE                0x1000u
#define FAILURES_SAID       4u          /* on the console, for each zone */

struct block { uint32_t start, end; };

struct zone {
    const char *name;
    uint32_t start, end;
    unsigned count, capacity;
    struct block *blocks;               /* highest first */
    /* Nothing of this size and alignment fits above block number "full". */
    uint32_t size, align;
    unsigned full;
    unsigned failures;
};

/* Of each zone those before its count mean something. */
static NOT_ZEROED struct block
    blocks[LOW_BLOCKS + FSEG_BLOCKS + HIGH_BLOCKS + TEMP_BLOCKS];
static struct zone zones[] = {
    { .name = "low", .capacity = LOW_BLOCKS, .blocks = blocks },
    { .name = "fseg", .capacity = FSEG_BLOCKS,
      .blocks = blocks + LOW_BLOCKS },
    { .name = "high", .capacity = HIGH_BLOCKS,
      .blocks = blocks + LOW_BLOCKS + FSEG_BLOCKS },
    { .name = "temp", .capacity = TEMP_BLOCKS,
      .blocks = blocks + LOW_BLOCKS + FSEG_BLOCKS + HIGH_BLOCKS },
};
enum { ZONE_LOW, ZONE_FSEG, ZONE_HIGH, ZONE_TEMP };

extern char low_zone_start[], low_zone_end[];
extern char fseg_zone_start[], fseg_zone_end[];

/* On the console only so often: a list may ask again and again. */
static void no_room(struct zone *z, uint32_t size)
{
    char text[80];

    format(text, sizeof(text), "no room for %u bytes in the %s zone (%u KiB)",
           size, z->name, (z->end - z->start) >> 10);
    if (z->failures++ < FAILURES_SAID)
        print("Memory: %s\n", text);
    else
        debug("Memory: %s\n", text);
}

/* Where so much fits above block i and below the one before; or 0. */
static uint32_t fit(const struct zone *z, unsigned i, uint32_t size,
                    uint32_t align)
{
    uint32_t floor = i < z->count ? z->blocks[i].end : z->start;
    uint32_t end = i ? z->blocks[i - 1].start : z->end;
    uint32_t at = ALIGN_DOWN(end - size, align);

    return end - floor >= size && at >= floor ? at : 0;
}

/* The smallest that was asked for is the measure of what is full. */
static void note_size(struct zone *z, uint32_t size, uint32_t align)
{
    if (size >= z->size && align >= z->align)
        return;
    z->full = 0;
    if (size < z->size)
        z->size = size;
    if (align < z->align)
        z->align = align;
}

/* First fit from the top, so that what is taken stays together up there. */
static void *zone_alloc(struct zone *z, uint32_t size, uint32_t align)
{
    if (size == 0)
        size = 1;
    note_size(z, size, align);
    for (unsigned i = z->full; i <= z->count && z->count < z->capacity; i++) {
        uint32_t at = fit(z, i, size, align);

        if (!at) {
            if (i == z->full && !fit(z, i, z->size, z->align))
                z->full++;
            continue;
        }
        memmove(&z->blocks[i + 1], &z->blocks[i],
                (z->count - i) * sizeof(z->blocks[0]));
        z->blocks[i] = (struct block){ at, at + size };
        z->count++;
        return (void *)at;
    }
    no_room(z, size);
    return NULL;
}

static void *zone_zalloc(struct zone *z, uint32_t size, uint32_t align)
{
    void *p = zone_alloc(z, size, align);

    return p ? memset(p, 0, size) : NULL;
}

void *malloc_low(uint32_t size, uint32_t align)
{
    return zone_zalloc(&zones[ZONE_LOW], size, align);
}

void *malloc_fseg(uint32_t size, uint32_t align)
{
    return zone_zalloc(&zones[ZONE_FSEG], size, align);
}

void *malloc_high(uint32_t size, uint32_t align)
{
    return zone_zalloc(&zones[ZONE_HIGH], size, align);
}

void *malloc_temp(uint32_t size, uint32_t align)
{
    return zone_zalloc(&zones[ZONE_TEMP], size, align);
}

void *malloc_high_raw(uint32_t size, uint32_t align)
{
    return zone_alloc(&zones[ZONE_HIGH], size, align);
}

void *malloc_temp_raw(uint32_t size, uint32_t align)
{
    return zone_alloc(&zones[ZONE_TEMP], size, align);
}

void free_zone(void *p)
{
    uint32_t at = (uint32_t)p;

    for (unsigned n = 0; n < ARRAY_SIZE(zones); n++) {
        struct zone *z = &zones[n];

        for (unsigned i = 0; i < z->count; i++) {
            if (z->blocks[i].start != at)
                continue;
            z->count--;
            memmove(&z->blocks[i], &z->blocks[i + 1],
                    (z->count - i) * sizeof(z->blocks[0]));
            if (i < z->full)
                z->full = i;
            return;
        }
    }
}

bool alloc_owns(uint32_t at, uint32_t len)
{
    const struct zone *z = &zones[ZONE_HIGH];

    for (unsigned i = 0; i < z->count; i++)
        if (at >= z->blocks[i].start && at < z->blocks[i].end)
            return len <= z->blocks[i].end - at;
    return false;
}

void alloc_init(uint32_t top)
{
    uint32_t share = top / HIGH_ZONE_SHARE;
    uint32_t high = share < HIGH_ZONE_MAX ? share : HIGH_ZONE_MAX;
    uint32_t above = top > TEMP_START ? top - TEMP_START : 0;

    if (high > above / 2)               /* hardly any RAM: both are needed */
        high = above / 2;
    top = ALIGN_DOWN(top, PAGE);
    for (unsigned n = 0; n < ARRAY_SIZE(zones); n++)
        zones[n].size = zones[n].align = UINT32_MAX;
    zones[ZONE_LOW].start = (uint32_t)low_zone_start;
    zones[ZONE_LOW].end = (uint32_t)low_zone_end;
    zones[ZONE_FSEG].start = (uint32_t)fseg_zone_start;
    zones[ZONE_FSEG].end = (uint32_t)fseg_zone_end;
    zones[ZONE_HIGH].start = ALIGN_UP(top - high, PAGE);
    zones[ZONE_HIGH].end = top;
    zones[ZONE_TEMP].start = TEMP_START;
    zones[ZONE_TEMP].end = zones[ZONE_HIGH].start;
}

uint32_t alloc_finish(void)
{
    const struct zone *z = &zones[ZONE_HIGH];
    uint32_t first = z->count ? z->blocks[z->count - 1].start : z->end;

    return ALIGN_DOWN(first, PAGE);
}
