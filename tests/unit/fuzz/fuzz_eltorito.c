/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: a CD of any bytes.  Its boot record and catalog are searched, and
 * of an emulated drive the geometry is taken and sectors are read.
 */
#include <stdlib.h>
#include <string.h>

#include "disk/block.h"
#include "disk/eltorito.h"
#include "disk/eltorito_format.h"
#include "host.h"

#define DISC_SECTORS    24u
#define CATALOG_LBA     19u

static uint8_t disc[DISC_SECTORS][CD_SECTOR_SIZE];
/* Of core/v86.c: where 40:00 is; nothing here looks. */
uint32_t low_page;
uint8_t *drive_bounce;

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
static void make_disc(const uint8_t *data, size_t size)
{
    uint8_t *c = disc[CATALOG_LBA];
    size_t n = size > 2 ? size - 2 : 0;
    uint16_t sum = 0;

    memset(disc, 0, sizeof(disc));
    memcpy(disc[DESCRIPTOR_LBA], DESCRIPTOR_ID, sizeof(DESCRIPTOR_ID) - 1);
    disc[DESCRIPTOR_LBA][DESCRIPTOR_CATALOG] =
        size && data[0] & 0x80 ? data[0] : CATALOG_LBA;
    c[0] = VALIDATION_ID;
    c[VALIDATION_KEY] = 0x55;
    c[VALIDATION_KEY + 1] = 0xaa;
    if (size > 1)
        c[VALIDATION_PLATFORM] = data[1];
    for (unsigned i = 0; i < ENTRY_LEN; i += 2)
        sum = (uint16_t)(sum + (c[i] | c[i + 1] << 8));
    c[28] = (uint8_t)-sum;
    c[29] = (uint8_t)((uint16_t)-sum >> 8);
    if (n > CD_SECTOR_SIZE - ENTRY_LEN)
        n = CD_SECTOR_SIZE - ENTRY_LEN;
    if (n)
        memcpy(c + ENTRY_LEN, data + 2, n);
    for (unsigned i = CATALOG_LBA + 1; i < DISC_SECTORS; i++)
        memcpy(disc[i], c, CD_SECTOR_SIZE);
}

/* An image that was found: it can be one, and be read as a drive. */
static void use(const struct eltorito *e, uint8_t how, uint8_t *sectors)
{
    struct chs chs;

    if (e->media > ELTORITO_HARD_DISK || e->sector_count == 0 ||
        e->load_segment == 0)
        abort();
    if (e->media == ELTORITO_NO_EMULATION ||
        eltorito_image_geometry(e, &chs) < 0)
        return;
    if (chs.sectors == 0 || chs.heads == 0 || chs.cylinders == 0)
        abort();
    (void)eltorito_image_read(e, how, 1 + (how & 3), sectors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct drive cd = { .description = "CD", .number = 0xe0 };
    uint8_t *catalog = malloc(CD_SECTOR_SIZE);
    uint8_t *sectors = malloc(4 * SECTOR_SIZE);
    struct eltorito e;

    host_reset();
    drive_bounce = malloc(CD_SECTOR_SIZE);
    make_disc(data, size);
    if (eltorito_find(&cd, &e, catalog) == 0)
        use(&e, data[0], sectors);
    free(drive_bounce);
    free(catalog);
    free(sectors);
    return 0;
}
