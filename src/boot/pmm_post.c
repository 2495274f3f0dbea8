/* SPDX-License-Identifier: MIT */
/*
 * The POST Memory Manager's services.  Extended memory comes from the temp
 * zone, or from the high zone when it shall stay; conventional memory from a
 * stretch that nothing else uses before a boot loader runs.
 *
 * Every argument is checked: a call can fail, but not reach memory that is
 * not free, or free what PMM did not hand out.
 *
 * POST Memory Manager Specification 1.01, 3.
 */
#include "boot/pmm.h"

#include <string.h>

#include "boot/optionrom_space.h"
#include "core/alloc.h"
#include "core/real.h"
#include "lib/print.h"

#define PMM_REVISION        0x01u
#define PARAGRAPH           16u
#define PMM_BLOCKS          64u
#define ANONYMOUS           0xffffffffu
#define EXTENDED_MAX        0x4000000u  /* one block: at most 64 MiB */
#define LARGEST_FIRST_TRY   0x1000000u
#define LARGEST_LAST_TRY    0x10000u

/* Conventional memory to be had during POST (free again at boot). */
#define CONVENTIONAL_START  0x40000u
#define CONVENTIONAL_END    0x90000u
_Static_assert(CONVENTIONAL_START >= ROM_LENT_END, "option ROMs start there");

enum { PMM_ALLOCATE, PMM_FIND, PMM_DEALLOCATE };

#define FLAG_CONVENTIONAL   (1u << 0)
#define FLAG_EXTENDED       (1u << 1)
#define FLAG_ALIGNED        (1u << 2)   /* to the lowest 1 bit of the size */
#define FLAG_PERMANENT      (1u << 3)   /* 1.01: keep after POST */

struct pmm_structure {
    char signature[4];
    uint8_t revision, length, checksum;
    uint16_t entry_off, entry_seg;
    uint8_t reserved[5];
} PACKED;

struct pmm_allocate_args {
    uint16_t function;
    uint32_t paragraphs, handle;
    uint16_t flags;
} PACKED;

_Static_assert(sizeof(struct pmm_allocate_args) == PMM_ARGS_MAX, "pnp.c");

struct pmm_value_args {
    uint16_t function;
    uint32_t value;             /* handle to find, address to free */
} PACKED;

struct pmm_block {
    uint32_t address;           /* 0: unused */
    uint32_t size, handle;
    bool conventional;          /* ours, not the allocator's */
};

extern char entry_pmm[];

static struct pmm_structure *pmm;
static struct pmm_block blocks[PMM_BLOCKS];

/* First fit between the blocks that are there, from the bottom. */
static uint32_t take_conventional(uint32_t size, uint32_t align)
{
    uint32_t at = ALIGN_UP(CONVENTIONAL_START, align);

    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
        const struct pmm_block *b = &blocks[i];

        if (at > CONVENTIONAL_END || size > CONVENTIONAL_END - at)
            return 0;
        if (b->conventional && at < b->address + b->size &&
            b->address < at + size) {
            at = ALIGN_UP(b->address + b->size, align);
            i = (size_t)-1;             /* look at all of them again */
        }
    }
    memset((void *)at, 0, size);
    return at;
}

static uint32_t largest_conventional(void)
{
    uint32_t top = CONVENTIONAL_START;

    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
        if (blocks[i].conventional &&
            blocks[i].address + blocks[i].size > top)
            top = blocks[i].address + blocks[i].size;
    return CONVENTIONAL_END - top;
}

/* A size that extended memory surely has room for, by trying. */
static uint32_t largest_extended(void)
{
    uint32_t size = LARGEST_FIRST_TRY;

    while (size >= LARGEST_LAST_TRY) {
        void *p = malloc_temp(size, PARAGRAPH);

        if (p) {
            free_zone(p);
            return size;
        }
        size >>= 1;
    }
    return 0;
}

