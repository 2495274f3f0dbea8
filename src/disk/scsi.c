/* SPDX-License-Identifier: MIT */
/*
 * SCSI at run time.  Resident.
 */
#include "disk/scsi.h"

#include <string.h>

#include "lib/print.h"

#define READY_TIMEOUT_MS    10000u
#define NO_UNIT_TRIES       2u
#define LBA_10_LIMIT        (1ull << 32)

int scsi_take_sense(struct scsi_drive *s, const uint8_t cdb[16], void *buf,
                    uint32_t len)
{
    uint32_t n = len < sizeof(s->sense) ? len : sizeof(s->sense);
    bool given = s->have_sense && cdb[0] == SCSI_REQUEST_SENSE;

    s->have_sense = false;
    if (!given)
        return 0;
    memcpy(buf, s->sense, n);
    return (int)n;
}

uint8_t scsi_cdb_len(const uint8_t cdb[16])
{
    static const uint8_t len[8] = { 6, 10, 10, 0, 16, 12, 0, 0 };

    return len[cdb[0] >> 5];
}

int scsi_give_up(struct drive *d, bool *dead)
{
    pci_set16(d->bdf, PCI_COMMAND, PCI_COMMAND_MASTER, 0);
    *dead = true;
    debug("%s: target %u does not answer, or nonsense: controller given up\n",
          d->ops->name, ((struct scsi_drive *)d)->target);
    return ERR_TIMEOUT;
}

int scsi_sense(struct drive *d, uint8_t *key, uint8_t *asc)
{
    uint8_t cdb[16] = { SCSI_REQUEST_SENSE, [4] = SENSE_LEN };
    uint8_t sense[SENSE_LEN] ALIGNED(4);
    int rc;

    memset(sense, 0, sizeof(sense));
    rc = d->ops->packet(d, cdb, sense, sizeof(sense), false);
    if (rc < 0)
        return rc;
    *key = sense[2] & 0xf;
    *asc = sense[12];
    return 0;
}

int scsi_command(struct drive *d, const uint8_t cdb[16], void *buf,
                 uint32_t len, bool write)
{
    struct poll p = poll_start(READY_TIMEOUT_MS);
    unsigned no_unit = 0;

    for (;;) {
        int rc = d->ops->packet(d, cdb, buf, len, write);
        uint8_t key, asc;

        if (rc != ERR_DEVICE)
            return rc;
        if (scsi_sense(d, &key, &asc) < 0)
            return ERR_DEVICE;
        d->read_only |= key == SENSE_DATA_PROTECT;
        if (key == SENSE_NOT_READY && asc == ASC_NO_MEDIUM)
            return ERR_ABSENT;
        /* QEMU gives this as the sense of any unit but 0, whatever it was:
         * most likely a unit attention, which is over now. */
        if (key == SENSE_ILLEGAL_REQUEST && asc == ASC_NO_UNIT &&
            no_unit++ < NO_UNIT_TRIES)
            continue;
        if (key != SENSE_UNIT_ATTENTION &&
            !(key == SENSE_NOT_READY && asc == ASC_BECOMING_READY))
            return ERR_DEVICE;
        if (!poll_again(&p))
            return ERR_TIMEOUT;
    }
}

int scsi_rw(struct drive *d, uint64_t lba, uint32_t count, void *buf,
            bool write)
{
    uint32_t len = count * d->sector_size;
    uint8_t cdb[16] = { 0 };
    int rc;

    if (lba + count <= LBA_10_LIMIT) {
        cdb[0] = write ? SCSI_WRITE_10 : SCSI_READ_10;
        for (unsigned i = 0; i < 4; i++)
            cdb[2 + i] = (uint8_t)(lba >> (24 - 8 * i));
        cdb[7] = (uint8_t)(count >> 8);
        cdb[8] = (uint8_t)count;
    } else {
        cdb[0] = write ? SCSI_WRITE_16 : SCSI_READ_16;
        for (unsigned i = 0; i < 8; i++)
            cdb[2 + i] = (uint8_t)(lba >> (56 - 8 * i));
        for (unsigned i = 0; i < 4; i++)
            cdb[10 + i] = (uint8_t)(count >> (24 - 8 * i));
    }
    rc = scsi_command(d, cdb, buf, len, write);
    if (rc == (int)len)
        return 0;
    debug("%s: %s of %u sectors at %llx failed\n", d->description,
          write ? "write" : "read", count, (unsigned long long)lba);
    return rc < 0 ? rc : ERR_DEVICE;
}
