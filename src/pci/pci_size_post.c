/* SPDX-License-Identifier: MIT */
/*
 * PCI: how large every BAR is, and which windows the bridges need for what is
 * behind them.
 *
 * PCI Local Bus 3.0, 6.2.5; PCI-to-PCI Bridge 1.2, 3.2.5; PCI Express 3.0,
 * 7.8.2 (slots).
 */
#include <string.h>

#include "core/alloc.h"
#include "hw/chipset.h"
#include "lib/err.h"
#include "lib/io.h"
#include "lib/print.h"
#include "pci/pci_regions.h"

#define ROM_SIZE_BITS       0xfffff800u
#define IO_BITS             0xfffffffcu
#define MEM_BITS            0xfffffff0u

#define MEM_MIN             0x1000u         /* no two devices in one page */
#define WINDOW_MEM_MIN      0x200000u
#define WINDOW_IO_MIN       0x1000u
#define SIZE_MAX_BAR        (1ull << 46)

#define CAP_EXPRESS         0x10u
#define EXPRESS_FLAGS       2u
#define EXPRESS_TYPE(f)     (((f) >> 4) & 0xfu)
#define EXPRESS_ROOT_PORT   4u
#define EXPRESS_DOWNSTREAM  6u
#define EXPRESS_TO_PCI      7u
#define EXPRESS_SLOT        (1u << 8)
#define CAP_SHPC            0x0cu
#define WINDOW_PREF_64      1u              /* low bits of PCI_PREF_BASE */
#define HIGH_PADDING_SHIFT  11u             /* a hot-plug bridge has 1/2048 of
                                               all addresses */

#define CHUNK               64u
#define SORTED_MAX          16u             /* for more than 2^15 regions */

static struct region *chunk;
static unsigned chunk_left;

static struct region *new_region(void)
{
    if (chunk_left == 0) {
        chunk = malloc_temp(CHUNK * sizeof(*chunk), 8);
        if (!chunk)
            return NULL;
        chunk_left = CHUNK;
    }
    return &chunk[--chunk_left];
}

static struct plan *plan_of(const struct pci_device *d)
{
    uint8_t bus = PCI_BUS(d->bdf);

    return pci_bus_bridge[bus] == PCI_NO_DEVICE ? &pci_plans.of_bus[0]
                                                : &pci_plans.of_bus[bus];
}

/* The latest comes first, until the list is sorted. */
static int add_region(const struct region *r)
{
    struct region **list = &plan_of(&pci_devices[r->dev])->list[r->kind];
    struct region *n = new_region();

    if (!n)
        return ERR_SPACE;
    *n = *r;
    n->next = *list;
    *list = n;
    return 0;
}

/* Two sorted lists as one.  Of what is alike, early's comes first. */
static struct region *merge(struct region *early, struct region *late)
{
    struct region *all = NULL, **end = &all;

    while (early && late) {
        struct region **from = late->align > early->align ||
                               (late->align == early->align &&
                                late->size > early->size) ? &late : &early;

        *end = *from;
        end = &(*from)->next;
        *from = *end;
    }
    *end = early ? early : late;
    return all;
}

/* Merge sort: of 2^n regions there is a sorted list or none. */
static void sort_regions(struct region **list)
{
    struct region *sorted[SORTED_MAX], *all = NULL;
    unsigned used = 0, n;

    if (!*list || !(*list)->next)
        return;
    memset(sorted, 0, sizeof(sorted));
    while (*list) {
        struct region *r = *list;

        *list = r->next;
        r->next = NULL;
        for (n = 0; n < SORTED_MAX - 1 && sorted[n]; n++) {
            r = merge(r, sorted[n]);
            sorted[n] = NULL;
        }
        sorted[n] = sorted[n] ? merge(r, sorted[n]) : r;
        if (n >= used)
            used = n + 1;
    }
    for (n = 0; n < used; n++)
        all = all ? merge(all, sorted[n]) : sorted[n];
    *list = all;
}

/* All that goes on a bus is in its lists. */
static void sort_bus(unsigned bus)
{
    for (enum kind kind = 0; kind < KINDS; kind++)
        sort_regions(&pci_plans.of_bus[bus].list[kind]);
}

/* ------------------------------------------------------------------- sizing */

static uint32_t bar_reg(const struct pci_device *d, int bar)
{
    if (bar != BAR_ROM)
        return PCI_BAR((unsigned)bar);
    return d->header_type == 1 ? PCI_ROM_BAR_BRIDGE : PCI_ROM_BAR;
}

/* Write ones and see which bits stay: a region, but for its place.  The BAR
 * is left with the ones; it gets its address, or 0, at the end.  The upper half
 * of one that the lower tells the size of is not looked at, nor is one of the
 * chipset's, whose answer is known. */
