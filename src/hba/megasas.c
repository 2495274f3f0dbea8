/* SPDX-License-Identifier: MIT */
/*
 * MegaRAID SAS at run time: one command.  Resident.
 */
#include "hba/megasas.h"

#include <string.h>

#include "lib/io.h"

#define TIMEOUT_MS          20000u

static int megasas_packet(struct drive *d, const uint8_t cdb[16], void *buf,
                          uint32_t len, bool write)
{
    struct scsi_drive *s = (struct scsi_drive *)d;
    struct megasas *h = s->host;
    struct poll p = poll_start(TIMEOUT_MS);
    int rc = scsi_take_sense(s, cdb, buf, len);

    if (rc > 0)
        return rc;
    if (h->dead)
        return ERR_TIMEOUT;
    h->frame = (struct megasas_frame){
        .command = MEGASAS_LD_SCSI,
        .sense_len = sizeof(s->sense),
        .status = MEGASAS_PENDING,
        .target = s->target,
        .lun = (uint8_t)s->lun,
        .cdb_len = 16,
        .segments = 1,          /* there must be one, even for no data */
        .flags = (uint16_t)(MEGASAS_NO_REPLY | (len == 0 ? 0 :
                            write ? MEGASAS_TO_DEVICE : MEGASAS_TO_HOST)),
        .data_len = len,
        .sense_low = (uint32_t)(uintptr_t)s->sense,
        .data_low = (uint32_t)(uintptr_t)(len ? buf : h->frame.reserved),
        .data_len_1 = len ? len : sizeof(h->frame.reserved),
    };
    memcpy(h->frame.cdb, cdb, 16);
    barrier();
    outl(h->port + MEGASAS_QUEUE, (uint32_t)(uintptr_t)&h->frame);
    while (h->frame.status == MEGASAS_PENDING)
        if (!poll_again(&p))
            return scsi_give_up(d, &h->dead);
    barrier();
    if (h->frame.status == MEGASAS_GOOD)
        return (int)len;        /* it does not say how much came */
    if (h->frame.status != MEGASAS_SCSI_ERROR)
        return ERR_ABSENT;
    s->have_sense = true;
    return ERR_DEVICE;
}

const struct drive_ops megasas_ops = {
    .name = "megasas",
    .rank = RANK_MEGASAS,
    .edd_interface = "SCSI    ",
    .max_count = 32,            /* CDs: 64 KiB */
    .align = 1,
    .rw = scsi_rw,
    .packet = megasas_packet,
};
