/* SPDX-License-Identifier: MIT */
/*
 * What a SCSI unit is: INQUIRY and capacity.  POST only.
 */
#include "disk/scsi.h"

#include <string.h>

#include "core/alloc.h"
#include "lib/cursor.h"
#include "lib/print.h"

#define LUNS_MAX            64u         /* of one target */

#define INQUIRY_LEN         36u
#define INQUIRY_TYPE        0           /* 7:5 qualifier, 4:0 type */
#define TYPE_DISK           0x00u
#define TYPE_CD             0x05u
#define INQUIRY_REMOVABLE   1           /* bit 7 */
#define INQUIRY_VENDOR      8
#define VENDOR_LEN          8
#define INQUIRY_PRODUCT     16
#define PRODUCT_LEN         16
#define INQUIRY_REVISION    32
#define REVISION_LEN        4

/* Mode pages (SPC-3, 7.4; those of rigid and flexible disks: SCSI-2, 9.3.3) */
#define PAGE_CODE           0x3fu
#define PAGE_HAS_SUBCODE    0x40u
#define PAGE_FORMAT         0x03u       /* 10: sectors of a track */
#define PAGE_RIGID_DISK     0x04u       /* 2: cylinders, 5: heads */
#define PAGE_FLEXIBLE_DISK  0x05u       /* 5: sectors of a track */
#define PAGE_ALL            0x3fu
#define MODE_LEN            192u        /* what sticks are used to be asked */

#define MAX_CYLINDERS       65535u
#define MAX_HEADS           255u
#define MAX_SECTORS         255u
#define DEFAULT_HEADS       16u
#define DEFAULT_SECTORS     63u

enum { INQUIRY, CAPACITY, SENSE, CAPACITY_AGAIN, PAGES };

#define CAPACITY_LEN        8u

const struct scsi_first scsi_first[SCSI_FIRST] = {
    [INQUIRY] = { { SCSI_INQUIRY, [4] = INQUIRY_LEN }, INQUIRY_LEN },
    [CAPACITY] = { { SCSI_READ_CAPACITY_10 }, CAPACITY_LEN },
    [SENSE] = { { SCSI_REQUEST_SENSE, [4] = SENSE_LEN }, SENSE_LEN },
    [CAPACITY_AGAIN] = { { SCSI_READ_CAPACITY_10 }, CAPACITY_LEN },
    /* one command for all pages, since sticks know that one best */
    [PAGES] = { { SCSI_MODE_SENSE_6, [2] = PAGE_ALL, [4] = MODE_LEN },
                MODE_LEN },
};

static int first(struct drive *d, unsigned n, uint8_t *buf)
{
    return scsi_command(d, scsi_first[n].cdb, buf, scsi_first[n].len, false);
}

/* Text of a device: printable, without the blanks at its end. */
static void copy_text(char *out, const uint8_t *in, size_t len)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i++) {
        char c = (char)in[i];

        out[i] = c < ' ' || c > '~' ? ' ' : c;
        if (out[i] != ' ')
            n = i + 1;
    }
    out[n] = '\0';
}

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3];
}

/* Size of a disk; 0 or an error. */
static int read_capacity(struct drive *d)
{
    uint8_t long_cdb[16] = {
        SCSI_SERVICE_IN_16, SCSI_READ_CAPACITY_16, [13] = 32,
    };
    uint8_t cap[32] ALIGNED(4);
    uint32_t size;
    int rc;

    memset(cap, 0, sizeof(cap));
    rc = first(d, CAPACITY, cap);
    if (rc >= 0 && rc < (int)CAPACITY_LEN)
        rc = ERR_FORMAT;
    d->sectors = (uint64_t)be32(cap) + 1;
    size = be32(cap + 4);
    if (rc >= 0 && d->sectors == 1ull << 32) {
        memset(cap, 0, sizeof(cap));
        rc = scsi_command(d, long_cdb, cap, sizeof(cap), false);
        if (rc >= 0 && rc < 12)
            rc = ERR_FORMAT;
        d->sectors = ((uint64_t)be32(cap) << 32 | be32(cap + 4)) + 1;
        size = be32(cap + 8);
    }
    if (rc < 0) {
        print("%s: %s, ignored\n", d->description,
              rc == ERR_ABSENT ? "no medium" : "cannot read its capacity");
        return rc;
    }
    if (size != SECTOR_SIZE || d->sectors == 0) {
        print("%s: sectors of %u bytes cannot be booted from by a BIOS,"
              " disk ignored\n", d->description, size);
        return ERR_FORMAT;
    }
    return 0;
}

/* What the mode pages in an answer say; 0 where they say nothing. */
static void parse_pages(const uint8_t *data, uint32_t len,
                        uint32_t *cylinders, uint32_t *heads,
                        uint32_t *sectors)
{
    struct rd all = rd_from(data, len), pages;
    uint8_t has = rd_u8(&all);          /* more than was asked for, maybe */

    pages = rd_sub(&all, has < all.left ? has : all.left);
    rd_skip(&pages, 2);                 /* type and flags */
    rd_skip(&pages, rd_u8(&pages));     /* block descriptor */
    while (!pages.bad && pages.left != 0) {
        uint8_t code = rd_u8(&pages);
        bool sub = code & PAGE_HAS_SUBCODE;
        struct rd page;

        rd_skip(&pages, sub ? 1 : 0);
        page = rd_sub(&pages, sub ? rd_be16(&pages) : rd_u8(&pages));
        switch (sub ? PAGE_ALL : code & PAGE_CODE) {
        case PAGE_RIGID_DISK:
            *cylinders = (uint32_t)rd_u8(&page) << 16;
            *cylinders |= rd_be16(&page);
            *heads = rd_u8(&page);
            break;
        case PAGE_FORMAT:
            rd_skip(&page, 8);
            *sectors = rd_be16(&page);
            break;
        case PAGE_FLEXIBLE_DISK:
            rd_skip(&page, 3);
            *sectors = rd_u8(&page);
            break;
        }
    }
}

