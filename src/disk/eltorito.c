/* SPDX-License-Identifier: MIT */
/*
 * El Torito: the boot catalog, the boot image, and the emulated drive.  The
 * catalog is one sector from a medium nobody vouches for: at most its 64
 * entries are looked at, each once.
 */
#include "disk/eltorito.h"

#include <string.h>

#include "core/bda.h"
#include "disk/eltorito_format.h"
#include "lib/print.h"

#define DEFAULT_SEGMENT     0x07c0u
#define LOAD_LOWEST         0x600u      /* above the vectors and the BDA */
#define UNITS_PER_SECTOR    (CD_SECTOR_SIZE / SECTOR_SIZE)

#define EQUIPMENT_FLOPPY    (1u << 0)
#define EQUIPMENT_SECOND    (1u << 6)

static struct eltorito current;         /* .cd NULL: nothing booted */
static struct drive emulated;           /* .ops NULL: no emulation */
static uint16_t saved_equipment;

static uint16_t le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static uint32_t le32(const uint8_t *p)
{
    return le16(p) | (uint32_t)le16(p + 2) << 16;
}

/* ------------------------------------------------------------------------
 * The catalog
 */

static bool validation_ok(const uint8_t *v)
{
    uint16_t sum = 0;

    for (unsigned i = 0; i < ENTRY_LEN; i += 2)
        sum += le16(v + i);
    return v[0] == VALIDATION_ID && sum == 0 &&
        v[VALIDATION_KEY] == 0x55 && v[VALIDATION_KEY + 1] == 0xaa;
}

/* The first bootable x86 entry: the default one, or one of a section. */
static const uint8_t *choose_entry(const uint8_t *catalog)
{
    bool x86 = catalog[VALIDATION_PLATFORM] == PLATFORM_X86;
    unsigned left = 1;          /* entries to come in this section */
    bool last = false;

    for (unsigned i = 1; i < ENTRIES; i++) {
        const uint8_t *e = catalog + i * ENTRY_LEN;

        if (left == 0) {
            if (last || (e[0] != HEADER_MORE && e[0] != HEADER_LAST))
                return NULL;
            last = e[0] == HEADER_LAST;
            x86 = e[HEADER_PLATFORM] == PLATFORM_X86;
            left = le16(e + HEADER_COUNT);
        } else if (e[0] != EXTENSION_ID) {
            if (x86 && e[0] == ENTRY_BOOTABLE)
                return e;
            left--;
        }
    }
    return NULL;
}

/* Read the catalog's sector into catalog. */
static int read_catalog(struct drive *cd, uint8_t *catalog)
{
    int rc = drive_read(cd, DESCRIPTOR_LBA, 1, catalog);

    if (rc == ERR_PARAM)
        rc = ERR_ABSENT;        /* a medium too short to be bootable */
    if (rc < 0)
        return rc;
    if (memcmp(catalog, DESCRIPTOR_ID, sizeof(DESCRIPTOR_ID) - 1) != 0)
        return ERR_ABSENT;
    rc = drive_read(cd, le32(catalog + DESCRIPTOR_CATALOG), 1, catalog);
    return rc == ERR_PARAM ? ERR_FORMAT : rc;
}

int eltorito_find(struct drive *cd, struct eltorito *out, void *catalog)
{
    const uint8_t *entry;
    const char *problem;
    int rc;

    rc = drive_ready(cd);
    if (rc == 0)
        rc = read_catalog(cd, catalog);
    if (rc == ERR_ABSENT)
        problem = cd->ready ? "not a bootable disc" : "no medium";
    else if (rc == ERR_FORMAT)
        problem = "the boot catalog lies outside the disc";
    else
        problem = "read error";
    if (rc < 0)
        goto fail;

    rc = ERR_FORMAT;
    problem = "the boot catalog's checksum or key is wrong";
    if (!validation_ok(catalog))
        goto fail;
    rc = ERR_ABSENT;
    problem = "the boot catalog has no entry for a PC BIOS";
    entry = choose_entry(catalog);
    if (entry == NULL)
        goto fail;
    rc = ERR_FORMAT;
    problem = "the boot entry is impossible (media type or length)";
    *out = (struct eltorito){
        .cd = cd,
        .media = entry[ENTRY_MEDIA] & 0xf,
        .system_type = entry[ENTRY_SYSTEM],
        .load_segment = le16(entry + ENTRY_SEGMENT),
        .sector_count = le16(entry + ENTRY_COUNT),
        .lba = le32(entry + ENTRY_LBA),
    };
    if (out->media > ELTORITO_HARD_DISK || out->sector_count == 0)
        goto fail;
    if (out->load_segment == 0)
        out->load_segment = DEFAULT_SEGMENT;
    out->drive = out->media == ELTORITO_NO_EMULATION ? cd->number
               : out->media == ELTORITO_HARD_DISK ? 0x80 : 0;
    return 0;

fail:
    print("%s: %s\n", cd->description, problem);
    return rc;
}

