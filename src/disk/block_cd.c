/* SPDX-License-Identifier: MIT */
/*
 * CD drives: is there a medium, how large is it, read it, eject it.
 * Specifications: SPC-3 (sense data, TEST UNIT READY), MMC-4.
 */
#include "disk/block_cd.h"

#include <string.h>

#include "disk/scsi.h"
#include "lib/print.h"

#define CD_READY_TIMEOUT_MS     10000u  /* a tray that closes, a disc that
                                           spins up */
#define CD_READ_TRIES           3u

/*
 * A command has failed: find out why.
 * Returns 0 when it may be sent again, or the error to give to the caller.
 */
static int cd_diagnose(struct drive *d)
{
    uint8_t key, asc;
    int rc = scsi_sense(d, &key, &asc);

    if (rc < 0)
        return rc;
    if (key == SENSE_NOT_READY || key == SENSE_UNIT_ATTENTION) {
        d->ready = false;
        d->changed = true;
    }
    if (key == SENSE_NOT_READY && asc == ASC_NO_MEDIUM)
        return ERR_ABSENT;
    return 0;
}

static int cd_read_capacity(struct drive *d)
{
    uint8_t cdb[16] = { SCSI_READ_CAPACITY_10 };
    uint8_t cap[8] ALIGNED(4);
    uint32_t size;
    int rc;

    memset(cap, 0, sizeof(cap));
    rc = d->ops->packet(d, cdb, cap, sizeof(cap), false);
    if (rc < 0)
        return rc;
    size = (uint32_t)cap[4] << 24 | cap[5] << 16 | cap[6] << 8 | cap[7];
    if (rc != sizeof(cap) || size != CD_SECTOR_SIZE) {
        debug("%s: sectors of %u bytes, not 2048: medium not used\n",
              d->description, size);
        return ERR_FORMAT;
    }
    d->sectors = (uint64_t)((uint32_t)cap[0] << 24 | cap[1] << 16 |
                            cap[2] << 8 | cap[3]) + 1;
    return 0;
}

int cd_ready(struct drive *d)
{
    static const uint8_t cdb[16] = { SCSI_TEST_UNIT_READY };
    struct poll p = poll_start(CD_READY_TIMEOUT_MS);
    int rc;

    d->ready = false;
    for (;;) {
        rc = d->ops->packet(d, cdb, NULL, 0, false);
        if (rc >= 0)
            rc = cd_read_capacity(d);
        if (rc >= 0)
            break;
        if (rc != ERR_DEVICE)
            return rc;
        rc = cd_diagnose(d);
        if (rc < 0)
            return rc;
        if (!poll_again(&p))
            return ERR_TIMEOUT;
    }
    d->ready = true;
    return 0;
}

int cd_read(struct drive *d, uint32_t lba, uint32_t count, void *buf)
{
    uint8_t cdb[16] = {
        SCSI_READ_10,
        [2] = (uint8_t)(lba >> 24), [3] = (uint8_t)(lba >> 16),
        [4] = (uint8_t)(lba >> 8), [5] = (uint8_t)lba,
        [7] = (uint8_t)(count >> 8), [8] = (uint8_t)count,
    };
    uint32_t len = count * CD_SECTOR_SIZE;
    int rc = ERR_DEVICE;

    for (unsigned tries = 0; tries < CD_READ_TRIES; tries++) {
        rc = d->ops->packet(d, cdb, buf, len, false);
        if (rc == (int)len)
            return 0;
        if (rc >= 0) {
            debug("%s: %d of %u bytes came, read failed\n", d->description,
                  rc, len);
            return ERR_DEVICE;
        }
        if (rc != ERR_DEVICE)
            return rc;
        rc = cd_diagnose(d);
        if (rc == 0 && !d->ready) {
            rc = cd_ready(d);
            if (rc == 0 && d->sectors < (uint64_t)lba + count)
                return ERR_PARAM;       /* another, smaller medium */
        }
        if (rc < 0)
            return rc;
    }
    debug("%s: sector %u cannot be read\n", d->description, lba);
    return ERR_DEVICE;
}

int cd_eject(struct drive *d)
{
    static const uint8_t cdb[16] = {
        SCSI_START_STOP_UNIT, [4] = START_STOP_EJECT,
    };
    int rc = d->ops->packet(d, cdb, NULL, 0, false);

    d->ready = false;
    d->changed = true;
    return rc < 0 ? rc : 0;
}
