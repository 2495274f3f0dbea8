/* SPDX-License-Identifier: MIT */
/*
 * virtio-scsi controllers: disks and CDs on them.  VIRTIO 1.1, 5.6.
 */
#ifndef HW_VIRTIO_SCSI_H
#define HW_VIRTIO_SCSI_H

#include "disk/block.h"
#include "disk/scsi.h"
#include "hba/virtio.h"

#define VIRTIO_ID_SCSI      8u
#define VIRTIO_SCSI_QUEUE   2u          /* after control and event */

/* Configuration, offsets */
#define VIRTIO_SCSI_SENSE_SIZE 20u      /* 32 bits; we write what we assume */
#define VIRTIO_SCSI_CDB_SIZE 24u
#define VIRTIO_SCSI_MAX_TARGET 30u      /* 16 bits */

struct virtio_scsi_request {
    uint8_t lun[8];             /* 1, target, 40h | lun high, lun low */
    uint64_t tag;
    uint8_t attribute, priority, crn;
    uint8_t cdb[32];
} PACKED;
_Static_assert(sizeof(struct virtio_scsi_request) == 51, "5.6.6.1");

struct virtio_scsi_response {
    uint32_t sense_len, residual;
    uint16_t qualifier;
    uint8_t status;             /* SCSI status: 0 good, 2 sense data */
    uint8_t response;           /* 0: the unit has answered */
    uint8_t sense[96];
} PACKED;
_Static_assert(sizeof(struct virtio_scsi_response) == 108, "5.6.6.1");
#define VIRTIO_SCSI_S_BAD_TARGET 3u

#define VIRTIO_SCSI_TIMEOUT_MS 20000u

/* One controller: scsi_drive.host. */
struct virtio_scsi {
    struct virtio v;
    struct virtio_scsi_request request;
    struct virtio_scsi_response response;
    bool dead;
};

extern const struct drive_ops virtio_scsi_ops;

/* POST only. */
void virtio_scsi_start(struct pci_device *pci);
void virtio_scsi_finish(void);

#endif