/* ------------------------------------------------------------------------
 * The emulated drive
 */

int eltorito_image_read(const struct eltorito *e, uint64_t lba,
                        uint32_t count, void *buf)
{
    uint8_t *at = buf;
    int rc = 0;

    while (rc == 0 && count != 0) {
        uint64_t sector = e->lba + lba / UNITS_PER_SECTOR;
        uint32_t skip = (uint32_t)lba % UNITS_PER_SECTOR;
        uint32_t n;

        if (skip == 0 && count >= UNITS_PER_SECTOR) {
            n = ALIGN_DOWN(count, UNITS_PER_SECTOR);
            rc = drive_read(e->cd, sector, n / UNITS_PER_SECTOR, at);
        } else {
            n = UNITS_PER_SECTOR - skip;
            if (n > count)
                n = count;
            rc = drive_read(e->cd, sector, 1, drive_bounce);
            memcpy(at, drive_bounce + skip * SECTOR_SIZE, n * SECTOR_SIZE);
        }
        at += n * SECTOR_SIZE;
        lba += n;
        count -= n;
    }
    return rc;
}

static int emulated_rw(struct drive *d, uint64_t lba, uint32_t count,
                       void *buf, bool write)
{
    (void)d;
    if (write)
        return ERR_PARAM;       /* not reached: the drive is read-only */
    return eltorito_image_read(&current, lba, count, buf);
}

static const struct drive_ops emulated_ops = {
    .name = "El Torito",
    .edd_interface = "ATAPI   ",
    .max_count = 128,
    .align = 1,
    .rw = emulated_rw,
};

int eltorito_image_geometry(const struct eltorito *e, struct chs *c)
{
    static const uint8_t floppy_sectors[] = {
        [ELTORITO_1200K] = 15, [ELTORITO_1440K] = 18, [ELTORITO_2880K] = 36,
    };
    const uint8_t *p = drive_bounce + MBR_PARTITION;
    int rc;

    if (e->media < ELTORITO_HARD_DISK) {
        *c = (struct chs){ 80, 2, floppy_sectors[e->media] };
        return 0;
    }
    rc = drive_read(e->cd, e->lba, 1, drive_bounce);
    if (rc < 0)
        return rc;
    *c = (struct chs){
        .cylinders = (uint16_t)((p[PARTITION_END_CYLINDER] |
            (p[PARTITION_END_SECTOR] & 0xc0) << 2) + 1),
        .heads = (uint16_t)(p[PARTITION_END_HEAD] + 1),
        .sectors = p[PARTITION_END_SECTOR] & 0x3f,
    };
    return c->sectors != 0 && p[PARTITION_SYSTEM] != 0 ? 0 : ERR_FORMAT;
}

