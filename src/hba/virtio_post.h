/* SPDX-License-Identifier: MIT */
/*
 * Bringing up a virtio PCI device: finding its registers, agreeing on
 * features, giving it a queue.  POST only.
 *
 * Order of calls: virtio_open(), virtio_features(), configuration reads,
 * virtio_queue(), virtio_go().  virtio_fail() after any failure.
 */
#ifndef HW_VIRTIO_POST_H
#define HW_VIRTIO_POST_H

#include "hba/virtio.h"

struct virtio_setup {
    uint8_t *common, *notify, *config;  /* modern: memory-mapped */
    uint32_t notify_len;
    pci_bdf bdf;
    uint8_t notify_cap;                 /* the capability that tells of it */
    uint32_t config_len;
    uint16_t port;                      /* legacy: I/O ports; else 0 */
    bool indirect;                      /* VIRTIO_F_INDIRECT is agreed on */
};

/*
 * Find the register blocks (modern ones are preferred), enable and reset the
 * device.  0, or ERR_ABSENT when neither interface can be reached below
 * 4 GiB, or ERR_TIMEOUT when the reset does not end; the reason is printed,
 * who naming the device.
 */
int virtio_open(struct virtio_setup *s, struct pci_device *d, const char *who);

/*
 * Accept those of the wanted features that are offered.  Returns 0 or
 * ERR_DEVICE; *got are the features agreed on.
 */
int virtio_features(struct virtio_setup *s, uint64_t wanted, uint64_t *got);

/* Read the device's own configuration; 0 beyond its end. */
uint32_t virtio_config32(const struct virtio_setup *s, uint32_t offset);

/*
 * Set up queue number v->queue.
 * 0, ERR_ABSENT, ERR_FORMAT (impossible size), ERR_SPACE.
 */
int virtio_queue(struct virtio_setup *s, struct virtio *v);

/* Done: the device may work.  Or: it may not, leave it reset. */
void virtio_go(const struct virtio_setup *s);
void virtio_fail(const struct virtio_setup *s);

#endif
