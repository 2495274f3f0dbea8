/* SPDX-License-Identifier: MIT */
/*
 * SCSI host adapters other than virtio: lsi.h, megasas.h, pvscsi.h.  POST
 * only.
 */
#ifndef HW_SCSI_HBA_H
#define HW_SCSI_HBA_H

#include "hw/pci.h"

/* Bring up the adapter, if it is one of them. */
void scsi_hba_start(struct pci_device *pci);

/* Register the disks and CDs on all of them. */
void scsi_hba_finish(void);

#endif
