/* SPDX-License-Identifier: MIT */
/*
 * virtio-blk disks.  VIRTIO 1.1, 5.2.
 */
#ifndef HW_VIRTIO_BLK_H
#define HW_VIRTIO_BLK_H

#include "disk/block.h"
#include "hba/virtio.h"

#define VIRTIO_ID_BLOCK     2u

#define VIRTIO_BLK_F_SIZE_MAX (1u << 1)
#define VIRTIO_BLK_F_GEOMETRY (1u << 4)
#define VIRTIO_BLK_F_RO     (1u << 5)
#define VIRTIO_BLK_F_BLK_SIZE (1u << 6)

/* Configuration, offsets */
#define VIRTIO_BLK_CAPACITY 0u          /* 64 bits, in 512-byte sectors */
#define VIRTIO_BLK_SIZE_MAX 8u          /* 32 bits */
#define VIRTIO_BLK_GEOMETRY 16u         /* u16 cylinders, u8 heads, u8 spt */
#define VIRTIO_BLK_BLK_SIZE 20u         /* 32 bits */

#define VIRTIO_BLK_T_IN     0u
#define VIRTIO_BLK_T_OUT    1u
#define VIRTIO_BLK_S_OK     0u

struct virtio_blk_request {
    uint32_t type, reserved;
    uint64_t sector;
};
_Static_assert(sizeof(struct virtio_blk_request) == 16, "VIRTIO 1.1, 5.2.6");

#define VIRTIO_BLK_MAX_COUNT 256u       /* sectors in one request */
#define VIRTIO_BLK_TIMEOUT_MS 20000u

struct virtio_drive {
    struct drive d;             /* first: found from the drive by a cast */
    struct virtio v;
    struct virtio_blk_request request;
    volatile uint8_t status;
    uint16_t max_count;         /* sectors in one data buffer */
};

extern const struct drive_ops virtio_blk_ops;

/* Bring the disk up and register it; at most one line when it fails.  Both
 * POST only.  What is started first is registered first. */
void virtio_blk_start(struct pci_device *pci);
void virtio_blk_finish(void);

#endif
