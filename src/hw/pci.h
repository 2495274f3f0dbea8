/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration space through CF8h/CFCh or memory, and the walk over all
 * functions.  Resident.  PCI Local Bus 3.0, 3.2.2.3.2 and 6.
 */
#ifndef HW_PCI_H
#define HW_PCI_H

#include "lib/compiler.h"

/* bus << 8 | device << 3 | function */
typedef uint16_t pci_bdf;
#define PCI_BDF(bus, dev, fn)   ((pci_bdf)((bus) << 8 | (dev) << 3 | (fn)))
#define PCI_BUS(bdf)            ((uint8_t)((bdf) >> 8))
#define PCI_DEV(bdf)            ((uint8_t)(((bdf) >> 3) & 0x1f))
#define PCI_FN(bdf)             ((uint8_t)((bdf) & 7))
#define PCI_NONE                0xffffu

/* Of virtio devices, and QEMU's as the vendor of a subsystem */
#define PCI_VENDOR_VIRTIO       0x1af4u

#define PCI_VENDOR_ID           0x00u
#define PCI_DEVICE_ID           0x02u
#define PCI_COMMAND             0x04u
#define PCI_COMMAND_IO          (1u << 0)
#define PCI_COMMAND_MEMORY      (1u << 1)
#define PCI_COMMAND_MASTER      (1u << 2)
#define PCI_COMMAND_SERR        (1u << 8)
#define PCI_STATUS              0x06u
#define PCI_STATUS_CAP_LIST     (1u << 4)
#define PCI_CLASS_REVISION      0x08u
#define PCI_CLASS_PROG          0x09u
#define PCI_CLASS_DEVICE        0x0au
#define PCI_CACHE_LINE_SIZE     0x0cu
#define PCI_LATENCY_TIMER       0x0du
#define PCI_HEADER_TYPE         0x0eu
#define PCI_HEADER_MULTI        0x80u
#define PCI_BAR(n)              (0x10u + 4u * (n))
#define PCI_BAR_IO              (1u << 0)
#define PCI_BAR_MEM_TYPE        0x6u
#define PCI_BAR_MEM_64          0x4u
#define PCI_BAR_PREFETCH        (1u << 3)
#define PCI_SUBSYS_VENDOR       0x2cu
#define PCI_SUBSYS_ID           0x2eu
#define PCI_ROM_BAR             0x30u
#define PCI_ROM_ENABLE          (1u << 0)
#define PCI_CAP_PTR             0x34u
#define PCI_INTERRUPT_LINE      0x3cu
#define PCI_INTERRUPT_PIN       0x3du
#define PCI_PRIMARY_BUS         0x18u
#define PCI_SECONDARY_BUS       0x19u
#define PCI_SUBORDINATE_BUS     0x1au
#define PCI_IO_BASE             0x1cu
#define PCI_IO_LIMIT            0x1du
#define PCI_MEMORY_BASE         0x20u
#define PCI_MEMORY_LIMIT        0x22u
#define PCI_PREF_BASE           0x24u
#define PCI_PREF_LIMIT          0x26u
#define PCI_PREF_BASE_UPPER     0x28u
#define PCI_PREF_LIMIT_UPPER    0x2cu
#define PCI_IO_BASE_UPPER       0x30u
#define PCI_IO_LIMIT_UPPER      0x32u
#define PCI_BRIDGE_CONTROL      0x3eu
#define PCI_ROM_BAR_BRIDGE      0x38u

uint8_t pci_read8(pci_bdf bdf, uint32_t reg);
uint16_t pci_read16(pci_bdf bdf, uint32_t reg);
uint32_t pci_read32(pci_bdf bdf, uint32_t reg);
void pci_write8(pci_bdf bdf, uint32_t reg, uint8_t v);
void pci_write16(pci_bdf bdf, uint32_t reg, uint16_t v);
void pci_write32(pci_bdf bdf, uint32_t reg, uint32_t v);

/* Change bits; a register that has them already is not written.  Returns what
 * it has now. */
uint16_t pci_set16(pci_bdf bdf, uint32_t reg, uint16_t clear, uint16_t set);

/* Write, and see what the register made of it. */
uint32_t pci_try32(pci_bdf bdf, uint32_t reg, uint32_t v);

/*
 * POST only: all functions' registers are memory from base on, 4 KiB for each,
 * as the chipset has been told; 0: the ports again, with which it begins, and
 * to which it goes back before the OS, which may move that memory.
 */
void pci_use_mmcfg(uint32_t base);

/*
 * The offset of a capability in configuration space, or 0.  Loops end.  The
 * status is not asked whether there are any: without, the first one's place is
 * a reserved register, and reads as 0.
 *
 * pci_next_cap() finds one after another; *head is 0 to begin with, and then
 * the first four bytes of the one found: what kind it is, where the next is,
 * and two of its own.
 */
uint8_t pci_find_cap(pci_bdf bdf, uint8_t id);
uint8_t pci_next_cap(pci_bdf bdf, uint8_t id, uint32_t *head);

/*
 * What POST found: one entry for each function, in bus order.  Built once by
 * fw/pci_setup; drivers walk the list instead of asking the bus again.
 */
struct pci_known;
struct pci_device {
    pci_bdf bdf;
    pci_bdf parent;             /* the bridge it sits behind, or PCI_NONE */
    uint16_t vendor, device;
    uint16_t class;             /* base class << 8 | subclass */
    uint8_t prog_if;
    uint8_t header_type;        /* without the multi-function bit */
    uint8_t root;               /* number of the root bus (pxb), 0 = main */
    uint8_t irq_pin, irq_line;  /* as set up */
    const struct pci_known *known;      /* the chipset's own; else NULL */
    uint16_t command;           /* as set up; pci_enable() changes it */
    uint32_t bar[6];            /* as set up, read by pci_bar() */
    bool has_rom;               /* a register for one */
    bool have_driver;           /* a boot driver of ours runs it */
};
extern struct pci_device *pci_devices;  /* temp zone: gone after POST */
extern uint16_t pci_device_count;
extern uint8_t pci_last_bus;            /* highest bus number: INT 1Ah B101 */

#define PCI_FOREACH(d)                                                      \
    for (struct pci_device *d = pci_devices;                                \
         d < pci_devices + pci_device_count; d++)

/* POST only: the function at bdf, or NULL.  Costs the logarithm of their
 * number. */
struct pci_device *pci_device_at(pci_bdf bdf);

/*
 * POST only: the address in BAR n (type bits off): an I/O port when *is_io is
 * set on return.  0 when the BAR has no address, or one above 4 GiB.
 */
uint32_t pci_bar(const struct pci_device *d, unsigned n, bool *is_io);

/* POST only, before option ROMs run: set bits of a device's command. */
void pci_enable(struct pci_device *d, uint16_t bits);

#endif
