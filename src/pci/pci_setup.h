/* SPDX-License-Identifier: MIT */
/*
 * Bus numbers, addresses and interrupts for everything on PCI, and the fixed
 * chipset registers.
 */
#ifndef FW_PCI_SETUP_H
#define FW_PCI_SETUP_H

#include "lib/compiler.h"

/*
 * Place the ACPI power management registers at port 600h: from here on the
 * PM timer runs.  Resident, uses no variables.  A machine without them
 * (-M pc,acpi=off) is left as it is.
 */
void pm_setup_early(void);

/*
 * Init: number the buses, fill pci_devices (hw/pci.h), give each BAR and
 * bridge window an address and each device its interrupt line, and enable
 * the devices.  What does not fit stays without an address, and one line says
 * so.  After alloc_init().
 */
void pci_setup(void);

/* Resident: the chipset registers again, after the reset that ends S3.
 * Uses no variables.  Devices are the OS's to restore. */
void chipset_resume(void);

#endif