static struct region size_bar(uint16_t dev, int bar, bool room_for_64)
{
    const struct pci_device *d = &pci_devices[dev];
    uint32_t reg = bar_reg(d, bar);
    uint32_t ones = bar == BAR_ROM ? ROM_SIZE_BITS : UINT32_MAX;
    struct region r = { .dev = dev, .bar = (int8_t)bar, .kind = KIND_MEM };
    uint64_t bits;
    uint32_t v;

    v = d->known ? pci_known_bar(d->known, (unsigned)bar)
                 : pci_try32(d->bdf, reg, ones);
    if (v == 0)
        return r;
    if (bar == BAR_ROM) {
        bits = v & ROM_SIZE_BITS;
    } else if (v & PCI_BAR_IO) {
        r.kind = KIND_IO;
        bits = v & IO_BITS;
    } else {
        bits = v & MEM_BITS;
        if (v & PCI_BAR_PREFETCH)
            r.kind = KIND_PREF;
        r.is64 = (v & PCI_BAR_MEM_TYPE) == PCI_BAR_MEM_64 && room_for_64;
    }
    if (r.is64 && bits == 0)                /* 4 GiB or more */
        bits = (uint64_t)pci_try32(d->bdf, reg + 4, UINT32_MAX) << 32;
    r.size = bits & -bits;                  /* the lowest bit that moved */
    if (r.kind != KIND_IO && r.size != 0 && r.size < MEM_MIN)
        r.size = MEM_MIN;
    r.align = r.size;
    /* Our drivers cannot reach beyond 4 GiB, nor can network cards' ROMs. */
    r.low = pci_is_ours(d) ||
            (pci_plans.high && d->class >> 8 == PCI_BASE_NETWORK);
    return r;
}

void pci_write_bar(const struct region *r, uint64_t addr)
{
    struct pci_device *d = &pci_devices[r->dev];
    uint32_t reg = bar_reg(d, r->bar);

    pci_write32(d->bdf, reg, (uint32_t)addr);
    if (r->is64)
        pci_write32(d->bdf, reg + 4, (uint32_t)(addr >> 32));
    if (r->bar != BAR_ROM && addr >> 32 == 0)
        d->bar[r->bar] = (uint32_t)addr |
                         (r->kind == KIND_IO ? PCI_BAR_IO : 0);
}

void pci_no_address(const struct region *r)
{
    if (r->bar != BAR_WINDOW)
        pci_write_bar(r, 0);
    if (r->bar != BAR_ROM)
        pci_plans.held[r->dev] |= r->kind == KIND_IO ? PCI_COMMAND_IO
                                                  : PCI_COMMAND_MEMORY;
}

/* Size one BAR and note it.  Returns how many registers it takes. */
static int note_bar(uint16_t dev, int bar, int bars)
{
    struct pci_device *d = &pci_devices[dev];
    struct region r = size_bar(dev, bar, bar + 1 < bars);

    if (bar == BAR_ROM)
        d->has_rom = r.size != 0;
    if (r.size > SIZE_MAX_BAR) {
        print("PCI: BAR %d of %02x:%02x.%u wants 2^%d bytes: it gets no "
              "address\n", bar, PCI_BUS(d->bdf), PCI_DEV(d->bdf),
              PCI_FN(d->bdf), 63 - __builtin_clzll(r.size));
        pci_no_address(&r);
    } else if (r.size != 0 && add_region(&r) != 0) {
        return ERR_SPACE;
    }
    return r.is64 ? 2 : 1;
}

static int size_device(uint16_t dev)
{
    static const uint8_t bars_of_type[] = { 6, 2, 1 };
    const struct pci_device *d = &pci_devices[dev];
    int bars = d->header_type < ARRAY_SIZE(bars_of_type)
               ? bars_of_type[d->header_type] : 0;
    int taken;

    if (d->class == PCI_CLASS_HOST_BRIDGE)
        return 0;
    for (int bar = 0; bar < bars; bar += taken) {
        taken = d->known && !pci_known_bar(d->known, (unsigned)bar)
                ? 1 : note_bar(dev, bar, bars);
        if (taken < 0)
            return taken;
    }
    if (d->header_type > 1 || d->known)
        return 0;
    taken = note_bar(dev, BAR_ROM, 0);
    return taken < 0 ? taken : 0;
}

/* ------------------------------------------------------------------ bridges */

struct bridge {
    uint16_t dev;
    uint8_t reserve_cap;
    bool hotplug, express;
};

/* May a device be plugged in behind this bridge? */
static struct bridge bridge_of(uint16_t dev)
{
    const struct pci_device *d = &pci_devices[dev];
    uint8_t cap = pci_find_cap(d->bdf, CAP_EXPRESS);
    struct bridge b = { .dev = dev, .reserve_cap = pci_reserve_cap(d) };
    uint16_t flags;
    unsigned type;

