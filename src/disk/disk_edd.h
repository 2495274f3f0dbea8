/* SPDX-License-Identifier: MIT */
/*
 * The tables that describe a drive to real-mode software: the result of
 * INT 13h AH=48h and the drive parameter tables.  Resident; used by disk.c.
 *
 * BIOS Enhanced Disk Drive Specification 1.1, 3.0 (T13 1572D).
 */
#ifndef DISK_EDD_H
#define DISK_EDD_H

#include "disk/block.h"

/*
 * Fill a buffer, whose first word says how large it is, with as much as fits
 * (1Ah, 1Eh or 42h bytes; the first byte has the number).  0, or ERR_PARAM if
 * it is smaller.
 */
#define EDD_PARAMETERS_MAX  0x42u
int edd_parameters(const struct drive *d, uint8_t *buf);

/* Point INT 41h (index 0) or 46h (index 1) to a table describing the disk. */
void edd_parameter_table(const struct drive *d, unsigned index);

#endif
