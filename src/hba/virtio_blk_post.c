/* SPDX-License-Identifier: MIT */
/*
 * Finding virtio-blk disks.  POST only.
 */
#include "hba/virtio_blk.h"

#include "core/alloc.h"
#include "hba/virtio_post.h"
#include "lib/print.h"

#define NAME_LEN            32u
#define WANTED              (VIRTIO_BLK_F_SIZE_MAX | VIRTIO_BLK_F_GEOMETRY | \
                             VIRTIO_BLK_F_RO | VIRTIO_BLK_F_BLK_SIZE)

static struct drive *started, **started_end = &started;

/*
 * The largest buffer; backends behind vhost-user say 0 when there is no limit.
 * How many buffers (seg_max) does not matter, as each request has one.
 */
static bool read_limit(struct virtio_drive *b, const struct virtio_setup *s,
                       uint64_t features, const char *who)
{
    uint32_t bytes = features & VIRTIO_BLK_F_SIZE_MAX
        ? virtio_config32(s, VIRTIO_BLK_SIZE_MAX) : 0;

    b->max_count = VIRTIO_BLK_MAX_COUNT;
    if (bytes != 0 && bytes < SECTOR_SIZE) {
        print("%s: buffers are limited to less than a sector, disk"
              " ignored\n", who);
        return false;
    }
    if (bytes != 0 && bytes / SECTOR_SIZE < b->max_count)
        b->max_count = (uint16_t)(bytes / SECTOR_SIZE);
    return true;
}

/* What the configuration says of the disk; false when unusable. */
static bool read_config(struct virtio_drive *b, const struct virtio_setup *s,
                        uint64_t features, const char *who)
{
    uint32_t v;

    b->d.sectors = virtio_config32(s, VIRTIO_BLK_CAPACITY) |
        (uint64_t)virtio_config32(s, VIRTIO_BLK_CAPACITY + 4) << 32;
    if (b->d.sectors == 0) {
        print("%s: the disk has no sectors, ignored\n", who);
        return false;
    }
    if (features & VIRTIO_BLK_F_BLK_SIZE) {
        v = virtio_config32(s, VIRTIO_BLK_BLK_SIZE);
        if (v != SECTOR_SIZE) {
            print("%s: sectors of %u bytes cannot be booted from by a BIOS,"
                  " disk ignored\n", who, v);
            return false;
        }
    }
    if (!read_limit(b, s, features, who))
        return false;
    if (features & VIRTIO_BLK_F_GEOMETRY) {
        v = virtio_config32(s, VIRTIO_BLK_GEOMETRY);
        b->d.physical = (struct chs){
            (uint16_t)v, (v >> 16) & 0xff, (uint16_t)(v >> 24),
        };
    }
    b->d.read_only = features & VIRTIO_BLK_F_RO;
    return true;
}

void virtio_blk_start(struct pci_device *pci)
{
    struct virtio_setup setup;
    struct virtio_drive *b;
    uint64_t features;
    char who[NAME_LEN];
    int rc;

    if (drives_enough(true))
        return;
    format(who, sizeof(who), "Virtio disk PCI:%02x:%02x.%x",
           PCI_BUS(pci->bdf), PCI_DEV(pci->bdf), PCI_FN(pci->bdf));
    if (virtio_open(&setup, pci, who) < 0)
        return;
    rc = virtio_features(&setup, WANTED, &features);
    if (rc < 0) {
        print("%s: does not accept our features, ignored\n", who);
        goto fail;
    }
    b = malloc_high(sizeof(*b), 16);
    if (b == NULL)
        goto fail;              /* the allocator has said it */
    if (!read_config(b, &setup, features, who))
        goto release;
    rc = virtio_queue(&setup, &b->v);
    if (rc < 0) {
        print("%s: no usable request queue (size %u), ignored\n", who,
              b->v.size);
        goto release;
    }
    virtio_go(&setup);
    b->d.ops = &virtio_blk_ops;
    b->d.type = DRIVE_HDD;
    b->d.ready = true;
    b->d.sector_size = SECTOR_SIZE;
    b->d.bdf = pci->bdf;
    b->d.path = drive_text("disk@0,0");
    b->d.description = drive_text("%s", who);
    pci->have_driver = true;
    *started_end = &b->d;
    started_end = &b->d.next;
    return;

release:
    free_zone(b);
fail:
    virtio_fail(&setup);
}

void virtio_blk_finish(void)
{
    while (started != NULL) {
        struct drive *d = started;

        started = d->next;
        d->next = NULL;
        drive_register(d);
    }
    started_end = &started;
}
