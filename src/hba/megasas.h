/* SPDX-License-Identifier: MIT */
/*
 * LSI MegaRAID SAS 1078 and 2108 adapters: SCSI commands to their disks, one
 * frame at a time, answered by polling.
 * Facts: QEMU hw/scsi/mfi.h, FreeBSD sys/dev/mfi/mfireg.h.
 */
#ifndef HW_MEGASAS_H
#define HW_MEGASAS_H

#include "disk/scsi.h"

#define MEGASAS_VENDOR      0x1000u
#define MEGASAS_1078        0x0060u
#define MEGASAS_2108        0x0079u
#define MEGASAS_TARGETS     64u         /* logical drives */

#define MEGASAS_QUEUE       0x40u       /* 32: frame's address */

struct megasas_frame {
    uint8_t command, sense_len;
    volatile uint8_t status;            /* FFh until it is answered */
    uint8_t scsi_status;
    uint8_t target, lun, cdb_len, segments;
    uint64_t context;
    uint16_t flags, timeout;
    uint32_t data_len;
    uint32_t sense_low, sense_high;
    uint8_t cdb[16];
    uint32_t data_low, data_len_1;      /* 32-bit segment */
    uint8_t reserved[8];
};
_Static_assert(sizeof(struct megasas_frame) == 64, "one MFI frame");
#define MEGASAS_LD_SCSI     0x03u
#define MEGASAS_NO_REPLY    (1u << 0)   /* not to the reply queue */
#define MEGASAS_TO_DEVICE   (1u << 3)
#define MEGASAS_TO_HOST     (1u << 4)
#define MEGASAS_GOOD        0x00u
#define MEGASAS_SCSI_ERROR  0x2du       /* scsi_status says which */
#define MEGASAS_PENDING     0xffu

/* QEMU maps a frame with as many segments as there can be. */
#define MEGASAS_MEMORY      4096u
#define MEGASAS_ALIGN       64u

struct megasas {
    struct megasas_frame frame;
    uint16_t port;
    bool dead;
};

/* scsi_drive.host is the structure above. */
extern const struct drive_ops megasas_ops;

#endif
