/* SPDX-License-Identifier: MIT */
/*
 * What sizing (pci_size_post.c) hands to placing (pci_assign_post.c): regions,
 * bus by bus.  POST only.
 */
#ifndef PCI_REGIONS_H
#define PCI_REGIONS_H

#include "pci/pci_plan.h"

enum kind { KIND_IO, KIND_MEM, KIND_PREF, KINDS };

#define BAR_WINDOW          (-1)            /* not a BAR: a bridge's window */
#define BAR_ROM             6

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

extern struct pci_plans {
    struct plan *of_bus;            /* by number; 0 has all root buses */
    uint8_t *held;                  /* see pci_assign() */
    bool high;                      /* is the window above 4 GiB asked for? */
} pci_plans;

/* The size of a list of regions. */
static inline uint64_t sum_of(const struct region *r)
{
    uint64_t sum = 0;

    for (; r; r = r->next)
        sum += r->size;
    return sum;
}

/* The alignment that a list needs. */
static inline uint64_t align_of(const struct region *r)
{
    return r ? r->align : 1;
}

/*
 * Size all BARs and the windows of all bridges: one region for each, in the
 * list of its bus, in order.  BARs are left with ones.  Returns 0, or ERR_SPACE
 * without memory.
 */
int pci_size(void);

/* Give a BAR its address. */
void pci_write_bar(const struct region *r, uint64_t addr);

/* This region stays without an address; so does its kind of decoding. */
void pci_no_address(const struct region *r);

#endif
