/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: SCSI targets that answer anything, to the scan of an adapter and
 * to reads afterwards.
 */
#include "fuzz_input.h"

#include <stdlib.h>

#include "disk/scsi.h"
#include "host.h"

/* Whatever an adapter's packet() may return: see drive_ops. */
static int packet(struct drive *d, const uint8_t cdb[16], void *buf,
                  uint32_t len, bool write)
{
    struct scsi_drive *s = (struct scsi_drive *)d;
    int rc = scsi_take_sense(s, cdb, buf, len);
    uint8_t how = next_byte();
    uint32_t n;

    if (rc > 0)
        return rc;
    if (scsi_cdb_len(cdb) == 0)
        abort();
    if (how >= 0xf0 || input_left() == 0)
        return ERR_ABSENT;
    if (how >= 0xe8)
        return ERR_TIMEOUT;
    if (how >= 0xd0) {
        for (unsigned i = 0; i < sizeof(s->sense); i++)
            s->sense[i] = next_byte();
        s->have_sense = how & 1;
        return ERR_DEVICE;
    }
    n = how & 0x80 ? how & 0x7f : len;
    if (n > len)
        n = len;
    for (uint32_t i = 0; i < n && !write; i++)
        ((uint8_t *)buf)[i] = next_byte();
    return (int)n;
}

static const struct drive_ops ops = {
    .name = "fuzz", .max_count = 4, .align = 1, .rw = scsi_rw,
    .packet = packet,
};

bool poll_again(struct poll *p)
{
    (void)p;
    return input_left() != 0;
}

/* The search for drives may end at any time. */
bool drives_enough(bool one)
{
    (void)one;
    return next_byte() == 0xff;
}

void drive_register(struct drive *d)
{
    uint8_t *sectors;

    if (d->type == DRIVE_CD)
        return;
    if (d->sector_size != SECTOR_SIZE || d->sectors == 0)
        abort();
    sectors = malloc(4 * SECTOR_SIZE);
    (void)d->ops->rw(d, d->sectors - 1, 1, sectors, false);
    (void)d->ops->rw(d, 0, 4, sectors, next_byte() & 1);
    free(sectors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct scsi_drive probe = { .d = { .ops = &ops } };

    input_begin(data, size);
    host_blocks_max = FEW_BLOCKS;
    host_reset();
    scsi_scan(&probe, 8);
    host_reset();
    return 0;
}
