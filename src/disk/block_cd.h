/* SPDX-License-Identifier: MIT */
/*
 * CD drives: the SCSI commands, over whatever transport the controller's
 * packet() is.  Resident; used by block.c only.
 *
 * SCSI Primary Commands (SPC-3) and Multi-Media Commands (MMC-4).
 */
#ifndef BLOCK_CD_H
#define BLOCK_CD_H

#include "disk/block.h"

/* As drive_ready(): sets d->sectors and d->ready. */
int cd_ready(struct drive *d);

/* Read; the range was checked against d->sectors. */
int cd_read(struct drive *d, uint32_t lba, uint32_t count, void *buf);

int cd_eject(struct drive *d);

#endif
