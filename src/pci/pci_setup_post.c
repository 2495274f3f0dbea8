/* SPDX-License-Identifier: MIT */
/*
 * PCI set-up: the order of it, interrupt lines, switching devices on, and
 * which display is the console.
 *
 * PCI Local Bus 3.0, 6.2; PCI-to-PCI Bridge 1.2, 3.2.5.17 and 9.1.
 */
#include "pci/pci_setup.h"

#include "core/alloc.h"
#include "fw/e820.h"
#include "hw/chipset.h"
#include "lib/print.h"
#include "pci/pci_plan.h"

#define PIIX_IDETIM             0x40u       /* two 16-bit registers */
#define PIIX_IDETIM_DECODE      (1u << 15)
#define ID_PIIX4_IDE            0x71118086u

#define BRIDGE_CONTROL_SERR     (1u << 1)
#define BRIDGE_CONTROL_VGA      (1u << 3)

/* On q35 only slots below this one take part in the rotation. */
#define Q35_ROTATING_SLOTS      25u

#define COMMAND_DECODE          (PCI_COMMAND_IO | PCI_COMMAND_MEMORY)

/*
 * The interrupt for one of a device's pins (1..4): behind bridges the pins
 * rotate by slot, on the main bus as the south bridge and QEMU's ACPI tables
 * have it.
 */
static uint8_t irq_of(const struct pci_device *d, uint8_t pin, bool q35)
{
    const struct pci_device *bridge;
    unsigned turn = pin - 1u, slot;

    for (; (bridge = pci_bridge_of(d)) != NULL; d = bridge)
        turn += PCI_DEV(d->bdf);
    slot = PCI_DEV(d->bdf);
    if (!q35)
        turn += slot - 1;
    else if (slot < Q35_ROTATING_SLOTS)
        turn += slot;
    return chipset_pirq(turn & 3);
}

/* Will our driver have the device move data, whatever it finds there?  Other
 * drivers switch that on when they have found a disk. */
static bool will_be_master(const struct pci_device *d)
{
    return d->class == PCI_CLASS_NVM || d->class == PCI_CLASS_USB ||
        (d->vendor == PCI_VENDOR_VIRTIO && d->class >> 8 == PCI_BASE_STORAGE);
}

static void setup_device(struct pci_device *d, uint8_t held, bool q35)
{
    uint32_t id = (uint32_t)d->device << 16 | d->vendor;
    const struct pci_known *known = d->known;
    uint32_t line_pin_control = known
        ? (uint32_t)known->pin << 8 | known->line
        : pci_read32(d->bdf, PCI_INTERRUPT_LINE);
    uint8_t pin = (uint8_t)(line_pin_control >> 8);
    uint16_t command = (COMMAND_DECODE & ~held) | PCI_COMMAND_SERR;

    d->irq_pin = pin;
    d->irq_line = (uint8_t)line_pin_control;
    if (pin >= 1 && pin <= 4 && !(known && known->line)) {
        d->irq_line = irq_of(d, pin, q35);
        pci_write8(d->bdf, PCI_INTERRUPT_LINE, d->irq_line);
    }
    if (id == ID_PIIX3_IDE || id == ID_PIIX4_IDE)
        pci_write32(d->bdf, PIIX_IDETIM,
                    PIIX_IDETIM_DECODE | PIIX_IDETIM_DECODE << 16);
    chipset_setup(d->bdf, id);
    /* A reset has cleared it: there is nothing to keep. */
    if (!held && will_be_master(d))
        command |= PCI_COMMAND_MASTER;
    pci_enable(d, command);
    if (pci_is_bridge(d))
        pci_write16(d->bdf, PCI_BRIDGE_CONTROL,
                    (uint16_t)(line_pin_control >> 16) | BRIDGE_CONTROL_SERR);
}

/* Does the VGA range reach this device? */
static bool vga_reaches(const struct pci_device *d)
{
    const struct pci_device *bridge = d;

    if ((d->command & COMMAND_DECODE) != COMMAND_DECODE)
        return false;
    while ((bridge = pci_bridge_of(bridge)) != NULL)
        if (!(pci_read16(bridge->bdf, PCI_BRIDGE_CONTROL) &
              BRIDGE_CONTROL_VGA))
            return false;
    return true;
}

/* One display gets the legacy VGA range: the first that has it already,
 * otherwise the first of all. */
static void setup_vga(void)
{
    const struct pci_device *first = NULL;

    PCI_FOREACH(d) {
        if (d->class != PCI_CLASS_VGA)
            continue;
        if (vga_reaches(d))
            return;
        if (!first)
            first = d;
    }
    if (!first)
        return;
    while ((first = pci_bridge_of(first)) != NULL) {
        pci_set16(first->bdf, PCI_BRIDGE_CONTROL, 0, BRIDGE_CONTROL_VGA);
        pci_set16(first->bdf, PCI_COMMAND, 0, COMMAND_DECODE);
    }
}

void pci_setup(void)
{
    bool q35 = chipset_is_q35();
    uint8_t *held;

    if (q35) {
        chipset_setup_q35();
        pci_use_mmcfg(MMCFG_BASE);
        e820_add(MMCFG_BASE, MMCFG_SIZE, E820_RESERVED);
        e820_add(RCBA_BASE, RCBA_SIZE, E820_RESERVED);
    }
    if (pci_enumerate() != 0) {
        print("PCI: no device found: no disks, network or display\n");
        return;
    }
    held = malloc_temp(pci_device_count, 1);
    if (!held || pci_assign(held) != 0) {
        print("PCI: not enough memory to give the devices addresses: none "
              "is usable\n");
        pci_device_count = 0;
        return;
    }
    for (unsigned i = 0; i < pci_device_count; i++)
        setup_device(&pci_devices[i], held[i], q35);
    free_zone(held);
    setup_vga();
}
