/* SPDX-License-Identifier: MIT */
/*
 * disk_access.h.  Resident.
 */
#include "disk/disk_access.h"

#include "core/caller.h"

/* A sector of which not all bytes lie in one piece. */
static int access_torn(struct drive *d, enum access a, uint64_t lba,
                       uint32_t at)
{
    int rc;

    if (a == ACCESS_WRITE)
        return caller_read(drive_bounce, at, d->sector_size) ?
            drive_write(d, lba, 1, drive_bounce) : ERR_PARAM;
    rc = drive_read(d, lba, 1, drive_bounce);
    if (rc == 0 && !caller_write(at, drive_bounce, d->sector_size))
        rc = ERR_PARAM;
    return rc;
}

int access_sectors(struct drive *d, enum access a, uint64_t lba,
                          uint32_t count, uint32_t at)
{
    int rc = 0;

    if (a == ACCESS_VERIFY || count == 0)
        return drive_verify(d, lba, count);
    while (rc == 0 && count != 0) {
        uint32_t len = count * d->sector_size;
        uint8_t *buf = caller_span(at, &len, a == ACCESS_READ);
        uint32_t n = len / d->sector_size;

        if (n == 0)
            rc = access_torn(d, a, lba, at);
        else if (a == ACCESS_READ)
            rc = drive_read(d, lba, n, buf);
        else
            rc = drive_write(d, lba, n, buf);
        n += n == 0;
        at += n * d->sector_size;
        lba += n;
        count -= n;
    }
    return rc;
}
