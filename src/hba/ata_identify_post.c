/* SPDX-License-Identifier: MIT */
/*
 * IDENTIFY data.  Every word is the device's word only: nothing here follows
 * a length or an index from it.
 */
#include "hba/ata_identify.h"

#include <string.h>

#include "lib/print.h"

/* Words of the IDENTIFY data */
#define ID_CYLINDERS        1
#define ID_HEADS            3
#define ID_SPT              6
#define ID_MODEL            27          /* 20 words, high byte first */
#define ID_MODEL_WORDS      20
#define ID_CAPABILITIES     49
#define ID_CAP_LBA          (1u << 9)
#define ID_CAP_DMA          (1u << 8)
#define ID_SECTORS_28       60          /* 2 words */
#define ID_VERSION          80          /* bit n: ATA/ATAPI-n */
#define ID_COMMANDS         83
#define ID_CMD_VALID_MASK   0xc000u     /* bits 15:14 = 01: word is valid */
#define ID_CMD_VALID        0x4000u
#define ID_CMD_LBA48        (1u << 10)
#define ID_SECTORS_48       100         /* 4 words */
#define ID_SECTOR_SIZE      106
#define ID_SECTOR_LARGE     (1u << 12)  /* logical sector is over 256 words */
#define ID_SECTOR_WORDS     117         /* 2 words */

#define LBA28_LIMIT         (1ull << 28)
#define LBA48_LIMIT         (1ull << 48)
#define MIB_SHIFT           11          /* sectors to MiB */

static void copy_model(char *out, const uint16_t *id)
{
    size_t n = 0;

    for (size_t i = 0; i < ID_MODEL_WORDS * 2; i++) {
        uint16_t w = id[ID_MODEL + i / 2];
        char c = (char)(i % 2 ? w : w >> 8);

        if (c < ' ' || c > '~')
            c = ' ';
        out[i] = c;
        if (c != ' ')
            n = i + 1;
    }
    out[n] = '\0';
}

int ata_identify_parse(const uint16_t *id, bool packet, const char *who,
                       struct ata_info *info)
{
    uint32_t words;

    memset(info, 0, sizeof(*info));
    copy_model(info->model, id);
    for (unsigned v = 14; v != 0 && info->version == 0; v--)
        if (id[ID_VERSION] != 0xffff && (id[ID_VERSION] >> v & 1))
            info->version = (uint8_t)v;
    info->dma = id[ID_CAPABILITIES] & ID_CAP_DMA;
    if (packet)
        return 0;

    if (!(id[ID_CAPABILITIES] & ID_CAP_LBA)) {
        print("%s: a disk without LBA, ignored\n", who);
        return ERR_FORMAT;
    }
    info->lba48 = (id[ID_COMMANDS] & ID_CMD_VALID_MASK) == ID_CMD_VALID &&
                  (id[ID_COMMANDS] & ID_CMD_LBA48);
    info->sectors = (uint32_t)id[ID_SECTORS_28 + 1] << 16 |
                    id[ID_SECTORS_28];
    if (info->lba48)
        info->sectors = (uint64_t)id[ID_SECTORS_48 + 3] << 48 |
                        (uint64_t)id[ID_SECTORS_48 + 2] << 32 |
                        (uint32_t)id[ID_SECTORS_48 + 1] << 16 |
                        id[ID_SECTORS_48];
    if (info->sectors == 0 ||
        info->sectors > (info->lba48 ? LBA48_LIMIT : LBA28_LIMIT)) {
        print("%s: the disk claims an impossible size (%llx sectors),"
              " ignored\n", who, (unsigned long long)info->sectors);
        return ERR_FORMAT;
    }
    info->sector_size = SECTOR_SIZE;
    words = (uint32_t)id[ID_SECTOR_WORDS + 1] << 16 | id[ID_SECTOR_WORDS];
    if ((id[ID_SECTOR_SIZE] & ID_CMD_VALID_MASK) == ID_CMD_VALID &&
        (id[ID_SECTOR_SIZE] & ID_SECTOR_LARGE) && words != SECTOR_SIZE / 2) {
        print("%s: sectors of %u bytes cannot be booted from by a BIOS,"
              " disk ignored\n", who, words * 2);
        return ERR_FORMAT;
    }
    info->geometry = (struct chs){
        id[ID_CYLINDERS], id[ID_HEADS], id[ID_SPT],
    };
    return 0;
}

void ata_describe(struct drive *d, const struct ata_info *info, bool packet,
                  const char *who)
{
    uint64_t size = info->sectors >> MIB_SHIFT;
    char unit = 'M';

    if (packet) {
        d->type = DRIVE_CD;
        d->removable = true;
        d->read_only = true;
        d->sector_size = CD_SECTOR_SIZE;
        d->description = drive_text("DVD/CD [%s: %s ATAPI-%u DVD/CD]", who,
                                    info->model, info->version);
        return;
    }
    if (size >= 1u << 16) {
        size >>= 10;
        unit = 'G';
    }
    d->type = DRIVE_HDD;
    d->ready = true;
    d->sector_size = info->sector_size;
    d->sectors = info->sectors;
    d->physical = info->geometry;
    d->description = drive_text("%s: %s ATA-%u Hard-Disk (%u %ciBytes)", who,
                                info->model, info->version, (uint32_t)size,
                                unit);
}
