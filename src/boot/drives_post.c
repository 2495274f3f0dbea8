/* SPDX-License-Identifier: MIT */
/*
 * Finding the drives: which driver takes which controller, the order of the
 * list, and the geometry that INT 13h shows.  POST only.
 */
#include "disk/block.h"

#include <string.h>

#include "core/alloc.h"
#include "disk/block_geometry.h"
#include "hba/ahci_post.h"
#include "hba/ata_post.h"
#include "hba/floppy.h"
#include "hba/nvme.h"
#include "hba/scsi_hba.h"
#include "usb/usb.h"
#include "hba/virtio_blk.h"
#include "hba/virtio_scsi.h"
#include "core/overlay.h"
#include "lib/print.h"

#define CLASS_IDE           0x0101u
#define CLASS_SATA          0x0106u
#define PROG_IF_AHCI        0x01u
#define VIRTIO_BLOCK_OLD    0x1001u     /* transitional device numbers */
#define VIRTIO_SCSI_OLD     0x1004u
#define CLASS_NVM           0x0108u
#define CLASS_USB           0x0c03u
#define PROG_IF_NVME        0x02u
#define TEXT_MAX            128u
#define TEXTS_SIZE          1024u       /* many texts in one allocation */

/* What controllers and units can cost at most, USB's aside (usb_post.c): the
 * time once for starting them all and once for all that is on them. */
#define UNITS_MAX           512u
#define SEARCH_TIMEOUT_MS   60000u

static bool have_usb;           /* its overlay is there */

static struct deadline search_end;
static bool search_over;
static unsigned units;

bool drives_enough(bool one)
{
    if (!search_over && (units == UNITS_MAX || timer_expired(&search_end))) {
        search_over = true;
        print("Drives: %u units or %u s are enough, the rest is ignored\n",
              UNITS_MAX, SEARCH_TIMEOUT_MS / 1000);
    }
    if (!search_over && one)
        units++;
    return search_over;
}

static bool is_virtio(const struct pci_device *pci, uint16_t old,
                      unsigned type)
{
    return pci->vendor == VIRTIO_VENDOR &&
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

void block_start(void)
{
    search_end = timer_deadline_ms(SEARCH_TIMEOUT_MS);
    PCI_FOREACH(pci)
        if (!drives_enough(false))
            start_controller(pci);
}

void block_finish_usb(void)
{
    if (have_usb)
        usb_finish();
}

void block_finish(void)
{
    search_end = timer_deadline_ms(SEARCH_TIMEOUT_MS);
    search_over = false;
    floppy_setup();
    virtio_blk_finish();
    ata_finish();
    ahci_finish();
    nvme_finish();
    virtio_scsi_finish();
    scsi_hba_finish();
}

/* Where a drive stands in the list; SeaBIOS counts AHCI ports through. */
static int32_t place_of(const struct drive *d)
{
    return d->ops->rank * 0x10000 +
        (d->ops->rank == RANK_AHCI ? d->ata_channel : d->bdf);
}

void drive_register(struct drive *d)
{
    struct drive **at = &drives;

    if (drive_bounce == NULL)
        drive_bounce = malloc_high(CD_SECTOR_SIZE, 16);
    if (drive_bounce == NULL) {
        print("%s: no memory, drive ignored\n", d->description);
        return;
    }
    d->number = DRIVE_UNNUMBERED;
    if (d->type == DRIVE_HDD)
        geometry_set(d);
    debug("%s\n", d->description);
    while (*at != NULL && place_of(*at) <= place_of(d))
        at = &(*at)->next;
    d->next = *at;
    *at = d;
}

const char *drive_text(const char *fmt, ...)
{
    static char *texts;
    static uint32_t left;
    char buf[TEXT_MAX];
    va_list ap;
    uint32_t size;
    int len;

    va_start(ap, fmt);
    len = vformat(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    if (len >= (int)sizeof(buf))
        len = sizeof(buf) - 1;
    size = (uint32_t)len + 1;
    if (size > left) {
        texts = malloc_high(TEXTS_SIZE, 1);
        left = texts ? TEXTS_SIZE : 0;
        if (texts == NULL)
            return "";
    }
    left -= size;
    return memcpy(texts + left, buf, (size_t)len);
}
