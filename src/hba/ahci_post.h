/* SPDX-License-Identifier: MIT */
/*
 * Finding the devices on AHCI controllers.  POST only.
 */
#ifndef HW_AHCI_POST_H
#define HW_AHCI_POST_H

#include "hw/pci.h"

/* Reset a controller and bring its ports as far as they get at once. */
void ahci_start(struct pci_device *pci);

/* Wait for the ports (all together) and register their drives. */
void ahci_finish(void);

#endif
