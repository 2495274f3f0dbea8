/* SPDX-License-Identifier: MIT */
/*
 * virtio-blk at run time: read and write.  Resident.
 */
#include "hba/virtio_blk.h"

#include "lib/print.h"

static int request(struct virtio_drive *b, uint64_t lba, uint32_t count,
                   void *buf, bool write)
{
    struct virtio_buffer buffers[] = {
        { &b->request, sizeof(b->request), false },
        { buf, count * SECTOR_SIZE, !write },
        { (void *)(uintptr_t)&b->status, 1, true },
    };
    int rc;

    b->request.type = write ? VIRTIO_BLK_T_OUT : VIRTIO_BLK_T_IN;
    b->request.sector = lba;
    b->status = 0xff;
    rc = virtio_run(&b->v, buffers, ARRAY_SIZE(buffers),
                    VIRTIO_BLK_TIMEOUT_MS);
    if (rc < 0) {
        /* The device may write into the buffer at any time from now on. */
        pci_set16(b->d.bdf, PCI_COMMAND, PCI_COMMAND_MASTER, 0);
        b->d.dead = true;
        debug("%s: %s, drive given up\n", b->d.description,
              rc == ERR_TIMEOUT ? "no answer" : "answers nonsense");
        return rc == ERR_TIMEOUT ? rc : ERR_DEVICE;
    }
    if (b->status != VIRTIO_BLK_S_OK) {
        debug("%s: %s of %u sectors at %llx failed (status %02x)\n",
              b->d.description, write ? "write" : "read", count,
              (unsigned long long)lba, b->status);
        return ERR_DEVICE;
    }
    return 0;
}

static int virtio_blk_rw(struct drive *d, uint64_t lba, uint32_t count,
                         void *buf, bool write)
{
    struct virtio_drive *b = (struct virtio_drive *)d;
    uint8_t *at = buf;
    int rc = 0;

    while (rc == 0 && count != 0) {
        uint32_t n = count < b->max_count ? count : b->max_count;

        rc = request(b, lba, n, at, write);
        at += n * SECTOR_SIZE;
        lba += n;
        count -= n;
    }
    return rc;
}

const struct drive_ops virtio_blk_ops = {
    .name = "virtio-blk",
    .rank = RANK_VIRTIO_BLK,
    .edd_interface = "SCSI    ",
    .max_count = VIRTIO_BLK_MAX_COUNT,
    .align = 1,
    .rw = virtio_blk_rw,
};
