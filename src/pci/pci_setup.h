/* SPDX-License-Identifier: MIT */
/*
 * Bus numbers, addresses and interrupts for everything on PCI.  POST only.
 */
#ifndef FW_PCI_SETUP_H
#define FW_PCI_SETUP_H

#include "lib/compiler.h"

/*
 * POST only: number the buses, fill pci_devices (hw/pci.h), give each BAR and
 * bridge window an address and each device its interrupt line, and enable
 * the devices.  What does not fit stays without an address, and one line says
 * so.  After alloc_init().
 */
void pci_setup(void);

#endif