static int start_emulation(const struct eltorito *e)
{
    static const uint8_t cmos_kinds[] = {
        [ELTORITO_1200K] = 2, [ELTORITO_1440K] = 4, [ELTORITO_2880K] = 6,
    };
    struct chs c;
    int rc = eltorito_image_geometry(e, &c);

    if (rc < 0)
        return rc;
    emulated = (struct drive){
        .ops = &emulated_ops,
        .type = e->media == ELTORITO_HARD_DISK ? DRIVE_HDD : DRIVE_FLOPPY,
        .number = e->drive,
        .read_only = true,
        .ready = true,
        .sector_size = SECTOR_SIZE,
        .bdf = e->cd->bdf,
        .sectors = (uint32_t)c.cylinders * c.heads * c.sectors,
        .physical = c,
        .logical = c,
        .description = e->cd->description,
    };
    saved_equipment = bda->equipment;
    if (emulated.type == DRIVE_FLOPPY) {
        emulated.floppy_kind = cmos_kinds[e->media];
        bda->equipment |= bda->equipment & EQUIPMENT_FLOPPY
            ? EQUIPMENT_SECOND : EQUIPMENT_FLOPPY;
    } else {
        bda->disk_count++;
    }
    return 0;
}

void eltorito_stop(void)
{
    if (emulated.ops != NULL) {
        if (emulated.type == DRIVE_FLOPPY)
            bda->equipment = saved_equipment;
        else
            bda->disk_count--;
    }
    emulated.ops = NULL;
    current.cd = NULL;
}

struct drive *eltorito_emulated(uint8_t number)
{
    return emulated.ops != NULL && emulated.number == number ? &emulated
                                                             : NULL;
}

uint8_t eltorito_real_number(uint8_t number)
{
    bool shifted = emulated.ops != NULL && number > emulated.number &&
        (emulated.type == DRIVE_HDD ? number >= 0x80 && number < 0xe0
                                    : number < 0x80);

    return shifted ? number - 1u : number;
}

/* ------------------------------------------------------------------------
 * Loading
 */

int eltorito_load(const struct eltorito *e, void **image, uint32_t *len)
{
    uint32_t sectors = (e->sector_count + UNITS_PER_SECTOR - 1) /
        UNITS_PER_SECTOR;
    uint32_t at = (uint32_t)e->load_segment << 4;
    uint32_t top = (uint32_t)bda->ebda_seg << 4;
    int rc;

    eltorito_stop();
    if (at < LOAD_LOWEST || at > top || sectors * CD_SECTOR_SIZE > top - at) {
        print("%s: the boot image (%u bytes to %05x) does not fit below"
              " %05x\n", e->cd->description, e->sector_count * SECTOR_SIZE,
              at, top);
        return ERR_FORMAT;
    }
    rc = drive_read(e->cd, e->lba, sectors, (void *)(uintptr_t)at);
    if (rc < 0) {
        print("%s: the boot image (%u sectors at %u) cannot be read\n",
              e->cd->description, sectors, e->lba);
        return rc;
    }
    current = *e;
    if (e->media != ELTORITO_NO_EMULATION) {
        rc = start_emulation(e);
        if (rc < 0) {
            print("%s: the boot image's partition table is unusable\n",
                  e->cd->description);
            current.cd = NULL;
            return rc;
        }
    }
    *image = (void *)(uintptr_t)at;
    *len = e->sector_count * SECTOR_SIZE;
    return 0;
}

int eltorito_packet(uint8_t drive, uint8_t *packet)
{
    const struct chs *c = &emulated.logical;
    struct {
        uint8_t size, media, drive, controller;
        uint32_t lba;
        uint16_t device, cache_segment, load_segment, sector_count;
        uint8_t cylinders, sectors, heads;
    } PACKED p;

    _Static_assert(sizeof(p) == ELTORITO_PACKET_LEN, "El Torito 1.0, 4.1");
    if (current.cd == NULL || drive != current.drive)
        return ERR_ABSENT;
    memset(&p, 0, sizeof(p));
    p.size = ELTORITO_PACKET_LEN;
    p.media = current.media;
    p.drive = current.drive;
    p.controller = current.cd->ata_channel;
    p.lba = current.lba;
    p.device = current.cd->ata_unit;
    p.load_segment = current.load_segment;
    p.sector_count = current.sector_count;
    if (emulated.ops != NULL) {
        p.cylinders = (uint8_t)(c->cylinders - 1);
        p.sectors = (uint8_t)(((c->cylinders - 1) >> 2 & 0xc0) | c->sectors);
        p.heads = (uint8_t)(c->heads - 1);
    }
    memcpy(packet, &p, sizeof(p));
    return 0;
}
