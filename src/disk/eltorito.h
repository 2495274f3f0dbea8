/* SPDX-License-Identifier: MIT */
/*
 * Booting from CD: finding the boot image in the catalog, loading it, and the
 * emulation of a floppy or hard disk by a CD image.  Resident (a boot may be
 * tried again by INT 18h).  El Torito Bootable CD-ROM Format 1.0.
 */
#ifndef ELTORITO_H
#define ELTORITO_H

#include "disk/block.h"

enum eltorito_media {
    ELTORITO_NO_EMULATION, ELTORITO_1200K, ELTORITO_1440K, ELTORITO_2880K,
    ELTORITO_HARD_DISK,
};

struct eltorito {
    struct drive *cd;
    uint8_t media;              /* enum eltorito_media */
    uint8_t system_type;        /* of the partition, for hard disk images */
    uint8_t drive;              /* to be passed in DL: CD, 00h or 80h */
    uint16_t load_segment;      /* never 0: the default 07C0h is filled in */
    uint16_t sector_count;      /* 512-byte units to load */
    uint32_t lba;               /* of the image, in CD sectors */
};

/*
 * Find the image to boot on a CD.
 *
 * catalog  receives the boot catalog's sector (2048 bytes), as it was used,
 *          for the measurement
 * Returns 0; ERR_ABSENT: no medium, or not bootable; ERR_FORMAT: the catalog
 * breaks the rules; other errors of drive_read().  The reason is printed.
 */
int eltorito_find(struct drive *cd, struct eltorito *out, void *catalog);

/*
 * Load the image to load_segment:0 and, if it is one for emulation, start
 * the emulation.  Whatever an earlier call had set up is dropped first.
 *
 * *image, *len  what was loaded: measure this, then jump to it
 * Returns 0, ERR_FORMAT when it does not fit below 640 KiB, or an error of
 * drive_read().  The reason is printed.
 */
int eltorito_load(const struct eltorito *e, void **image, uint32_t *len);

/* End an emulation (a boot that came back; INT 13h AX=4B00h). */
void eltorito_stop(void);

/*
 * For INT 13h: the emulated drive if number is its number, else NULL; and the
 * number that is meant by one at or above the emulated drive's.
 */
struct drive *eltorito_emulated(uint8_t number);
uint8_t eltorito_real_number(uint8_t number);

/*
 * Fill the specification packet (4.1) for INT 13h AX=4B0xh.
 * Returns 0, or ERR_ABSENT when drive was not booted from by El Torito.
 */
#define ELTORITO_PACKET_LEN 0x13u
int eltorito_packet(uint8_t drive, uint8_t *packet);

/* ------------------------------------------------------------------------
 * The image as the emulated drive shows it; for the emulation, and for tests,
 * which have no BDA.
 */

/*
 * Its geometry: that of the floppy, or what the end of the first partition
 * shows.  ERR_FORMAT when it shows nothing sensible.
 */
int eltorito_image_geometry(const struct eltorito *e, struct chs *c);

/* Read count sectors of 512 bytes at lba.  0, or an error of drive_read(). */
int eltorito_image_read(const struct eltorito *e, uint64_t lba,
                        uint32_t count, void *buf);

#endif