    if (cap) {
        flags = pci_read16(d->bdf, cap + EXPRESS_FLAGS);
        type = EXPRESS_TYPE(flags);
        if (type != EXPRESS_TO_PCI) {
            b.express = true;
            b.hotplug = (type == EXPRESS_ROOT_PORT ||
                         type == EXPRESS_DOWNSTREAM) && (flags & EXPRESS_SLOT);
            return b;
        }
    }
    b.hotplug = pci_find_cap(d->bdf, CAP_SHPC) != 0;
    return b;
}

static uint64_t read64(pci_bdf bdf, uint32_t reg)
{
    return pci_read32(bdf, reg) | (uint64_t)pci_read32(bdf, reg + 4) << 32;
}

/* What QEMU's user asked to keep free behind the bridge; 0: nothing. */
static uint64_t reserved_size(const struct bridge *b, enum kind kind)
{
    pci_bdf bdf = pci_devices[b->dev].bdf;
    uint64_t wide = UINT64_MAX;
    uint32_t narrow = UINT32_MAX;

    if (!b->reserve_cap)
        return 0;
    if (kind == KIND_IO) {
        wide = read64(bdf, b->reserve_cap + QEMU_RESERVE_IO);
    } else if (kind == KIND_MEM) {
        narrow = pci_read32(bdf, b->reserve_cap + QEMU_RESERVE_MEM);
    } else {
        narrow = pci_read32(bdf, b->reserve_cap + QEMU_RESERVE_PREF32);
        wide = read64(bdf, b->reserve_cap + QEMU_RESERVE_PREF64);
        if (narrow != UINT32_MAX && wide != UINT64_MAX)
            return 0;                       /* QEMU allows only one of them */
    }
    if (narrow != UINT32_MAX)
        return narrow;
    return wide <= SIZE_MAX_BAR ? wide : 0;
}

/* Does the bridge have a window of that kind?  It is closed afterwards (base
 * above limit).  *is64: it reaches beyond 4 GiB. */
static bool has_window(pci_bdf bdf, enum kind kind, bool *is64)
{
    uint16_t v;

    *is64 = false;
    if (kind == KIND_IO) {
        pci_write8(bdf, PCI_IO_BASE, 0xff);
        return pci_read8(bdf, PCI_IO_BASE) != 0;
    }
    if (kind == KIND_PREF) {
        pci_write16(bdf, PCI_PREF_BASE, 0xffff);
        v = pci_read16(bdf, PCI_PREF_BASE);
        *is64 = (v & 0xf) == WINDOW_PREF_64;
        return v != 0;
    }
    return true;
}

/* Above 4 GiB there is room for what is plugged in later. */
static void pad_window(struct region *r)
{
    uint64_t room = pci_high_end() >> HIGH_PADDING_SHIFT;

    if (room > r->align)
        r->align = room;
    r->size = ALIGN_UP(r->size, r->align);
}

/* Add the window that the bus behind the bridge needs to the bus before. */
static int size_window(const struct bridge *b, const struct region *inside,
                       enum kind kind)
{
    struct region r = { .dev = b->dev, .bar = BAR_WINDOW, .kind = kind };
    uint64_t wanted, sum = sum_of(inside);

    if (!has_window(pci_devices[b->dev].bdf, kind, &r.is64))
        return 0;                           /* NOWHERE for those inside */
    wanted = reserved_size(b, kind);
    r.align = kind == KIND_IO ? WINDOW_IO_MIN : WINDOW_MEM_MIN;
    if (align_of(inside) > r.align)
        r.align = align_of(inside);
    r.spare = sum == 0;
    if (sum == 0 && b->hotplug && !(b->express && kind == KIND_IO))
        sum = r.align;
    r.size = ALIGN_UP(wanted > sum ? wanted : sum, r.align);
    for (; inside; inside = inside->next) {
        r.is64 = r.is64 && inside->is64;
        r.low = r.low || inside->low;
    }
    if (pci_plans.high && b->hotplug && kind == KIND_PREF && r.is64 && !r.low)
        pad_window(&r);
    return add_region(&r);
}

/* The windows of the bridge that leads to this bus. */
static int size_bridge(unsigned bus)
{
    struct bridge b = bridge_of(pci_bus_bridge[bus]);

    sort_bus(bus);
    for (enum kind kind = 0; kind < KINDS; kind++)
        if (size_window(&b, pci_plans.of_bus[bus].list[kind], kind) != 0)
            return ERR_SPACE;
    return 0;
}

int pci_size(void)
{
    for (uint16_t i = 0; i < pci_device_count; i++)
        if (size_device(i) != 0)
            return ERR_SPACE;
    /* Inner buses have the higher numbers. */
    for (unsigned bus = pci_last_bus; bus > 0; bus--)
        if (pci_bus_bridge[bus] != PCI_NO_DEVICE && size_bridge(bus) != 0)
            return ERR_SPACE;
    sort_bus(0);
    return 0;
}
