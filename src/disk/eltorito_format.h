/* SPDX-License-Identifier: MIT */
/*
 * What is written on a CD that can be booted.  El Torito Bootable CD-ROM
 * Format 1.0.
 */
#ifndef ELTORITO_FORMAT_H
#define ELTORITO_FORMAT_H

#include "disk/block.h"

/* Boot record volume descriptor (2.0) */
#define DESCRIPTOR_LBA      17u
#define DESCRIPTOR_CATALOG  0x47u       /* u32: sector of the catalog */
#define DESCRIPTOR_ID       "\0CD001\1EL TORITO SPECIFICATION"

/* Catalog entries (2.1 to 2.5), 32 bytes each */
#define ENTRY_LEN           32u
#define ENTRIES             (CD_SECTOR_SIZE / ENTRY_LEN)
#define VALIDATION_ID       0x01u
#define VALIDATION_PLATFORM 0x01u
#define VALIDATION_KEY      0x1eu       /* 55h AAh */
#define PLATFORM_X86        0x00u
#define ENTRY_BOOTABLE      0x88u
#define ENTRY_MEDIA         0x01u
#define ENTRY_SEGMENT       0x02u
#define ENTRY_SYSTEM        0x04u
#define ENTRY_COUNT         0x06u
#define ENTRY_LBA           0x08u
#define HEADER_MORE         0x90u
#define HEADER_LAST         0x91u
#define HEADER_PLATFORM     0x01u
#define HEADER_COUNT        0x02u
#define EXTENSION_ID        0x44u

/* Master boot record: the first partition's end */
#define MBR_PARTITION       446u
#define PARTITION_SYSTEM    4u
#define PARTITION_END_HEAD  5u
#define PARTITION_END_SECTOR 6u
#define PARTITION_END_CYLINDER 7u

#endif