/*
 * The geometry of a disk as it says itself, which is QEMU's secs=, heads= and
 * cyls=.  A disk that does not answer is shown by its size alone, and one that
 * is too large for such numbers is not asked.
 */
static void read_geometry(struct drive *d)
{
    uint8_t data[MODE_LEN] ALIGNED(4);
    uint32_t cylinders = 0, heads = 0, sectors = 0, tracks;
    int rc;

    if (d->sectors > (uint64_t)MAX_CYLINDERS * MAX_HEADS * MAX_SECTORS)
        return;
    memset(data, 0, sizeof(data));
    rc = first(d, PAGES, data);
    if (rc <= 0)
        return;
    parse_pages(data, (uint32_t)rc, &cylinders, &heads, &sectors);
    if (cylinders == 0 || cylinders > MAX_CYLINDERS || heads == 0)
        return;
    /* QEMU makes up a geometry of a disk that was given none.  Like SeaBIOS,
     * believe of it no more than what makes the disk's size. */
    if (heads == DEFAULT_HEADS && sectors == DEFAULT_SECTORS)
        sectors = 0;
    tracks = cylinders * heads;
    if (sectors == 0 && (uint32_t)d->sectors % tracks == 0)
        sectors = (uint32_t)d->sectors / tracks;
    if (sectors == 0 || sectors > MAX_SECTORS)
        return;
    d->physical = (struct chs){
        (uint16_t)cylinders, (uint16_t)heads, (uint16_t)sectors,
    };
}

int scsi_identify(struct drive *d, const char *bus)
{
    uint8_t data[INQUIRY_LEN] ALIGNED(4);
    char vendor[VENDOR_LEN + 1], product[PRODUCT_LEN + 1];
    char revision[REVISION_LEN + 1];
    int rc;

    memset(data, 0xff, sizeof(data));
    d->sector_size = SECTOR_SIZE;
    rc = first(d, INQUIRY, data);
    if (rc < 0) {
        print("%s: no answer to INQUIRY, ignored\n", d->description);
        return rc;
    }
    if (data[INQUIRY_TYPE] != TYPE_DISK && data[INQUIRY_TYPE] != TYPE_CD)
        return ERR_ABSENT;
    copy_text(vendor, data + INQUIRY_VENDOR, VENDOR_LEN);
    copy_text(product, data + INQUIRY_PRODUCT, PRODUCT_LEN);
    copy_text(revision, data + INQUIRY_REVISION, REVISION_LEN);
    d->removable = data[INQUIRY_REMOVABLE] >> 7;
    if (data[INQUIRY_TYPE] == TYPE_CD) {
        d->type = DRIVE_CD;
        d->removable = d->read_only = true;
        d->sector_size = CD_SECTOR_SIZE;
        d->description = drive_text("DVD/CD [%s Drive %s %s %s]", bus,
                                    vendor, product, revision);
        return 0;
    }
    d->type = DRIVE_HDD;
    d->ready = true;
    d->description = drive_text("%s Drive %s %s %s", bus, vendor, product,
                                revision);
    rc = read_capacity(d);
    if (rc == 0)
        read_geometry(d);
    return rc;
}

/* One unit: register it if it is a disk or a CD. */
static void add_unit(const struct scsi_drive *probe, uint16_t lun)
{
    struct scsi_drive *s;

    if (drives_enough(true))
        return;
    s = malloc_high(sizeof(*s), 8);
    if (s == NULL)
        return;                 /* the allocator has said it */
    *s = *probe;
    s->lun = lun;
    s->d.path = drive_text("channel@0/disk@%x,%x", s->target, lun);
    if (scsi_identify(&s->d, s->d.ops->name) == 0)
        drive_register(&s->d);
}

/* The units of a target that exists. */
static void scan_units(struct scsi_drive *probe)
{
    uint8_t cdb[16] = { SCSI_REPORT_LUNS };
    uint8_t list[8 + 8 * LUNS_MAX] ALIGNED(4);
    uint32_t len;
    int rc;

    cdb[8] = (uint8_t)(sizeof(list) >> 8);
    cdb[9] = (uint8_t)sizeof(list);
    memset(list, 0, sizeof(list));
    rc = scsi_command(&probe->d, cdb, list, sizeof(list), false);
    if (rc < 16) {
        add_unit(probe, 0);
        return;
    }
    len = (uint32_t)list[2] << 8 | list[3];     /* bytes, behind the head */
    if (list[0] != 0 || list[1] != 0 || len > (uint32_t)rc - 8)
        len = (uint32_t)rc - 8;
    for (uint32_t i = 8; i + 8 <= 8 + len; i += 8)
        if (list[i] >> 6 <= 1)          /* single level or flat */
            add_unit(probe, (uint16_t)((list[i] & 0x3f) << 8 | list[i + 1]));
}

void scsi_scan(struct scsi_drive *probe, unsigned targets)
{
    static const uint8_t cdb[16] = { SCSI_TEST_UNIT_READY };

    probe->d.description = probe->d.ops->name;
    for (unsigned t = 0; t < targets && !drives_enough(false); t++) {
        int rc;

        probe->target = (uint8_t)t;
        probe->have_sense = false;
        rc = probe->d.ops->packet(&probe->d, cdb, NULL, 0, false);
        if (rc == ERR_TIMEOUT)
            return;
        if (rc != ERR_ABSENT)
            scan_units(probe);
    }
}
