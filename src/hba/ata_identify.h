/* SPDX-License-Identifier: MIT */
/*
 * The IDENTIFY data of ATA and ATAPI devices, and the menu text made of it.
 * POST only; no hardware access.  ATA8-ACS, 7.16 and 7.17.
 */
#ifndef HW_ATA_IDENTIFY_H
#define HW_ATA_IDENTIFY_H

#include "disk/block.h"

#define ATA_IDENTIFY_LEN    512u

struct ata_info {
    char model[41];
    uint8_t version;            /* ATA-n or ATAPI-n; 0 when not given */
    bool lba48;
    bool dma;
    uint64_t sectors;           /* disks only, as the next ones */
    uint16_t sector_size;
    struct chs geometry;
};

/*
 * Read IDENTIFY (disk) or IDENTIFY PACKET (packet) data.
 * Returns 0, or ERR_FORMAT when the device cannot be used: no LBA, no
 * sectors, sectors of another size than 512.  The reason is printed, who
 * being the device: "ata0-0", "AHCI/2".
 */
int ata_identify_parse(const uint16_t *id, bool packet, const char *who,
                       struct ata_info *info);

/*
 * Fill the parts of a drive that follow from the IDENTIFY data: type, size,
 * geometry, description.
 */
void ata_describe(struct drive *d, const struct ata_info *info, bool packet,
                  const char *who);

#endif
