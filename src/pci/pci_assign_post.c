/* SPDX-License-Identifier: MIT */
/*
 * PCI: where BARs and windows go.  The result is the one SeaBIOS reaches, since
 * operating systems and saved machine states know it: per bus and kind, the
 * regions are sorted by alignment and size, and follow each other without gaps.
 *
 * PCI-to-PCI Bridge 1.2, 3.2.5.
 */
#include "core/alloc.h"
#include "fw/e820.h"
#include "fw/fwcfg.h"
#include "hw/chipset.h"
#include "lib/err.h"
#include "lib/io.h"
#include "lib/print.h"
#include "pci/pci_regions.h"

/* I/O: C000-FFFF, or, if that is too small, from 1000 to the hot-plug
 * registers of the i440FX machine. */
#define IO_START            0xc000u
#define IO_END              0x10000u
#define IO_START_LARGE      0x1000u
#define IO_END_I440FX       0xa000u

#define WINDOW_END          0xfec00000u     /* I/O APIC */
#define HIGH_WINDOW_SHIFT   3u              /* the window above 4 GiB that is
                                               asked for is n/8 of all */

#define NOWHERE             UINT64_MAX

struct pci_plans pci_plans;

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

            pci_plans.of_bus[bus].base[r->kind] = base;
            if (base == NOWHERE)
                pci_no_address(r);
            else
                write_window(r, base);
        } else if (base == NOWHERE) {
            pci_no_address(r);
        } else {
            pci_write_bar(r, base);
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
    struct region **list = &pci_plans.of_bus[0].list[KIND_IO];
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
    struct region **list = pci_plans.of_bus[0].list;
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
    if (pci_plans.high) {
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
    struct region **list = pci_plans.of_bus[0].list;
    struct region *high[KINDS] = { NULL };
    uint64_t start = chipset_pci_window(e820_low_end()), base[KINDS] = { 0 };
    bool fits = !pci_plans.high && fit_low(start, base);

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
    struct plan *plans = malloc_temp((pci_last_bus + 1u) * sizeof(*plans), 8);

    if (!plans)
        return ERR_SPACE;
    pci_plans.of_bus = plans;
    pci_plans.held = held;
    pci_plans.high = pci_high_wanted();
    for (unsigned bus = 1; bus <= pci_last_bus; bus++)
        for (enum kind kind = 0; kind < KINDS; kind++)
            plans[bus].base[kind] = NOWHERE;
    if (pci_size() != 0)
        return ERR_SPACE;
    place_io();
    place_memory();
    for (unsigned bus = 1; bus <= pci_last_bus; bus++)
        for (enum kind kind = 0; kind < KINDS; kind++)
            place(plans[bus].list[kind], plans[bus].base[kind]);
    return 0;
}
