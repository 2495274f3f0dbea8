/* SPDX-License-Identifier: MIT */
/*
 * The floppy controller at port 3F0h, by DMA, one sector at a time, and by
 * polling.  floppy.c is resident and moves sectors; floppy_post.c
 * registers the drives that CMOS names, without touching the hardware.
 *
 * Intel 82077AA and 8237A data sheets.
 */
#ifndef HW_FLOPPY_H
#define HW_FLOPPY_H

#include "disk/block.h"

/* 8 bits each */
#define FDC_DOR             0x3f2u
#define FDC_DOR_RUN         (1u << 2)   /* 0: reset */
#define FDC_DOR_DMA         (1u << 3)   /* and interrupts */
#define FDC_DOR_MOTOR(n)    (0x10u << (n))
#define FDC_MSR             0x3f4u
#define FDC_MSR_TO_HOST     (1u << 6)
#define FDC_MSR_REQUEST     (1u << 7)
#define FDC_DATA            0x3f5u
#define FDC_CCR             0x3f7u      /* rate: 500, 300, 250, 1000 kbit/s */
#define FDC_CCR_RATES       4u

#define FDC_CMD_SPECIFY     0x03u
#define FDC_CMD_WRITE       0x45u       /* MFM, one head */
#define FDC_CMD_READ        0x46u
#define FDC_CMD_RECALIBRATE 0x07u
#define FDC_CMD_SENSE       0x08u
#define FDC_CMD_SEEK        0x0fu
#define FDC_SPECIFY_1       0xafu       /* step rate, head unload */
#define FDC_SPECIFY_2       0x02u       /* head load; bit 0: no DMA */
#define FDC_SECTOR_512      2u
#define FDC_GAP             0x1bu
#define FDC_ST0_FAILED      0xc0u
#define FDC_ST0_SEEK_END    0x20u
#define FDC_ST1_NO_MARK     0x01u       /* of a sector */

#define FLOPPY_DRIVES       2u
#define FLOPPY_TIMEOUT_MS   3000u       /* spin-up, seek, a turn or two */

/* ops of floppy drives; drive.ata_unit is 0 or 1 */
extern const struct drive_ops floppy_ops;

/* A sector in low memory, that DMA reaches and that crosses no 64 KiB. */
extern uint8_t *floppy_buffer;

/* Register what CMOS names.  POST only. */
void floppy_setup(void);

#endif