static struct pmm_block *find_handle(uint32_t handle)
{
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
        if (blocks[i].address && blocks[i].handle == handle)
            return &blocks[i];
    return NULL;
}

static struct pmm_block *find_address(uint32_t address)
{
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
        if (blocks[i].address == address)
            return &blocks[i];
    return NULL;
}

static uint32_t pmm_allocate(const struct pmm_allocate_args *a)
{
    struct pmm_block *b = find_address(0);
    uint32_t size = a->paragraphs * PARAGRAPH, align = PARAGRAPH;
    bool low = a->flags & FLAG_CONVENTIONAL;
    bool high = a->flags & FLAG_EXTENDED;
    bool stay = a->flags & FLAG_PERMANENT;

    if (a->paragraphs == 0) {           /* "how much is there?" */
        uint32_t most = high ? largest_extended() : 0;

        if (low && most < largest_conventional())
            most = largest_conventional();
        return most / PARAGRAPH;
    }
    if (!b || a->paragraphs > EXTENDED_MAX / PARAGRAPH ||
        (a->handle != ANONYMOUS && find_handle(a->handle)))
        return 0;
    if (a->flags & FLAG_ALIGNED)
        align = size & -size;
    b->conventional = false;
    b->address = 0;
    if (low && stay)
        b->address = (uint32_t)malloc_low(size, align);
    else if (low)
        b->address = take_conventional(size, align);
    b->conventional = b->address && !stay;
    if (!b->address && high && stay)
        b->address = (uint32_t)malloc_high(size, align);
    else if (!b->address && high)
        b->address = (uint32_t)malloc_temp(size, align);
    if (!b->address)
        return 0;
    b->size = size;
    b->handle = a->handle;
    return b->address;
}

static uint32_t pmm_find(uint32_t handle)
{
    const struct pmm_block *b = NULL;

    if (handle != ANONYMOUS)
        b = find_handle(handle);
    return b ? b->address : 0;
}

/* 0: done; 1: no such block. */
static uint32_t pmm_deallocate(uint32_t address)
{
    struct pmm_block *b = address ? find_address(address) : NULL;

    if (!b)
        return 1;
    if (!b->conventional)
        free_zone((void *)b->address);
    *b = (struct pmm_block){ 0 };
    return 0;
}

static void pmm_serve(struct bregs *r, const uint8_t *args)
{
    struct pmm_allocate_args a;         /* copies: the stack is the ROM's */
    struct pmm_value_args v;
    uint32_t result;

    memcpy(&a, args, sizeof(a));
    memcpy(&v, args, sizeof(v));
    switch (a.function) {
    case PMM_ALLOCATE:
        result = pmm_allocate(&a);
        debug("PMM: allocate %x paragraphs, handle %08x, flags %x: %08x\n",
              a.paragraphs, a.handle, a.flags, result);
        break;
    case PMM_FIND:
        result = pmm_find(v.value);
        break;
    case PMM_DEALLOCATE:
        result = pmm_deallocate(v.value);
        break;
    default:
        return;
    }
    r->ax = (uint16_t)result;
    r->dx = (uint16_t)(result >> 16);
}

void pmm_setup(void)
{
    uint8_t sum = 0;

    if (pmm)
        return;
    pmm = malloc_fseg(sizeof(*pmm), PARAGRAPH);
    if (!pmm)
        return;
    memcpy(pmm->signature, "$PMM", 4);
    pmm->revision = PMM_REVISION;
    pmm->length = sizeof(*pmm);
    pmm->entry_off = (uint16_t)(uint32_t)entry_pmm;
    pmm->entry_seg = SEG_BIOS;
    for (size_t i = 0; i < sizeof(*pmm); i++)
        sum += ((const uint8_t *)pmm)[i];
    pmm->checksum = (uint8_t)-sum;
    pmm_service = pmm_serve;
}

void pmm_finish(void)
{
    pmm_service = NULL;
    if (pmm)
        memset(pmm, 0, sizeof(*pmm));
}
