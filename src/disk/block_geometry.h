/* SPDX-License-Identifier: MIT */
/*
 * The cylinders, heads and sectors under which INT 13h AH=02h shows a disk.
 * POST only.
 */
#ifndef BLOCK_GEOMETRY_H
#define BLOCK_GEOMETRY_H

#include "disk/block.h"

/*
 * Set d->logical: from fw_cfg's bios-geometry when it names the disk, else by
 * the translation that QEMU left in CMOS (IDE) or one guessed from the
 * disk's own geometry.  The same as SeaBIOS's, so that partition tables fit.
 */
void geometry_set(struct drive *d);

/* Read " cylinders heads sectors" at a line's first space: the end of it, or
 * NULL when it is not that, or more than INT 13h can express. */
const char *geometry_parse(const char *at, struct chs *c);

/* The rule alone: no hardware, no files. */
enum geometry_translation {         /* as QEMU encodes it in CMOS 39h */
    TRANSLATION_NONE, TRANSLATION_LBA, TRANSLATION_LARGE, TRANSLATION_RECHS,
};
struct chs geometry_translate(struct chs physical, uint64_t sectors,
                              enum geometry_translation t);
enum geometry_translation geometry_guess(struct chs physical);

#endif
