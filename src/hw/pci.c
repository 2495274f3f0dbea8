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

/* Select a register; returns the data port for its byte lane. */
static uint16_t select(pci_bdf bdf, uint32_t reg)
{
    outl(PCI_CONFIG_ADDRESS, PCI_CONFIG_ENABLE | (uint32_t)bdf << 8 |
         (reg & 0xfc));
    return (uint16_t)(PCI_CONFIG_DATA + (reg & 3));
}

uint8_t pci_read8(pci_bdf bdf, uint32_t reg)
{
    return inb(select(bdf, reg));
}

uint16_t pci_read16(pci_bdf bdf, uint32_t reg)
{
    return inw(select(bdf, reg));
}

uint32_t pci_read32(pci_bdf bdf, uint32_t reg)
{
    return inl(select(bdf, reg));
}

void pci_write8(pci_bdf bdf, uint32_t reg, uint8_t v)
{
    outb(select(bdf, reg), v);
}

void pci_write16(pci_bdf bdf, uint32_t reg, uint16_t v)
{
    outw(select(bdf, reg), v);
}

void pci_write32(pci_bdf bdf, uint32_t reg, uint32_t v)
{
    outl(select(bdf, reg), v);
}

void pci_set16(pci_bdf bdf, uint32_t reg, uint16_t clear, uint16_t set)
{
    uint16_t v = pci_read16(bdf, reg);

    pci_write16(bdf, reg, (uint16_t)((v & ~clear) | set));
}

uint8_t pci_find_cap(pci_bdf bdf, uint8_t id, uint8_t after)
{
    uint8_t at;

    if (!(pci_read16(bdf, PCI_STATUS) & PCI_STATUS_CAP_LIST))
        return 0;
    at = after ? pci_read8(bdf, after + 1u) : pci_read8(bdf, PCI_CAP_PTR);
    for (unsigned i = 0; i < PCI_CAPS_MAX && at >= 0x40; i++) {
        uint16_t head;

        at &= 0xfc;
        head = pci_read16(bdf, at);
        if ((head & 0xff) == id)
            return at;
        at = (uint8_t)(head >> 8);
    }
    return 0;
}

uint32_t pci_bar(pci_bdf bdf, unsigned n, bool *is_io)
{
    uint32_t bar = pci_read32(bdf, PCI_BAR(n));

    *is_io = bar & PCI_BAR_IO;
    if (*is_io)
        return bar & ~3u;
    if ((bar & PCI_BAR_MEM_TYPE) == PCI_BAR_MEM_64 && n < 5 &&
        pci_read32(bdf, PCI_BAR(n + 1)) != 0)
        return 0;
    return bar & ~0xfu;
}
