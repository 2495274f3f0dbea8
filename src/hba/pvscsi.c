/* SPDX-License-Identifier: MIT */
/*
 * pvscsi at run time: one command.  Resident.
 */
#include "hba/pvscsi.h"

#include <string.h>

#include "lib/io.h"

#define TIMEOUT_MS          20000u
#define REQUEST_MASK        ((1u << PVSCSI_REQUESTS_LOG2) - 1)
#define COMPLETION_MASK     ((1u << PVSCSI_COMPLETIONS_LOG2) - 1)

static int pvscsi_packet(struct drive *d, const uint8_t cdb[16], void *buf,
                         uint32_t len, bool write)
{
    struct scsi_drive *s = (struct scsi_drive *)d;
    struct pvscsi *h = s->host;
    struct poll p = poll_start(TIMEOUT_MS);
    uint32_t at = h->state->completion_tail;
    volatile struct pvscsi_completion *done =
        &h->completions[at & COMPLETION_MASK];
    int rc = scsi_take_sense(s, cdb, buf, len);

    if (rc > 0)
        return rc;
    if (h->dead)
        return ERR_TIMEOUT;
    h->requests[h->state->request_head & REQUEST_MASK] =
        (struct pvscsi_request){
            .context = 1,
            .data = (uintptr_t)buf,
            .data_len = len,
            .sense = (uintptr_t)s->sense,
            .sense_len = sizeof(s->sense),
            .flags = len == 0 ? PVSCSI_NO_DATA
                   : write ? PVSCSI_TO_DEVICE : PVSCSI_TO_HOST,
            .cdb_len = 16,
            .lun = { [1] = (uint8_t)s->lun },
            .tag = PVSCSI_ORDERED,
            .target = s->target,
        };
    memcpy(h->requests[h->state->request_head & REQUEST_MASK].cdb, cdb, 16);
    barrier();
    h->state->request_head++;
    barrier();
    mmio_write32(h->regs + PVSCSI_KICK, 0);
    while (h->state->completion_head == at)
        if (!poll_again(&p))
            return scsi_give_up(d, &h->dead);
    barrier();
    h->state->completion_tail = at + 1;
    if (h->state->completion_head != at + 1)
        return scsi_give_up(d, &h->dead);
    if (done->host_status != PVSCSI_HOST_GOOD &&
        done->host_status != PVSCSI_HOST_SHORT)
        return ERR_ABSENT;
    if (done->scsi_status != SCSI_STATUS_GOOD) {
        s->have_sense = true;
        return ERR_DEVICE;
    }
    /* QEMU does not say how much came, only that it was less. */
    if (done->host_status == PVSCSI_HOST_GOOD || done->data_len == 0)
        return (int)len;
    return done->data_len > len ? ERR_DEVICE : (int)done->data_len;
}

const struct drive_ops pvscsi_ops = {
    .name = "pvscsi",
    .rank = RANK_PVSCSI,
    .edd_interface = "SCSI    ",
    .max_count = 32,            /* CDs: 64 KiB */
    .align = 1,
    .rw = scsi_rw,
    .packet = pvscsi_packet,
};
