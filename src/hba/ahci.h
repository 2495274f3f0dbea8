/* SPDX-License-Identifier: MIT */
/*
 * AHCI (SATA) controllers: registers, the memory of a port, and one command
 * at a time in slot 0.  ahci.c is resident and moves data; ahci_post.c finds
 * ports and devices.
 *
 * Serial ATA AHCI 1.3.1; Serial ATA 3.0, 10.3 (FIS types).
 */
#ifndef HW_AHCI_H
#define HW_AHCI_H

#include "disk/block.h"
#include "lib/io.h"

/* Controller, 32 bits each */
#define AHCI_CAP            0x00u
#define AHCI_CAP_SSS        (1u << 27)  /* staggered spin-up */
#define AHCI_GHC            0x04u
#define AHCI_GHC_HR         (1u << 0)   /* reset; reads 0 when done */
#define AHCI_GHC_AE         (1u << 31)
#define AHCI_PI             0x0cu       /* bit n: port n exists */
#define AHCI_PORTS          32u
#define AHCI_PORT(n)        (0x100u + 0x80u * (n))

/* Port, offsets from its base, 32 bits each */
#define AHCI_PXCLB          0x00u
#define AHCI_PXCLBU         0x04u
#define AHCI_PXFB           0x08u
#define AHCI_PXFBU          0x0cu
#define AHCI_PXIS           0x10u
#define AHCI_PXIS_ERRORS    (1u << 30 | 1u << 29 | 1u << 28 | 1u << 27 |    \
                             1u << 26 | 1u << 24)
#define AHCI_PXCMD          0x18u
#define AHCI_PXCMD_ST       (1u << 0)
#define AHCI_PXCMD_SUD      (1u << 1)
#define AHCI_PXCMD_POD      (1u << 2)
#define AHCI_PXCMD_FRE      (1u << 4)
#define AHCI_PXCMD_FR       (1u << 14)
#define AHCI_PXCMD_CR       (1u << 15)
#define AHCI_PXCMD_ACTIVE   (1u << 28)  /* ICC: the link is to be active */
#define AHCI_PXTFD          0x20u       /* 7:0 ATA status, 15:8 error */
#define AHCI_PXSIG          0x24u
#define AHCI_SIG_ATA        0x00000101u
#define AHCI_SIG_ATAPI      0xeb140101u
#define AHCI_PXSSTS         0x28u
#define AHCI_SSTS_DET(v)    ((v) & 0xfu)
#define AHCI_DET_NONE       0u
#define AHCI_DET_READY      3u          /* device there, link up */
#define AHCI_SSTS_IPM       (0xfu << 8) /* the link's power state */
#define AHCI_IPM_ACTIVE     (1u << 8)
#define AHCI_PXSCTL         0x2cu
#define AHCI_SCTL_COMRESET  0x1u
#define AHCI_SCTL_NO_SLEEP  (3u << 8)   /* neither Partial nor Slumber */
#define AHCI_PXSERR         0x30u       /* W1C */
#define AHCI_PXCI           0x38u

/* Command header */
struct ahci_header {
    uint32_t flags;
    volatile uint32_t transferred;      /* PRDBC: bytes */
    uint32_t table, table_high;
    uint32_t reserved[4];
} PACKED;
_Static_assert(sizeof(struct ahci_header) == 32, "AHCI 4.2.2");
#define AHCI_HDR_CFL        5u          /* length of the command FIS, dwords */
#define AHCI_HDR_PACKET     (1u << 5)
#define AHCI_HDR_WRITE      (1u << 6)
#define AHCI_HDR_PRDTL(n)   ((uint32_t)(n) << 16)

struct ahci_prd {
    uint32_t address, address_high, reserved;
    uint32_t len_minus_1;       /* 21:0; odd, so even lengths only */
} PACKED;

/* What a port needs in memory.  Only slot 0 is ever used, so the rest of the
 * 1 KiB command list holds other things. */
struct ahci_mem {
    struct ahci_header slot0;
    uint8_t reserved[0x100 - sizeof(struct ahci_header)];
    uint8_t received[0x100];    /* FISes from the device */
    uint8_t fis[0x40];          /* command table: FIS to the device... */
    uint8_t cdb[0x40];          /* ...SCSI command... */
    struct ahci_prd prd;        /* ...and one region, up to 4 MiB */
} PACKED;
#define AHCI_MEM_ALIGN      0x400u
_Static_assert(offsetof(struct ahci_mem, received) % 0x100 == 0, "PxFB");
_Static_assert(offsetof(struct ahci_mem, fis) % 0x80 == 0, "CTBA");
_Static_assert(offsetof(struct ahci_mem, prd) ==
               offsetof(struct ahci_mem, fis) + 0x80, "AHCI 4.2.3");

#define AHCI_MAX_COUNT      256u        /* sectors in one command */
#define AHCI_CD_MAX_COUNT   32u
#define AHCI_READY_TIMEOUT_MS 5000u
#define AHCI_DATA_TIMEOUT_MS 20000u
#define AHCI_ENGINE_TIMEOUT_MS 500u     /* 10.3.1: ST and FRE going off */
#define AHCI_WAKE_TIMEOUT_MS 20u        /* 8.3.1.2: Slumber ends in 10 ms */

struct ahci_drive {
    struct drive d;             /* first: found from the drive by a cast */
    uint8_t *port;              /* registers */
    struct ahci_mem *mem;
    bool lba48;
};

/* A command; unnamed registers are 0. */
struct ahci_command {
    uint8_t command, features, device;
    uint16_t count;
    uint64_t lba;
    const uint8_t *cdb;         /* 12 bytes; NULL: no packet */
    void *buf;                  /* even address */
    uint32_t len;               /* even, up to 4 MiB */
    bool write;
};

extern const struct drive_ops ahci_disk_ops, ahci_cd_ops;

static inline uint32_t ahci_read(const uint8_t *base, uint32_t reg)
{
    return mmio_read32(base + reg);
}

static inline void ahci_write(uint8_t *base, uint32_t reg, uint32_t v)
{
    mmio_write32(base + reg, v);
}

/* Put a command into slot 0 and set it off. */
void ahci_issue(uint8_t *port, struct ahci_mem *mem,
                const struct ahci_command *c);

/* Is it over, well or badly? */
bool ahci_done(const uint8_t *port);

/* How did it end: the bytes transferred, or ERR_DEVICE. */
int ahci_result(const uint8_t *port, const struct ahci_mem *mem);

/* Stop, clean and start the port's engine after a failure; resets the link
 * when the device is stuck.  0 or ERR_TIMEOUT. */
int ahci_recover(uint8_t *port);

#endif
