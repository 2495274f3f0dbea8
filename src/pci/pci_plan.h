/* SPDX-License-Identifier: MIT */
/*
 * What the parts of PCI set-up share: finding (pci_enum_post.c), sizing and
 * placing (pci_size_post.c, pci_assign_post.c; pci_high_post.c above 4 GiB),
 * switching on (pci_setup_post.c).  POST only.
 */
#ifndef PCI_PLAN_H
#define PCI_PLAN_H

#include "hw/pci.h"

#define PCI_CLASS_VGA           0x0300u
#define PCI_CLASS_HOST_BRIDGE   0x0600u
#define PCI_CLASS_PCI_BRIDGE    0x0604u
#define PCI_BASE_STORAGE        0x01u
#define PCI_CLASS_NVM           0x0108u
#define PCI_CLASS_USB           0x0c03u

#define PCI_BASE_NETWORK        0x02u

#define FOUR_GIB                0x100000000ull
#define GIB                     0x40000000ull

#define PCI_NO_DEVICE           0xffffu

/* Index in pci_devices of the bridge that leads to a bus; PCI_NO_DEVICE for
 * root buses and numbers not in use. */
extern uint16_t pci_bus_bridge[256];

static inline bool pci_is_bridge(const struct pci_device *d)
{
    return d->class == PCI_CLASS_PCI_BRIDGE && d->header_type == 1;
}

/* What our drivers run: disks, and what leads to some. */
static inline bool pci_is_ours(const struct pci_device *d)
{
    return d->class >> 8 == PCI_BASE_STORAGE || d->class == PCI_CLASS_USB;
}

/*
 * What is known of a chipset's own function, and so not asked of it.  A device
 * of the same kind in another place can be a real one.
 */
struct pci_known {
    pci_bdf bdf;
    uint32_t id;                /* vendor and device */
    uint32_t class;             /* base class << 16 | subclass << 8 | prog_if */
    uint32_t bars[2];           /* BARs 4 and 5 with ones written to them */
    uint8_t pin, line;          /* interrupt; line 0: by its place */
    bool multi;                 /* there are more functions */
};

/* The row for a function, or NULL. */
const struct pci_known *pci_known(pci_bdf bdf, uint32_t id);

/* Vendor and device of a function that chipset_find() has asked already; else
 * 0. */
uint32_t pci_known_id(pci_bdf bdf);

/* What a BAR of a known function reads as when ones have been written to it; 0:
 * there is none.  No known function has a ROM. */
uint32_t pci_known_bar(const struct pci_known *known, unsigned n);

/* The bridge a device sits behind, or NULL. */
static inline struct pci_device *pci_bridge_of(const struct pci_device *d)
{
    uint16_t i = pci_bus_bridge[PCI_BUS(d->bdf)];

    return i == PCI_NO_DEVICE ? NULL : &pci_devices[i];
}

/* The capability in which QEMU says what a bridge wants reserved, or 0.
 * QEMU docs/pcie_pci_bridge, include/hw/pci/pci_bridge.h. */
#define QEMU_RESERVE_BUSES      4u          /* 32 bits; all ones: not set */
#define QEMU_RESERVE_IO         8u          /* 64 bits */
#define QEMU_RESERVE_MEM        16u         /* 32 bits */
#define QEMU_RESERVE_PREF32     20u         /* 32 bits */
#define QEMU_RESERVE_PREF64     24u         /* 64 bits */
uint8_t pci_reserve_cap(const struct pci_device *d);

/* Number the buses and fill pci_devices.  ERR_SPACE without memory for it. */
int pci_enumerate(void);

/* Is the window above 4 GiB asked for, and can its guest use it? */
bool pci_high_wanted(void);

/* The end of the addresses that devices can have above 4 GiB; 0: not known. */
uint64_t pci_high_end(void);

/* Where a window of size bytes goes that is asked for: as high as possible, or
 * at start if that is all there is.  start is a multiple of 1 GiB. */
uint64_t pci_high_base(uint64_t start, uint64_t size);

/*
 * Give addresses to BARs and bridge windows.
 *
 * held  one byte for each device, zeroed; gets the PCI_COMMAND bits that must
 *       stay off, since an address is missing
 */
int pci_assign(uint8_t *held);

#endif
