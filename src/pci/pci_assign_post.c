/* SPDX-License-Identifier: MIT */
/*
 * PCI: how large every BAR is, which windows the bridges need, and where all
 * of it goes.  The result is the one SeaBIOS reaches, since operating systems
 * and saved machine states know it: per bus and kind, the regions are sorted
 * by alignment and size, and follow each other without gaps.
 *
 * PCI Local Bus 3.0, 6.2.5; PCI-to-PCI Bridge 1.2, 3.2.5; PCI Express 3.0,
 * 7.8.2 (slots).
 *
 * Long because devices and the bridges above them are placed by one algorithm.
 */
#include "core/alloc.h"
#include "fw/e820.h"
#include "fw/fwcfg.h"
#include "hw/chipset.h"
#include "lib/err.h"
#include "lib/io.h"
#include "lib/print.h"
#include "pci/pci_plan.h"

enum kind { KIND_IO, KIND_MEM, KIND_PREF, KINDS };

#define BAR_WINDOW          (-1)            /* not a BAR: a bridge's window */
#define BAR_ROM             6
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

/* I/O: C000-FFFF, or, if that is too small, from 1000 to the hot-plug
 * registers of the i440FX machine. */
#define IO_START            0xc000u
#define IO_END              0x10000u
#define IO_START_LARGE      0x1000u
#define IO_END_I440FX       0xa000u

#define WINDOW_END          0xfec00000u     /* I/O APIC */
/* Of all addresses, when the window above 4 GiB is asked for: */
#define HIGH_PADDING_SHIFT  11u             /* a hot-plug bridge has 1/2048 */
#define HIGH_WINDOW_SHIFT   3u              /* the window is n/8 */

#define NOWHERE             UINT64_MAX

struct region {
    struct region *next;
    uint64_t size, align;
    uint16_t dev;                   /* index in pci_devices */
    int8_t bar;
    uint8_t kind;
    bool is64;                      /* may lie above 4 GiB */
    bool low;                       /* the firmware itself will use it */
    bool spare;                     /* nothing there yet: for hot-plug */
};

/* Regions on one bus, or (bus 0) on all root buses. */
struct plan {
    struct region *list[KINDS];     /* largest alignment, then size, first */
    uint64_t base[KINDS];
};

#define CHUNK               64u

static struct plan *plans;
static struct region *chunk;
static unsigned chunk_left;
static uint8_t *held_bits;
static bool high_wanted;

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

    return pci_bus_bridge[bus] == PCI_NO_DEVICE ? &plans[0] : &plans[bus];
}

static int add_region(const struct region *r)
{
    struct region **at = &plan_of(&pci_devices[r->dev])->list[r->kind];
    struct region *n = new_region();

    if (!n)
        return ERR_SPACE;
    while (*at && ((*at)->align > r->align ||
                   ((*at)->align == r->align && (*at)->size >= r->size)))
        at = &(*at)->next;
    *n = *r;
    n->next = *at;
    *at = n;
    return 0;
}

static uint64_t sum_of(const struct region *r)
{
    uint64_t sum = 0;

    for (; r; r = r->next)
        sum += r->size;
    return sum;
}

static uint64_t align_of(const struct region *r)
{
    return r ? r->align : 1;
}

/* ------------------------------------------------------------------- sizing */

static uint32_t bar_reg(const struct pci_device *d, int bar)
{
    if (bar != BAR_ROM)
        return PCI_BAR((unsigned)bar);
    return d->header_type == 1 ? PCI_ROM_BAR_BRIDGE : PCI_ROM_BAR;
}

/* Write ones and see which bits stay: a region, but for its place.  The BAR
 * is left with the ones; it gets its address, or 0, at the end. */
static struct region size_bar(uint16_t dev, int bar, bool room_for_64)
{
    const struct pci_device *d = &pci_devices[dev];
    uint32_t reg = bar_reg(d, bar);
    uint32_t ones = bar == BAR_ROM ? ROM_SIZE_BITS : UINT32_MAX;
    struct region r = { .dev = dev, .bar = (int8_t)bar, .kind = KIND_MEM };
    uint64_t bits;
    uint32_t v;

    pci_write32(d->bdf, reg, ones);
    v = pci_read32(d->bdf, reg);
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
    if (r.is64) {
        pci_write32(d->bdf, reg + 4, UINT32_MAX);
        bits |= (uint64_t)pci_read32(d->bdf, reg + 4) << 32;
    }
    r.size = bits & -bits;                  /* the lowest bit that moved */
    if (r.kind != KIND_IO && r.size != 0 && r.size < MEM_MIN)
        r.size = MEM_MIN;
    r.align = r.size;
    /* Our drivers cannot reach beyond 4 GiB, nor can network cards' ROMs. */
    r.low = d->class >> 8 == PCI_BASE_STORAGE || d->class == PCI_CLASS_USB ||
            (high_wanted && d->class >> 8 == PCI_BASE_NETWORK);
    return r;
}

