/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: a CD of any bytes.  Its boot record and catalog are searched, and
 * of an emulated drive the geometry is taken and sectors are read.
 */
#include <stdio.h>
#include <stdlib.h>

#include "disk/block.h"
#include "lib/print.h"

#include "../../../src/disk/eltorito.c"

#define DISC_SECTORS    24u
#define CATALOG_LBA     19u

static uint8_t disc[DISC_SECTORS][CD_SECTOR_SIZE];
uint8_t *drive_bounce;

void print(const char *fmt, ...)
{
    char line[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
}

int drive_ready(struct drive *d)
{
    d->ready = true;
    return 0;
}

int drive_read(struct drive *d, uint64_t lba, uint32_t count, void *buf)
{
    (void)d;
    if (lba > DISC_SECTORS || count > DISC_SECTORS - lba)
        return ERR_PARAM;
    memcpy(buf, disc[lba], count * CD_SECTOR_SIZE);
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input: where the catalog is, what kind of image, and the catalog's
 * bytes from its second entry on; sector 20 on is more of the input. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct drive cd = { .description = "CD", .number = 0xe0 };
    uint8_t *catalog = malloc(CD_SECTOR_SIZE), *c = disc[CATALOG_LBA];
    uint8_t *sectors = malloc(4 * SECTOR_SIZE);
    struct eltorito e;
    struct chs chs;
    uint16_t sum = 0;
    size_t n;

    drive_bounce = malloc(CD_SECTOR_SIZE);
    memset(disc, 0, sizeof(disc));
    memcpy(disc[DESCRIPTOR_LBA], descriptor_id, sizeof(descriptor_id) - 1);
    disc[DESCRIPTOR_LBA][DESCRIPTOR_CATALOG] =
        size && data[0] & 0x80 ? data[0] : CATALOG_LBA;
    c[0] = VALIDATION_ID;
    c[VALIDATION_KEY] = 0x55;
    c[VALIDATION_KEY + 1] = 0xaa;
    if (size > 1)
        c[VALIDATION_PLATFORM] = data[1];
    for (unsigned i = 0; i < ENTRY_LEN; i += 2)
        sum = (uint16_t)(sum + le16(c + i));
    c[28] = (uint8_t)-sum;
    c[29] = (uint8_t)((uint16_t)-sum >> 8);
    n = size > 2 ? size - 2 : 0;
    if (n > CD_SECTOR_SIZE - ENTRY_LEN)
        n = CD_SECTOR_SIZE - ENTRY_LEN;
    if (n)
        memcpy(c + ENTRY_LEN, data + 2, n);
    for (unsigned i = CATALOG_LBA + 1; i < DISC_SECTORS; i++)
        memcpy(disc[i], c, CD_SECTOR_SIZE);

    if (eltorito_find(&cd, &e, catalog) == 0) {
        if (e.media > ELTORITO_HARD_DISK || e.sector_count == 0 ||
            e.load_segment == 0)
            abort();
        if (e.media != ELTORITO_NO_EMULATION &&
            image_geometry(&e, &chs) == 0) {
            if (chs.sectors == 0 || chs.heads == 0 || chs.cylinders == 0)
                abort();
            current = e;
            (void)emulated_rw(&cd, data[0], 1 + (data[0] & 3), sectors,
                              false);
        }
    }
    free(drive_bounce);
    free(catalog);
    free(sectors);
    return 0;
}
