/* SPDX-License-Identifier: MIT */
/*
 * The memory map: making it, from fw_cfg's etc/e820, or from the sizes in
 * CMOS when that file is missing or makes no sense.
 *
 * QEMU docs/specs/fw_cfg and hw/i386/pc.c; ACPI 6.4, 15.
 */
#include <string.h>

#include "core/layout.h"
#include "fw/e820.h"
#include "fw/e820_map.h"
#include "fw/fwcfg.h"
#include "hw/rtc.h"
#include "lib/print.h"

#define MIB                 0x100000u
#define FOUR_GIB            0x100000000ull

#define BASE_RAM_END        0x9fc00u        /* the EBDA is above */
#define VIDEO_START         0xa0000u
#define BIOS_AREA           0xf0000u
#define FLASH_START         0xfffc0000u     /* also where RAM must have ended */
#define KVM_PAGES           0xfffbc000u     /* without etc/e820 only */
#define KVM_PAGES_SIZE      0x4000u

#define FILE_ENTRIES_MAX    256u
#define LEGACY_MAX          32u

/* CMOS, low bytes */
#define CMOS_EXT_KIB        0x30u           /* KiB above 1 MiB */
#define CMOS_EXT_64KIB      0x34u           /* 64 KiB units above 16 MiB */
#define CMOS_HIGH_64KIB     0x5bu           /* three bytes: above 4 GiB */

static uint32_t top;                        /* of the RAM from 1 MiB on */
static uint64_t high_end = FOUR_GIB;
static bool full_said;                      /* on the console */
static uint32_t room = E820_HOST_MAX;       /* E820_MAX after the host's */

uint32_t e820_low_end(void)
{
    return e820_map.low_end;
}

uint64_t e820_high_end(void)
{
    return high_end;
}

/* Make room at place i; false when the map is full. */
static bool insert(uint32_t i, uint64_t base, uint64_t size, uint32_t type)
{
    struct e820_entry *e = &e820_map.entry[i];

    if (e820_map.count >= room) {
        if (!full_said)
            print("Memory map: more than %u ranges; what does not fit is left "
                  "out, from here on named on port 402h only\n", room);
        full_said = true;
        debug("Memory map: %08llx-%08llx is left out\n",
              (unsigned long long)base,
              (unsigned long long)(base + size - 1));
        return false;
    }
    memmove(e + 1, e, (e820_map.count - i) * sizeof(*e));
    e820_map.count++;
    *e = (struct e820_entry){ base, size, type };
    return true;
}

static void drop(uint32_t i)
{
    struct e820_entry *e = &e820_map.entry[i];

    e820_map.count--;
    memmove(e, e + 1, (e820_map.count - i) * sizeof(*e));
}

/* Take [base, end) out of every entry that has a part of it.  Returns the
 * place where an entry for that range belongs. */
static uint32_t cut(uint64_t base, uint64_t end)
{
    uint32_t i = 0;

    while (i < e820_map.count) {
        struct e820_entry *e = &e820_map.entry[i];
        uint64_t e_end = e->base + e->size;

        if (e->base >= end)
            break;
        if (e_end <= base) {
            i++;
        } else if (e->base < base) {
            e->size = base - e->base;
            if (e_end > end)
                (void)insert(i + 1, end, e_end - end, e->type); /* says so */
            i++;
        } else if (e_end > end) {
            e->base = end;
            e->size = e_end - end;
            break;
        } else {
            drop(i);
        }
    }
    return i;
}

/* Join entry i to the one before it if they touch and are of one type. */
static void merge(uint32_t i)
{
    struct e820_entry *a, *b;

    if (i == 0 || i >= e820_map.count)
        return;
    a = &e820_map.entry[i - 1];
    b = a + 1;
    if (a->type != b->type || a->base + a->size != b->base)
        return;
    a->size += b->size;
    drop(i);
}

void e820_add(uint64_t base, uint64_t size, enum e820_type type)
{
    uint32_t i;

    if (size == 0)
        return;
    if (base && size > -base)             /* past the end of all addresses */
        size = -base;
    i = cut(base, base + size);
    if (!insert(i, base, size, type))
        return;
    merge(i + 1);
    merge(i);
}

