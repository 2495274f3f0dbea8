/* SPDX-License-Identifier: MIT */
/*
 * Where the image and its parts lie in memory.  Used by C, by entry.S and by
 * the linker script, so: numbers only.
 */
#ifndef LAYOUT_H
#define LAYOUT_H

/* What is added to a resident address to get its place in the ROM window. */
#define ROM_OFFSET          0xfff00000

/* Resident data: 32 KiB that stay writable when the BIOS area is locked. */
#define DATA_START          0xe0000
#define DATA_END            0xe8000
#define STACK_SIZE          0x4000      /* grows down from DATA_START + this */
#define STACK_TOP           (DATA_START + STACK_SIZE)
/*
 * Its parts.  The build computes what is used and fails when a limit does not
 * hold: scripts/stackuse, `make stack`.
 */
#define STACK_RESERVE       0x1400      /* for one entry; with less, refused */
#define STACK_CALLEE        0x800       /* left to what call16() calls */
#define STACK_RESUME        (STACK_SIZE / 2)    /* resume.c uses the rest */

/* The least memory that the firmware runs in: POST lies in the third and fourth
 * MiB. */
#define RAM_LEAST           0x400000

/* Where POST-only code and data run; free RAM again after POST. */
#define INIT_START          0x200000
#define TEMP_START          0x300000    /* the temp zone begins here */

/* Global descriptor table */
#define SEL_CODE32          0x08
#define SEL_DATA32          0x10
#define SEL_CODE16          0x18        /* base F0000 */
#define SEL_DATA16          0x20        /* base 0, limit 4 GiB, 16-bit stack */

/* struct bregs: offsets asserted in real.c */
#define BREG_DS             0
#define BREG_ES             2
#define BREG_EDI            4
#define BREG_ESI            8
#define BREG_EBP            12
#define BREG_EBX            16
#define BREG_EDX            20
#define BREG_ECX            24
#define BREG_EAX            28
#define BREG_IP             32
#define BREG_CS             34
#define BREG_FLAGS          36
#define BREG_SIZE           40

#define ENTRY_TAKEN         18      /* bytes of the caller's stack in use */

/* On the resident stack above a struct bregs: who called. */
#define ENTRY_SS            BREG_SIZE           /* 2 bytes */
#define ENTRY_VECTOR        (BREG_SIZE + 2)     /* 2 bytes */
#define ENTRY_ESP           (BREG_SIZE + 4)     /* 4 bytes */
#define ENTRY_A20           (BREG_SIZE + 8)     /* 4 bytes: 1 = was closed */
#define ENTRY_SIZE          (BREG_SIZE + 12)

/* Numbers beyond interrupt vectors for entries that are called far. */
#define ENTRY_FAR           0x100
#define ENTRY_PMM           0x100
#define ENTRY_PNP           0x101

#define FSEG_ZONE_SIZE      0x800      /* tables in F0000-FFFFF */

#endif
