/* SPDX-License-Identifier: MIT */
/*
 * Finding the drives: which driver takes which controller.  POST only.
 */
#include "boot/drives.h"

#include "core/overlay.h"
#include "disk/block.h"
#include "hba/ahci_post.h"
#include "hba/ata_post.h"
#include "hba/floppy.h"
#include "hba/nvme.h"
#include "hba/scsi_hba.h"
#include "hba/virtio_blk.h"
#include "hba/virtio_scsi.h"
#include "usb/usb.h"

#define CLASS_IDE           0x0101u
#define CLASS_SATA          0x0106u
#define PROG_IF_AHCI        0x01u
#define VIRTIO_BLOCK_OLD    0x1001u     /* transitional device numbers */
#define VIRTIO_SCSI_OLD     0x1004u
#define CLASS_NVM           0x0108u
#define CLASS_USB           0x0c03u
#define PROG_IF_NVME        0x02u

static bool have_usb;           /* its overlay is there */

static bool is_virtio(const struct pci_device *pci, uint16_t old,
                      unsigned type)
{
    return pci->vendor == PCI_VENDOR_VIRTIO &&
        (pci->device == old || pci->device == VIRTIO_DEVICE_MODERN(type));
}

static void start_usb(struct pci_device *pci)
{
    overlay_load(OVERLAY_USB);
    have_usb = true;
    usb_start(pci);
}

static void start_controller(struct pci_device *pci)
{
    if (pci->class == CLASS_IDE)
        ata_start(pci);
    else if (pci->class == CLASS_SATA && pci->prog_if == PROG_IF_AHCI)
        ahci_start(pci);
    else if (pci->class == CLASS_NVM && pci->prog_if == PROG_IF_NVME)
        nvme_start(pci);
    else if (pci->class == CLASS_USB)
        start_usb(pci);
    else if (is_virtio(pci, VIRTIO_BLOCK_OLD, VIRTIO_ID_BLOCK))
        virtio_blk_start(pci);
    else if (is_virtio(pci, VIRTIO_SCSI_OLD, VIRTIO_ID_SCSI))
        virtio_scsi_start(pci);
    else
        scsi_hba_start(pci);
}

void drives_start(void)
{
    drives_search();
    PCI_FOREACH(pci)
        if (!drives_enough(false))
            start_controller(pci);
}

void drives_finish_usb(void)
{
    if (have_usb)
        usb_finish();
}

void drives_finish(void)
{
    drives_search();
    floppy_setup();
    virtio_blk_finish();
    ata_finish();
    ahci_finish();
    nvme_finish();
    virtio_scsi_finish();
    scsi_hba_finish();
}