/* RAM as the sizes in CMOS have it. */
static void add_cmos_ram(void)
{
    uint32_t units = cmos_read(CMOS_EXT_64KIB) |
                     (uint32_t)cmos_read(CMOS_EXT_64KIB + 1) << 8;
    uint32_t kib = cmos_read(CMOS_EXT_KIB) |
                   (uint32_t)cmos_read(CMOS_EXT_KIB + 1) << 8;
    uint32_t high = cmos_read(CMOS_HIGH_64KIB) |
                    (uint32_t)cmos_read(CMOS_HIGH_64KIB + 1) << 8 |
                    (uint32_t)cmos_read(CMOS_HIGH_64KIB + 2) << 16;
    uint64_t end = units ? 16 * MIB + ((uint64_t)units << 16)
                         : MIB + ((uint64_t)kib << 10);

    if (end > FLASH_START)
        end = FLASH_START;
    e820_add(0, end, E820_RAM);
    e820_add(FOUR_GIB, (uint64_t)high << 16, E820_RAM);
}

static void add_entry(const struct e820_entry *e)
{
    /* Other types may come one day; SeaBIOS ignores them, too. */
    if (e->type == E820_RAM || e->type == E820_RESERVED)
        e820_add(e->base, e->size, e->type);
}

static bool add_file(void)
{
    static NOT_ZEROED struct e820_entry entries[FILE_ENTRIES_MAX];
    const struct fwcfg_file *f = fwcfg_find("etc/e820");
    uint32_t count;

    if (!f)
        return false;
    count = f->size / sizeof(entries[0]);
    if (f->size % sizeof(entries[0]) || count > FILE_ENTRIES_MAX) {
        print("fw_cfg: file etc/e820 has %u bytes, not up to %u entries of "
              "20: memory size from CMOS\n", f->size, FILE_ENTRIES_MAX);
        return false;
    }
    fwcfg_read(f->key, entries, f->size);
    for (uint32_t i = 0; i < count; i++)
        add_entry(&entries[i]);
    return true;
}

/* Reservations only, from QEMU of before 1.7. */
static void add_legacy(void)
{
    uint32_t count = fwcfg_read32(FWCFG_E820_LEGACY);
    struct e820_entry e;

    if (count == 0 || count > LEGACY_MAX) {
        e820_add(KVM_PAGES, KVM_PAGES_SIZE, E820_RESERVED);
        return;
    }
    while (count-- > 0) {
        fwcfg_read_more(&e, sizeof(e));
        add_entry(&e);
    }
}

/* Find where RAM ends, in all three senses. */
static void find_ends(void)
{
    top = 0;
    e820_map.low_end = 0;
    high_end = FOUR_GIB;
    for (uint32_t i = 0; i < e820_map.count; i++) {
        const struct e820_entry *e = &e820_map.entry[i];
        uint64_t end = e->base + e->size;

        if (e->type != E820_RAM)
            continue;
        if (end > FOUR_GIB && end > high_end)
            high_end = end;
        if (e->base > FLASH_START)
            continue;
        if (end > FLASH_START)
            end = FLASH_START;
        if (end > e820_map.low_end)
            e820_map.low_end = (uint32_t)end;
        if (e->base <= MIB && end > MIB)
            top = (uint32_t)end;
    }
}

uint32_t e820_init(void)
{
    bool have_file = add_file();

    find_ends();
    if (top < RAM_LEAST) {
        if (have_file)
            print("Memory map: etc/e820 has no RAM from 1 to 4 MiB: memory "
                  "size from CMOS\n");
        e820_map.count = 0;
        add_cmos_ram();
        if (!have_file)
            add_legacy();
        find_ends();
    }
    room = E820_MAX;
    (void)cut(VIDEO_START, BIOS_AREA);
    e820_add(BASE_RAM_END, VIDEO_START - BASE_RAM_END, E820_RESERVED);
    e820_add(BIOS_AREA, MIB - BIOS_AREA, E820_RESERVED);
    e820_add(FLASH_START, FOUR_GIB - FLASH_START, E820_RESERVED);
    return top;
}

void e820_finish(uint32_t high_start)
{
    if (high_start < top)
        e820_add(high_start, top - high_start, E820_RESERVED);
}
