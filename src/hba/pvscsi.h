/* SPDX-License-Identifier: MIT */
/*
 * VMware's paravirtual SCSI adapter: a ring of requests, one of completions.
 * Facts: QEMU hw/scsi/vmw_pvscsi.h, Linux drivers/scsi/vmw_pvscsi.h.
 */
#ifndef HW_PVSCSI_H
#define HW_PVSCSI_H

#include "disk/scsi.h"

#define PVSCSI_VENDOR       0x15adu
#define PVSCSI_DEVICE       0x07c0u
#define PVSCSI_TARGETS      64u
#define PVSCSI_PAGE         4096u

/* Registers in BAR 0, 32 bits each */
#define PVSCSI_COMMAND      0x0000u
#define PVSCSI_RESET        1u
#define PVSCSI_SETUP_RINGS  3u
#define PVSCSI_DATA         0x0004u
#define PVSCSI_KICK         0x4018u

struct pvscsi_rings {                   /* data of PVSCSI_SETUP_RINGS */
    uint32_t request_pages, completion_pages;
    uint64_t state_page;                /* addresses / 4096, all of them */
    uint64_t request_page[32], completion_page[32];
};
_Static_assert(sizeof(struct pvscsi_rings) == 528, "PVSCSICmdDescSetupRings");

struct pvscsi_state {
    uint32_t request_head, request_tail, request_log2;
    uint32_t completion_head, completion_tail, completion_log2;
};

struct pvscsi_request {
    uint64_t context, data, data_len, sense;
    uint32_t sense_len, flags;
    uint8_t cdb[16];
    uint8_t cdb_len;
    uint8_t lun[8];
    uint8_t tag, bus, target, cpu;
    uint8_t reserved[59];
} PACKED;
_Static_assert(sizeof(struct pvscsi_request) == 128, "PVSCSIRingReqDesc");
#define PVSCSI_NO_DATA      (1u << 2)
#define PVSCSI_TO_HOST      (1u << 3)
#define PVSCSI_TO_DEVICE    (1u << 4)
#define PVSCSI_ORDERED      0x22u       /* tag: simple queueing */

struct pvscsi_completion {
    uint64_t context, data_len;
    uint32_t sense_len;
    uint16_t host_status, scsi_status;
    uint32_t reserved[2];
};
_Static_assert(sizeof(struct pvscsi_completion) == 32, "PVSCSIRingCmpDesc");
#define PVSCSI_HOST_GOOD    0x00u
#define PVSCSI_HOST_SHORT   0x12u       /* less data than asked for */

/* The rings have a page each, of which the first entries are in use. */
#define PVSCSI_REQUESTS_LOG2 5u
#define PVSCSI_COMPLETIONS_LOG2 7u

struct pvscsi {
    uint8_t *regs;
    volatile struct pvscsi_state *state;
    struct pvscsi_request *requests;
    volatile struct pvscsi_completion *completions;
    bool dead;
};

/* scsi_drive.host is the structure above. */
extern const struct drive_ops pvscsi_ops;

#endif
