/* SPDX-License-Identifier: MIT */
/*
 * PCI configuration access.
 */
#include "hw/pci.h"

#include "lib/io.h"

#define PCI_CONFIG_ADDRESS  0xcf8u
#define PCI_CONFIG_DATA     0xcfcu
#define PCI_CONFIG_ENABLE   (1u << 31)
#define PCI_CAPS_MAX        48u         /* 192 bytes hold no more */

struct pci_device *pci_devices;
uint16_t pci_device_count;
uint8_t pci_last_bus;

static uint32_t mmcfg;          /* where all registers lie, or 0: ports */

void pci_use_mmcfg(uint32_t base)
{
    mmcfg = base;
}

/* Where a register is: in memory, or, when this has selected it, at the data
 * port for its byte lane (below 64 KiB). */
static uint32_t place(pci_bdf bdf, uint32_t reg)
{
    if (mmcfg)
        return mmcfg + ((uint32_t)bdf << 12) + reg;
    outl(PCI_CONFIG_ADDRESS, PCI_CONFIG_ENABLE | (uint32_t)bdf << 8 |
         (reg & 0xfc));
    return PCI_CONFIG_DATA + (reg & 3);
}

static uint8_t get8(uint32_t at)
{
    return at > UINT16_MAX ? mmio_read8((void *)at) : inb((uint16_t)at);
}

static uint16_t get16(uint32_t at)
{
    return at > UINT16_MAX ? mmio_read16((void *)at) : inw((uint16_t)at);
}

static uint32_t get32(uint32_t at)
{
    return at > UINT16_MAX ? mmio_read32((void *)at) : inl((uint16_t)at);
}

static void put8(uint32_t at, uint8_t v)
{
    if (at > UINT16_MAX)
        mmio_write8((void *)at, v);
    else
        outb((uint16_t)at, v);
}

static void put16(uint32_t at, uint16_t v)
{
    if (at > UINT16_MAX)
        mmio_write16((void *)at, v);
    else
        outw((uint16_t)at, v);
}

static void put32(uint32_t at, uint32_t v)
{
    if (at > UINT16_MAX)
        mmio_write32((void *)at, v);
    else
        outl((uint16_t)at, v);
}

uint8_t pci_read8(pci_bdf bdf, uint32_t reg)
{
    return get8(place(bdf, reg));
}

uint16_t pci_read16(pci_bdf bdf, uint32_t reg)
{
    return get16(place(bdf, reg));
}

uint32_t pci_read32(pci_bdf bdf, uint32_t reg)
{
    return get32(place(bdf, reg));
}

void pci_write8(pci_bdf bdf, uint32_t reg, uint8_t v)
{
    put8(place(bdf, reg), v);
}

void pci_write16(pci_bdf bdf, uint32_t reg, uint16_t v)
{
    put16(place(bdf, reg), v);
}

void pci_write32(pci_bdf bdf, uint32_t reg, uint32_t v)
{
    put32(place(bdf, reg), v);
}

uint16_t pci_set16(pci_bdf bdf, uint32_t reg, uint16_t clear, uint16_t set)
{
    uint32_t at = place(bdf, reg);
    uint16_t before = get16(at);
    uint16_t after = (uint16_t)((before & ~clear) | set);

    if (after != before)
        put16(at, after);
    return after;
}

uint32_t pci_try32(pci_bdf bdf, uint32_t reg, uint32_t v)
{
    uint32_t at = place(bdf, reg);

    put32(at, v);
    return get32(at);
}

uint8_t pci_next_cap(pci_bdf bdf, uint8_t id, uint32_t *head)
{
    uint8_t at = (uint8_t)(*head >> 8);

    if (*head == 0)
        at = pci_read8(bdf, PCI_CAP_PTR);
    for (unsigned i = 0; i < PCI_CAPS_MAX && at >= 0x40; i++) {
        at &= 0xfc;
        *head = pci_read32(bdf, at);
        if ((uint8_t)*head == id)
            return at;
        at = (uint8_t)(*head >> 8);
    }
    return 0;
}

uint8_t pci_find_cap(pci_bdf bdf, uint8_t id)
{
    uint32_t head = 0;

    return pci_next_cap(bdf, id, &head);
}
