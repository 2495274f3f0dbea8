/* SPDX-License-Identifier: MIT */
/*
 * Measure what a boot sector is about to load, where that is known: the gap
 * behind an MBR, a GPT disk's BIOS boot partition, the active partition's
 * boot record, the rest of a CD's boot image.  All of it is the disk's: any
 * bytes are safe.  In the TPM's overlay.
 *
 * The sector reads its code again by INT 13h: a disk that gives other bytes
 * the second time is not found out (docs/measurements.md).
 *
 * UEFI 2.10, 5.2 and 5.3 (MBR and GPT); GRUB's manual, "BIOS installation";
 * El Torito 1.0, and mkisofs -boot-info-table.
 */
#include "tpm/hooks.h"

#include <string.h>

#include "boot/handover.h"
#include "disk/block.h"
#include "disk/eltorito.h"
#include "fw/e820.h"
#include "lib/cursor.h"
#include "lib/print.h"
#include "measure/tpm.h"

/* Memory that is free before a loader runs. */
#define TABLE_ADDRESS       0x100000u
#define TABLE_MAX           0x20000u    /* of a GPT's table */
#define CODE_ADDRESS        0x140000u
#define CODE_MAX            0x100000u   /* measured of one area of a disk */
#define AREAS_MAX           4u          /* of one disk; real ones have 1 or 2 */
#define CD_CODE_MAX         0x300000u
#define MEMORY_END          (CODE_ADDRESS + CD_CODE_MAX)

#define MBR_ENTRIES         446u
#define MBR_ENTRY_LEN       16u
#define MBR_ACTIVE          0x80u
#define MBR_TYPE_GPT        0xeeu

#define GPT_HEADER_LBA      1u
#define GPT_HEADER_MIN      92u
#define GPT_ENTRY_MIN       128u
#define GPT_LEGACY_BOOT     (1u << 2)

static const char gpt_signature[] = "EFI PART";
/* Type 21686148-6449-6E6F-744E-656564454649 as it is on the disk. */
static const char gpt_bios_boot[] = "Hah!IdontNeedEFI";

/* The event of a disk with more areas; it is what is hashed, too. */
static const char left_out[] = "BOOT CODE NOT MEASURED";

/* A disk being measured, and how many areas of it may still be read. */
struct walk {
    struct drive *d;
    unsigned areas_left;
    bool over;                  /* there were more: said, and measured */
};

static bool wanted(void)
{
    return handover.boot_code && tcg_usable(&tpm) &&
           e820_is_ram(TABLE_ADDRESS, MEMORY_END - TABLE_ADDRESS);
}

/* Read sectors of any drive; says so if that fails. */
static bool read(struct drive *d, uint32_t lba, uint32_t count, uint32_t at,
                 const char *what)
{
    if (drive_read(d, lba, count, (void *)at) == 0)
        return true;
    print("%s: the %s cannot be read, not measured\n", d->description, what);
    return false;
}

static void measure_code(const char *what, const void *at, uint32_t len)
{
    struct tcg_piece piece = { at, len };

    (void)tcg_measure(&tpm, TCG_IPL_OTHER, &piece, 1, 0, what);
}

/* May one more area be read?  If not, the console and PCR 4 say so, once. */
static bool may_read(struct walk *w)
{
    if (w->areas_left) {
        w->areas_left--;
        return true;
    }
    if (!w->over) {
        print("%s: more than %u areas of boot code, the rest is not "
              "measured; is its partition table damaged?\n",
              w->d->description, AREAS_MAX);
        measure_code(left_out, left_out, sizeof(left_out) - 1);
    }
    w->over = true;
    return false;
}

/* An area of a disk up to its last sector that is not all zeros, so that
 * unused space costs no hashing; nothing if there is no such sector. */
static void measure_area(struct walk *w, uint32_t lba, uint32_t sectors,
                         const char *what)
{
    const uint32_t *p = (const uint32_t *)CODE_ADDRESS;
    struct drive *d = w->d;
    uint32_t words;

    if (sectors > CODE_MAX / SECTOR_SIZE)
        sectors = CODE_MAX / SECTOR_SIZE;
    if (lba >= d->sectors || !may_read(w))
        return;
    if (sectors > d->sectors - lba)
        sectors = (uint32_t)d->sectors - lba;
    if (!read(d, lba, sectors, CODE_ADDRESS, what))
        return;
    words = sectors * (SECTOR_SIZE / 4);
    while (words && p[words - 1] == 0)
        words--;
    if (words)
        measure_code(what, p, ALIGN_UP(words * 4, SECTOR_SIZE));
}

static void measure_boot_record(struct walk *w, uint32_t lba)
{
    measure_area(w, lba, 1, "PARTITION BOOT RECORD");
}

