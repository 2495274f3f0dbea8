/* SPDX-License-Identifier: MIT */
/*
 * Finding the units on virtio-scsi controllers.  POST only.
 */
#include "hba/virtio_scsi.h"

#include "core/alloc.h"
#include "hba/virtio_post.h"
#include "lib/print.h"

#define NAME_LEN            32u

struct started {
    struct started *next;
    struct virtio_scsi *host;
    uint32_t targets;
    pci_bdf bdf;
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
    if (virtio_open(&setup, pci, who) < 0)
        return;
    h = malloc_high(sizeof(*h), 16);
    s = malloc_temp(sizeof(*s), 4);
    if (h == NULL || s == NULL)
        goto fail;
    h->v.queue = VIRTIO_SCSI_QUEUE;
    if (virtio_features(&setup, 0, &features) < 0 ||
        virtio_queue(&setup, &h->v) < 0) {
        print("%s: does not accept our features or queue, ignored\n", who);
        goto fail;
    }
    /* Sense and CDB sizes are at their defaults after a reset: 96 and 32. */
    s->targets = (virtio_config32(&setup, VIRTIO_SCSI_MAX_TARGET & ~3u) >>
                  16) + 1;
    if (s->targets > SCSI_TARGETS_MAX)
        s->targets = SCSI_TARGETS_MAX;
    virtio_go(&setup);
    pci->have_driver = true;
    s->host = h;
    s->bdf = pci->bdf;
    *started_end = s;
    started_end = &s->next;
    return;

fail:
    free_zone(h);
    virtio_fail(&setup);
}

void virtio_scsi_finish(void)
{
    for (struct started *s = started; s != NULL; s = s->next) {
        struct scsi_drive probe = {
            .d = { .ops = &virtio_scsi_ops, .bdf = s->bdf },
            .host = s->host,
        };

        scsi_scan(&probe, s->targets);
    }
}
