/* SPDX-License-Identifier: MIT */
/*
 * Finding the devices on IDE controllers.  POST only.
 */
#ifndef HW_ATA_POST_H
#define HW_ATA_POST_H

#include "hw/pci.h"

/* Take a PCI IDE controller: send IDENTIFY to the first device of each of its
 * channels, without waiting. */
void ata_start(struct pci_device *pci);

/* Collect the answers, ask the second devices, register the drives. */
void ata_finish(void);

#endif