static void write_bar(const struct region *r, uint64_t addr)
{
    const struct pci_device *d = &pci_devices[r->dev];
    uint32_t reg = bar_reg(d, r->bar);

    pci_write32(d->bdf, reg, (uint32_t)addr);
    if (r->is64)
        pci_write32(d->bdf, reg + 4, (uint32_t)(addr >> 32));
}

/* This region stays without an address; so does its kind of decoding. */
static void no_address(const struct region *r)
{
    if (r->bar != BAR_WINDOW)
        write_bar(r, 0);
    if (r->bar != BAR_ROM)
        held_bits[r->dev] |= r->kind == KIND_IO ? PCI_COMMAND_IO
                                                : PCI_COMMAND_MEMORY;
}

/* Size one BAR and note it.  Returns how many registers it takes. */
static int note_bar(uint16_t dev, int bar, int bars)
{
    const struct pci_device *d = &pci_devices[dev];
    struct region r = size_bar(dev, bar, bar + 1 < bars);

    if (r.size > SIZE_MAX_BAR) {
        print("PCI: BAR %d of %02x:%02x.%u wants 2^%d bytes: it gets no "
              "address\n", bar, PCI_BUS(d->bdf), PCI_DEV(d->bdf),
              PCI_FN(d->bdf), 63 - __builtin_clzll(r.size));
        no_address(&r);
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
        taken = note_bar(dev, bar, bars);
        if (taken < 0)
            return taken;
    }
    if (d->header_type > 1)
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
    uint8_t cap = pci_find_cap(d->bdf, CAP_EXPRESS, 0);
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
    b.hotplug = pci_find_cap(d->bdf, CAP_SHPC, 0) != 0;
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
    if (high_wanted && b->hotplug && kind == KIND_PREF && r.is64 && !r.low)
        pad_window(&r);
    return add_region(&r);
}

/* ------------------------------------------------------------------ placing */

static void write_window(const struct region *r, uint64_t addr)
{
    pci_bdf bdf = pci_devices[r->dev].bdf;
    uint64_t limit = addr + r->size - 1;    /* below addr: nothing */

    if (r->kind == KIND_IO) {
        pci_write8(bdf, PCI_IO_BASE, (uint8_t)(addr >> 8));
        pci_write8(bdf, PCI_IO_LIMIT, (uint8_t)(limit >> 8));
        pci_write32(bdf, PCI_IO_BASE_UPPER, 0);
    } else if (r->kind == KIND_MEM) {
        pci_write32(bdf, PCI_MEMORY_BASE, (uint32_t)(addr >> 16 & 0xffff) |
                                          (uint32_t)(limit & 0xffff0000));
    } else {
        pci_write32(bdf, PCI_PREF_BASE, (uint32_t)(addr >> 16 & 0xffff) |
                                        (uint32_t)(limit & 0xffff0000));
        pci_write32(bdf, PCI_PREF_BASE_UPPER, (uint32_t)(addr >> 32));
        pci_write32(bdf, PCI_PREF_LIMIT_UPPER, (uint32_t)(limit >> 32));
    }
}

/* Hand out addresses from base on; NOWHERE: to none of them. */
static void place(const struct region *r, uint64_t base)
{
    for (; r; r = r->next) {
        if (r->bar == BAR_WINDOW) {
            uint8_t bus = pci_read8(pci_devices[r->dev].bdf,
                                    PCI_SECONDARY_BUS);

            plans[bus].base[r->kind] = base;
            if (base == NOWHERE)
                no_address(r);
            else
                write_window(r, base);
        } else if (base == NOWHERE) {
            no_address(r);
        } else {
            write_bar(r, base);
        }
        if (base != NOWHERE)
            base += r->size;
    }
}

/* Take from a list the region that is missed least: one kept free for
 * hot-plug, otherwise the largest. */
static bool give_up_one(struct region **list)
{
    struct region **at = list, *victim;
    const struct pci_device *d;

    for (struct region **i = list; *i; i = &(*i)->next) {
        if ((*i)->spare && (*i)->size) {
            at = i;
            break;
        }
    }
    victim = *at;
    if (!victim)
        return false;
    *at = victim->next;
    victim->next = NULL;
    d = &pci_devices[victim->dev];
    if (victim->spare)
        debug("PCI: nothing kept free for hot-plug behind %02x:%02x.%u (%llu "
              "KiB)\n", PCI_BUS(d->bdf), PCI_DEV(d->bdf), PCI_FN(d->bdf),
              victim->size >> 10);
    else
        print("PCI: no address space for %llu KiB %s %02x:%02x.%u: not "
              "usable\n", victim->size >> 10,
              victim->bar == BAR_WINDOW ? "behind bridge" : "of device",
              PCI_BUS(d->bdf), PCI_DEV(d->bdf), PCI_FN(d->bdf));
    place(victim, NOWHERE);
    return true;
}

static void place_io(void)
{
    struct region **list = &plans[0].list[KIND_IO];
    uint32_t large = chipset_is_q35() ? IO_END : IO_END_I440FX;

    while (sum_of(*list) >= large - IO_START_LARGE && give_up_one(list))
        ;
    place(*list, sum_of(*list) < IO_END - IO_START ? IO_START
                                                   : IO_START_LARGE);
}

