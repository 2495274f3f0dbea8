/* SPDX-License-Identifier: MIT */
/*
 * What each access to PCI configuration space would say again: the chipset's
 * own functions by a table (tests/boot/test_pci_known.py asks each QEMU whether
 * it holds), and devices' BARs and command registers as POST has set them.
 * POST only.
 */
#include "hw/chipset.h"
#include "pci/pci_plan.h"

static const struct pci_known known[] = {
    { BDF_HOST, ID_I440FX, 0x060000, { 0, 0 }, 0, 0, false },
    { BDF_HOST, ID_Q35, 0x060000, { 0, 0 }, 0, 0, false },
    { BDF_PIIX3, ID_PIIX3, 0x060100, { 0, 0 }, 0, 0, true },
    { BDF_PIIX3_IDE, ID_PIIX3_IDE, 0x010180, { 0xfffffff1, 0 }, 0, 0, false },
    { BDF_PIIX4_PM, ID_PIIX4_PM, 0x068000, { 0, 0 }, 1, IRQ_SCI, false },
    { BDF_ICH9_LPC, ID_ICH9_LPC, 0x060100, { 0, 0 }, 0, 0, true },
    { BDF_ICH9_AHCI, ID_ICH9_AHCI, 0x010601, { 0xffffffe1, 0xfffff000 }, 1, 0,
      true },
    { BDF_ICH9_SMBUS, ID_ICH9_SMBUS, 0x0c0500, { 0xffffffc1, 0 }, 1, 0, true },
};

const struct pci_known *pci_known(pci_bdf bdf, uint32_t id)
{
    for (size_t i = 0; i < ARRAY_SIZE(known); i++)
        if (known[i].bdf == bdf && known[i].id == id)
            return &known[i];
    return NULL;
}

uint32_t pci_known_id(pci_bdf bdf)
{
    if (bdf == BDF_HOST)                /* entry.S stops with any other */
        return chipset_is_q35() ? ID_Q35 : ID_I440FX;
    return bdf == BDF_PIIX4_PM && chipset_has_piix4_pm() ? ID_PIIX4_PM : 0;
}

uint32_t pci_known_bar(const struct pci_known *k, unsigned n)
{
    return n == 4 || n == 5 ? k->bars[n - 4] : 0;
}

uint32_t pci_bar(const struct pci_device *d, unsigned n, bool *is_io)
{
    *is_io = d->bar[n] & PCI_BAR_IO;
    return d->bar[n] & ~PCI_BAR_IO;
}

void pci_enable(struct pci_device *d, uint16_t bits)
{
    if ((d->command | bits) == d->command)
        return;
    d->command |= bits;
    pci_write16(d->bdf, PCI_COMMAND, d->command);
}
