/* SPDX-License-Identifier: MIT */
/*
 * virtio-scsi at run time: one command.  Resident.
 */
#include "hba/virtio_scsi.h"

#include <string.h>

#include "lib/print.h"

#define LUN_FLAT            0x40u       /* address method of the LUN */

static int virtio_scsi_packet(struct drive *d, const uint8_t cdb[16],
                              void *buf, uint32_t len, bool write)
{
    struct scsi_drive *s = (struct scsi_drive *)d;
    struct virtio_scsi *h = s->host;
    struct virtio_buffer buffers[3];
    unsigned n = 0;
    int rc = scsi_take_sense(s, cdb, buf, len);

    if (rc > 0)
        return rc;
    if (h->dead)
        return ERR_TIMEOUT;
    h->request.lun[0] = 1;      /* the rest of the request stays 0 */
    h->request.lun[1] = s->target;
    h->request.lun[2] = (uint8_t)(LUN_FLAT | s->lun >> 8);
    h->request.lun[3] = (uint8_t)s->lun;
    memcpy(h->request.cdb, cdb, 16);
    h->response.response = h->response.status = 0xff;
    h->response.residual = ~0u;
    buffers[n++] = (struct virtio_buffer){
        &h->request, sizeof(h->request), false,
    };
    if (len != 0 && write)
        buffers[n++] = (struct virtio_buffer){ buf, len, false };
    buffers[n++] = (struct virtio_buffer){
        &h->response, sizeof(h->response), true,
    };
    if (len != 0 && !write)
        buffers[n++] = (struct virtio_buffer){ buf, len, true };
    rc = virtio_run(&h->v, buffers, n, VIRTIO_SCSI_TIMEOUT_MS);
    if (rc < 0)
        return scsi_give_up(d, &h->dead);
    if (h->response.response == VIRTIO_SCSI_S_BAD_TARGET)
        return ERR_ABSENT;
    if (h->response.response != 0)
        return ERR_DEVICE;
    if (h->response.status != SCSI_STATUS_GOOD) {
        memcpy(s->sense, h->response.sense, sizeof(s->sense));
        s->have_sense = true;
        return ERR_DEVICE;
    }
    return h->response.residual > len ? ERR_DEVICE
                                      : (int)(len - h->response.residual);
}

const struct drive_ops virtio_scsi_ops = {
    .name = "virtio-scsi",
    .rank = RANK_VIRTIO_SCSI,
    .edd_interface = "SCSI    ",
    .max_count = 32,            /* CDs: 64 KiB */
    .align = 1,
    .rw = scsi_rw,
    .packet = virtio_scsi_packet,
};