/* Both kinds of memory, from the top of the window down: the kind with the
 * smaller alignment highest.  False when they do not fit. */
static bool fit_low(uint64_t start, uint64_t base[KINDS])
{
    struct region **list = plans[0].list;
    enum kind upper = KIND_PREF, lower = KIND_MEM;
    uint64_t end = WINDOW_END;

    if (align_of(list[KIND_MEM]) < align_of(list[KIND_PREF])) {
        upper = KIND_MEM;
        lower = KIND_PREF;
    }
    if (start >= end || sum_of(list[upper]) > end - start)
        return false;
    base[upper] = ALIGN_DOWN(end - sum_of(list[upper]),
                             align_of(list[upper]));
    if (base[upper] < start ||
        sum_of(list[lower]) > base[upper] - start)
        return false;
    base[lower] = ALIGN_DOWN(base[upper] - sum_of(list[lower]),
                             align_of(list[lower]));
    return base[lower] >= start;
}

/* Move what may lie above 4 GiB from one list to the other, order kept. */
static void move_high(struct region **from, struct region **to, bool all)
{
    struct region **end = to;

    while (*from) {
        struct region *r = *from;

        if (!r->is64 || (r->low && !all)) {
            from = &r->next;
            continue;
        }
        *from = r->next;
        while (*end && (*end)->align >= r->align)
            end = &(*end)->next;
        r->next = *end;
        *end = r;
        end = &r->next;
    }
}

static void place_high(struct region *high[KINDS])
{
    uint64_t start = fwcfg_number("etc/reserved-memory-end", 0);
    uint64_t limit = 1ull << cpu_address_bits();
    uint64_t mem, pref;

    if (start < e820_high_end() || start > limit)
        start = e820_high_end();
    if (high_wanted) {
        uint64_t size = ALIGN_UP(sum_of(high[KIND_MEM]), GIB) +
                        ALIGN_UP(sum_of(high[KIND_PREF]), GIB);
        uint64_t unit = pci_high_end() >> HIGH_WINDOW_SHIFT;

        start = pci_high_base(ALIGN_UP(start, GIB),
                              unit ? ALIGN_UP(size, unit) : size);
    }
    for (;;) {
        mem = ALIGN_UP(ALIGN_UP(start, align_of(high[KIND_MEM])), GIB);
        pref = mem + sum_of(high[KIND_MEM]);
        pref = ALIGN_UP(ALIGN_UP(pref, align_of(high[KIND_PREF])), GIB);
        if (pref + sum_of(high[KIND_PREF]) <= limit)
            break;
        if (!give_up_one(&high[KIND_PREF]) && !give_up_one(&high[KIND_MEM]))
            break;
    }
    place(high[KIND_MEM], mem);
    place(high[KIND_PREF], pref);
}

static void place_memory(void)
{
    struct region **list = plans[0].list;
    struct region *high[KINDS] = { NULL };
    uint64_t start = chipset_pci_window(e820_low_end()), base[KINDS] = { 0 };
    bool fits = !high_wanted && fit_low(start, base);

    for (int all = 0; all < 2 && !fits; all++) {
        move_high(&list[KIND_MEM], &high[KIND_MEM], all);
        move_high(&list[KIND_PREF], &high[KIND_PREF], all);
        fits = fit_low(start, base);
    }
    while (!fits) {
        enum kind larger = sum_of(list[KIND_MEM]) > sum_of(list[KIND_PREF])
                           ? KIND_MEM : KIND_PREF;

        if (!give_up_one(&list[larger]))
            break;
        fits = fit_low(start, base);
    }
    if (high[KIND_MEM] || high[KIND_PREF])
        place_high(high);
    place(list[KIND_MEM], base[KIND_MEM]);
    place(list[KIND_PREF], base[KIND_PREF]);
}

int pci_assign(uint8_t *held)
{
    held_bits = held;
    high_wanted = pci_high_wanted();
    plans = malloc_temp((pci_last_bus + 1u) * sizeof(*plans), 8);
    if (!plans)
        return ERR_SPACE;
    for (unsigned bus = 1; bus <= pci_last_bus; bus++)
        for (enum kind kind = 0; kind < KINDS; kind++)
            plans[bus].base[kind] = NOWHERE;
    for (uint16_t i = 0; i < pci_device_count; i++)
        if (size_device(i) != 0)
            return ERR_SPACE;
    /* Inner buses have the higher numbers. */
    for (unsigned bus = pci_last_bus; bus > 0; bus--) {
        struct bridge b;

        if (pci_bus_bridge[bus] == PCI_NO_DEVICE)
            continue;
        b = bridge_of(pci_bus_bridge[bus]);
        for (enum kind kind = 0; kind < KINDS; kind++)
            if (size_window(&b, plans[bus].list[kind], kind) != 0)
                return ERR_SPACE;
    }
    place_io();
    place_memory();
    for (unsigned bus = 1; bus <= pci_last_bus; bus++)
        for (enum kind kind = 0; kind < KINDS; kind++)
            place(plans[bus].list[kind], plans[bus].base[kind]);
    return 0;
}
