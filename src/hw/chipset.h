/* SPDX-License-Identifier: MIT */
/*
 * The two chipsets QEMU has for PCs and their registers: i440FX with PIIX3
 * and PIIX4 ("pc"), Q35 with ICH9 ("q35").  Resident.
 *
 * Intel 82441FX, 82371SB (PIIX3), 82371AB (PIIX4), Q35 MCH and ICH9 data
 * sheets.
 */
#ifndef FW_CHIPSET_H
#define FW_CHIPSET_H

#include "hw/pci.h"

#define PCI_VENDOR_INTEL        0x8086u
#define PCI_VENDOR_REDHAT       0x1b36u

/* Where each part sits, and vendor and device as one number. */
#define BDF_HOST                PCI_BDF(0, 0, 0)
#define ID_I440FX               0x12378086u
#define ID_Q35                  0x29c08086u
#define BDF_PIIX3               PCI_BDF(0, 1, 0)
#define ID_PIIX3                0x70008086u
#define BDF_PIIX3_IDE           PCI_BDF(0, 1, 1)
#define ID_PIIX3_IDE            0x70108086u
#define BDF_PIIX4_PM            PCI_BDF(0, 1, 3)
#define ID_PIIX4_PM             0x71138086u
#define BDF_ICH9_LPC            PCI_BDF(0, 0x1f, 0)
#define ID_ICH9_LPC             0x29188086u
#define BDF_ICH9_AHCI           PCI_BDF(0, 0x1f, 2)
#define ID_ICH9_AHCI            0x29228086u
#define BDF_ICH9_SMBUS          PCI_BDF(0, 0x1f, 3)
#define ID_ICH9_SMBUS           0x29308086u

/* Ports and addresses that we choose.  timer.c relies on PM_BASE. */
#define PM_BASE                 0x600u
#define SMBUS_BASE              0x700u
#define MMCFG_BASE              0xb0000000u
#define MMCFG_SIZE              0x10000000u
#define RCBA_BASE               0xfed1c000u
#define RCBA_SIZE               0x4000u

/* The interrupts that PCI devices share, and the ACPI one. */
#define IRQ_PCI_LOW             10u
#define IRQ_PCI_HIGH            11u
#define IRQ_SCI                 9u

/*
 * Which it is, by the host bridge (vendor and device) and, by the ports, by
 * what is beside it.  Before all else here and in hw/pci.h.  chipset_set() says
 * it again whenever the variables have become others: nothing in RAM is
 * believed that was there before, nor after a sleep.
 */
enum chipset {
    CHIPSET_Q35,
    CHIPSET_I440FX,
    CHIPSET_I440FX_BARE,        /* without power management (acpi=off) */
};
enum chipset chipset_find(uint32_t host);
void chipset_set(enum chipset what);
bool chipset_is_q35(void);
bool chipset_has_piix4_pm(void);

/*
 * Has the machine been reset since chipset_note_start()?  A processor gets to
 * the reset vector by INIT as well, which software can send.
 */
bool chipset_was_reset(void);
void chipset_note_start(void);

/*
 * Place the ACPI power management registers at port 600h: from here on the
 * PM timer runs.  Resident.  A machine without them
 * (-M pc,acpi=off) is left as it is.
 */
void pm_setup_early(void);

/* Resident: the chipset registers again, after the reset that ends S3.
 * Devices are the OS's to restore. */
void chipset_resume(void);

/* Interrupt routing, MMCFG and RCBA of Q35 (pm_setup_early() did the rest). */
void chipset_setup_q35(void);

/*
 * A function with its vendor and device, found and with its BARs in place: if
 * it is the PIIX3, interrupt routing; if it is the ICH9's SMBus, which has a
 * BAR like others, a place of its own (the PIIX4's is not in a BAR).
 */
void chipset_setup(pci_bdf bdf, uint32_t id);

/* The interrupt that PIRQ A..D (0..3), and E..H, is wired to. */
uint8_t chipset_pirq(unsigned pirq);

/* Below 4 GiB: the first address that may belong to a PCI device, given where
 * RAM ends there. */
uint32_t chipset_pci_window(uint32_t ram_end);

#endif
