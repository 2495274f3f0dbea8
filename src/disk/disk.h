/* SPDX-License-Identifier: MIT */
/*
 * INT 13h: drive numbers and the disk services, with the EDD extensions and
 * the El Torito calls.  Resident.  Sectors are moved by block.h.
 *
 * Ralf Brown's interrupt list (INT 13h); BIOS Enhanced Disk Drive
 * Specification 1.1 and 3.0 (T13 1572D); El Torito 1.0, chapter 4.
 */
#ifndef DISK_H
#define DISK_H

#include "core/regs.h"
#include "disk/block.h"

/*
 * Give a drive its BIOS number: 80h, 81h... for disks, E0h... for CDs, in
 * the order of calls (the boot code calls it in boot order).  Keeps 40:75
 * and the drive parameter tables at INT 41h/46h up to date.  POST only in
 * use, although resident.
 * Returns the number, or ERR_SPACE when the range is full.
 */
int disk_assign(struct drive *d);

/* The drive of that number, or NULL.  An emulation (El Torito) counts. */
struct drive *disk_by_number(uint8_t number);

/* How many numbers below the type's range end have been given away. */
unsigned disk_count(enum drive_type type);

/* The service. */
void handle_13(struct bregs *r);

#endif
