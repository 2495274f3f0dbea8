/* SPDX-License-Identifier: MIT */
/*
 * Finding the units on virtio-scsi controllers.  POST only.
 */
#include "hw/virtio_scsi.h"

#include <string.h>

#include "alloc.h"
#include "hw/virtio_post.h"
#include "print.h"

#define NAME_LEN            32u
#define MAX_TARGET          255u
#define LUNS_MAX            16u         /* of one target */

struct started {
    struct started *next;
    struct virtio_scsi *host;
    uint16_t max_target;
};
static struct started *started, **started_end = &started;

void virtio_scsi_start(struct pci_device *pci)
{
    struct virtio_setup setup;
    struct virtio_scsi *h;
    struct started *s;
    uint64_t features;
    char who[NAME_LEN];

    format(who, sizeof(who), "virtio-scsi PCI:%02x:%02x.%x",
           PCI_BUS(pci->bdf), PCI_DEV(pci->bdf), PCI_FN(pci->bdf));
    if (virtio_open(&setup, pci->bdf, who) < 0)
        return;
    h = malloc_high(sizeof(*h), 16);
    s = malloc_temp(sizeof(*s), 4);
    if (h == NULL || s == NULL)
        goto fail;
    h->bdf = pci->bdf;
    h->v.queue = VIRTIO_SCSI_QUEUE;
    if (virtio_features(&setup, 0, &features) < 0 ||
        virtio_queue(&setup, &h->v) < 0) {
        print("%s: does not accept our features or queue, ignored\n", who);
        goto fail;
    }
    /* Sense and CDB sizes are at their defaults after a reset: 96 and 32. */
    s->max_target = (uint16_t)(virtio_config32(&setup,
        VIRTIO_SCSI_MAX_TARGET & ~3u) >> 16);
    if (s->max_target > MAX_TARGET)
        s->max_target = MAX_TARGET;
    virtio_go(&setup);
    pci->have_driver = true;
    s->host = h;
    *started_end = s;
    started_end = &s->next;
    return;

fail:
    free_zone(h);
    virtio_fail(&setup);
}

/* One unit: register it if it is a disk or a CD. */
static void add_unit(const struct virtio_scsi_drive *probe, uint16_t lun)
{
    struct virtio_scsi_drive *s = malloc_high(sizeof(*s), 8);

    if (s == NULL)
        return;                 /* the allocator has said it */
    *s = *probe;
    s->lun = lun;
    s->d.path = drive_text("channel@0/disk@%x,%x", s->target, lun);
    if (scsi_identify(&s->d, "virtio-scsi") == 0)
        drive_register(&s->d);
}

/* The units of a target that exists. */
static void scan_units(struct virtio_scsi_drive *probe)
{
    uint8_t cdb[16] = { SCSI_REPORT_LUNS };
    uint8_t list[8 + 8 * LUNS_MAX] ALIGNED(4);
    uint32_t len;
    int rc;

    cdb[9] = sizeof(list);
    memset(list, 0, sizeof(list));
    rc = scsi_command(&probe->d, cdb, list, sizeof(list), false);
    if (rc < 16) {
        add_unit(probe, 0);
        return;
    }
    len = (uint32_t)list[2] << 8 | list[3];     /* bytes, behind the head */
    if (list[0] != 0 || list[1] != 0 || len > (uint32_t)rc - 8)
        len = (uint32_t)rc - 8;
    for (uint32_t i = 8; i + 8 <= 8 + len; i += 8)
        if (list[i] >> 6 <= 1)          /* single level or flat */
            add_unit(probe, (uint16_t)((list[i] & 0x3f) << 8 | list[i + 1]));
}

void virtio_scsi_finish(void)
{
    for (struct started *s = started; s != NULL; s = s->next) {
        static const uint8_t cdb[16] = { SCSI_TEST_UNIT_READY };
        struct virtio_scsi_drive probe = {
            .d = { .ops = &virtio_scsi_ops, .bdf = s->host->bdf,
                   .description = "virtio-scsi" },
            .host = s->host,
        };

        for (unsigned t = 0; t <= s->max_target && !s->host->dead; t++) {
            int rc;

            probe.target = (uint8_t)t;
            probe.have_sense = false;
            rc = virtio_scsi_ops.packet(&probe.d, cdb, NULL, 0, false);
            if (rc != ERR_TIMEOUT && !probe.bad_target)
                scan_units(&probe);
        }
    }
}
