/* SPDX-License-Identifier: MIT */
/*
 * Virtio over PCI, as little as a BIOS needs: one queue, one request at a
 * time, no interrupts.  virtio.c is resident and runs requests; virtio_post.c
 * brings the device up.
 *
 * Virtual I/O Device (VIRTIO) 1.1: 2.6 (split virtqueues), 4.1 (PCI), 4.1.4.8
 * (legacy interface).
 */
#ifndef HW_VIRTIO_H
#define HW_VIRTIO_H

#include "hw/pci.h"
#include "lib/compiler.h"

#define VIRTIO_DEVICE_MODERN(type) (0x1040u + (type))

/* Device status */
#define VIRTIO_ACKNOWLEDGE  1u
#define VIRTIO_DRIVER       2u
#define VIRTIO_DRIVER_OK    4u
#define VIRTIO_FEATURES_OK  8u
#define VIRTIO_FAILED       128u

/* Feature bits of every device */
#define VIRTIO_F_INDIRECT   (1ull << 28)
#define VIRTIO_F_VERSION_1  (1ull << 32)
#define VIRTIO_F_ACCESS_PLATFORM (1ull << 33)

/* Split virtqueue, little-endian */
struct virtq_desc {
    uint64_t address;
    uint32_t len;
    uint16_t flags;
    uint16_t next;
};
_Static_assert(sizeof(struct virtq_desc) == 16, "VIRTIO 1.1, 2.6.5");
#define VIRTQ_DESC_NEXT     1u
#define VIRTQ_DESC_WRITE    2u          /* the device writes */
#define VIRTQ_DESC_INDIRECT 4u          /* a table of descriptors */

struct virtq_avail { uint16_t flags, idx, ring[]; };
#define VIRTQ_AVAIL_NO_INTERRUPT 1u
struct virtq_used_elem { uint32_t id, len; };
struct virtq_used {
    uint16_t flags, idx;
    struct virtq_used_elem ring[];
};

#define VIRTQ_MAX_SIZE      1024u       /* legacy devices dictate theirs */
#define VIRTQ_OUR_SIZE      4u          /* modern ones take this, if not less */
#define VIRTQ_LEGACY_ALIGN  4096u

/* A device that runs; small, lies in the high zone. */
struct virtio {
    struct virtq_desc *desc;
    struct virtq_desc *table;   /* for a queue of less than 4; else NULL */
    volatile struct virtq_avail *avail;
    volatile struct virtq_used *used;
    volatile uint16_t *notify;  /* modern; NULL: legacy */
    uint16_t notify_port;       /* legacy */
    uint16_t queue;             /* its number */
    uint16_t size;              /* of the queue, a power of two */
    uint16_t last_used;
};

struct virtio_buffer { void *at; uint32_t len; bool device_writes; };

/*
 * Run one request made of count buffers (1..4) and wait for its end.
 * Returns 0; ERR_TIMEOUT; ERR_FORMAT when the device put nonsense into the
 * used ring.  After an error the device may still use the buffers: it must
 * be reset before anything else.
 */
int virtio_run(struct virtio *v, const struct virtio_buffer *buffers,
               unsigned count, uint32_t timeout_ms);

#endif