/* A block number of 64 bits; 0 for one that no boot sector can name. */
static uint32_t gpt_block(struct rd *r)
{
    uint32_t low = rd_le32(r);

    return rd_le32(r) ? 0 : low;
}

static void measure_gpt_entry(struct walk *w, struct rd *r)
{
    const uint8_t *type = rd_bytes(r, 16);
    uint32_t first, last;

    (void)rd_bytes(r, 16);              /* the partition's own GUID */
    first = gpt_block(r);
    last = gpt_block(r);
    if (first == 0 || last < first)
        return;
    if (memcmp(type, gpt_bios_boot, 16) == 0)
        measure_area(w, first, last - first + 1, "BIOS BOOT PARTITION");
    else if (rd_le32(r) & GPT_LEGACY_BOOT)
        measure_boot_record(w, first);
}

static void measure_gpt(struct walk *w)
{
    struct drive *d = w->d;
    const uint8_t *header = (const uint8_t *)TABLE_ADDRESS;
    uint32_t table = TABLE_ADDRESS + SECTOR_SIZE;
    struct rd r = { .at = header, .left = SECTOR_SIZE };
    struct tcg_piece pieces[2];
    uint32_t len, lba, count, size;

    if (!read(d, GPT_HEADER_LBA, 1, TABLE_ADDRESS, "GPT"))
        return;
    if (memcmp(header, gpt_signature, 8) != 0)
        return;
    (void)rd_bytes(&r, 12);
    len = rd_le32(&r);
    (void)rd_bytes(&r, 56);
    lba = gpt_block(&r);
    count = rd_le32(&r);
    size = rd_le32(&r);
    if (len < GPT_HEADER_MIN || len > SECTOR_SIZE || lba == 0 || count == 0 ||
        size < GPT_ENTRY_MIN || size > TABLE_MAX ||
        count > TABLE_MAX / size) {
        print("%s: the GPT has impossible numbers, not measured\n",
              d->description);
        return;
    }
    if (!read(d, lba, ALIGN_UP(count * size, SECTOR_SIZE) / SECTOR_SIZE,
              table, "GPT"))
        return;
    pieces[0] = (struct tcg_piece){ header, len };
    pieces[1] = (struct tcg_piece){ (const void *)table, count * size };
    (void)tcg_measure(&tpm, TCG_IPL_DATA, pieces, 2, 0, "GPT");
    for (uint32_t i = 0; i < count && !w->over; i++) {
        r = (struct rd){ .at = (const uint8_t *)table + i * size,
                         .left = size };
        measure_gpt_entry(w, &r);
    }
}

void disk_boot_code(struct drive *d, const uint8_t *mbr)
{
    struct walk w = { .d = d, .areas_left = AREAS_MAX };
    uint32_t gap_end = 0, active = 0;
    bool gpt = false;

    if (!wanted() || !d || d->sector_size != SECTOR_SIZE)
        return;
    for (unsigned i = 0; i < 4; i++) {
        struct rd r = { .at = mbr + MBR_ENTRIES + i * MBR_ENTRY_LEN,
                        .left = MBR_ENTRY_LEN };
        uint32_t status = rd_le32(&r) & 0xff;
        uint32_t type = rd_le32(&r) & 0xff;
        uint32_t start = rd_le32(&r);

        if (type == 0 || start == 0)
            continue;
        gpt |= type == MBR_TYPE_GPT;
        if (gap_end == 0 || start < gap_end)
            gap_end = start;
        if (status & MBR_ACTIVE && type != MBR_TYPE_GPT && active == 0)
            active = start;
    }
    if (gpt)
        measure_gpt(&w);
    else if (gap_end > 1)
        measure_area(&w, 1, gap_end - 1, "MBR GAP");
    if (active)
        measure_boot_record(&w, active);
}

void cd_boot_code(const struct eltorito *e, const uint8_t *image,
                          uint32_t len)
{
    static const uint16_t floppy_kib[] = {
        [ELTORITO_1200K] = 1200, [ELTORITO_1440K] = 1440,
        [ELTORITO_2880K] = 2880,
    };
    struct rd r = { .at = image, .left = len };
    uint32_t whole = 0;

    if (!wanted())
        return;
    if (e->media == ELTORITO_NO_EMULATION) {
        /* The boot information table: where the file is, and how long. */
        (void)rd_bytes(&r, 12);
        if (rd_le32(&r) == e->lba)
            whole = rd_le32(&r);
    } else if (e->media <= ELTORITO_2880K) {
        whole = floppy_kib[e->media] * 1024u;
    }
    if (r.bad || whole <= len || whole > CD_CODE_MAX)
        return;
    if (read(e->cd, e->lba, ALIGN_UP(whole, CD_SECTOR_SIZE) / CD_SECTOR_SIZE,
             CODE_ADDRESS, "boot image"))
        measure_code("EL TORITO IMAGE", (const void *)CODE_ADDRESS, whole);
}
