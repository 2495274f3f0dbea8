/* SPDX-License-Identifier: MIT */
/*
 * IDE controllers: task file, PIO, bus-master DMA, packet commands.
 * ata.c is resident and moves data; ata_post.c finds channels and devices.
 *
 * ATA/ATAPI-7 (volumes 1 and 2), ATA8-ACS; Programming Interface for Bus
 * Master IDE Controller 1.0; PCI IDE Controller Specification 1.0.
 */
#ifndef HW_ATA_H
#define HW_ATA_H

#include "disk/block.h"

/* Command block, offsets from ata_channel.cmd, 8 bits but for the data */
#define ATA_DATA            0u          /* 16 or 32 bits */
#define ATA_ERROR           1u
#define ATA_FEATURES        1u
#define ATA_FEATURE_DMA     (1u << 0)   /* PACKET: data by DMA */
#define ATA_COUNT           2u
#define ATA_LBA_LOW         3u
#define ATA_LBA_MID         4u
#define ATA_LBA_HIGH        5u
#define ATA_DEVICE          6u
#define ATA_DEVICE_BASE     0xa0u       /* bits that were 1 in old devices */
#define ATA_DEVICE_LBA      (1u << 6)
#define ATA_DEVICE_ONE      (1u << 4)
#define ATA_STATUS          7u
#define ATA_STATUS_ERR      (1u << 0)
#define ATA_STATUS_DRQ      (1u << 3)
#define ATA_STATUS_DF       (1u << 5)
#define ATA_STATUS_BSY      (1u << 7)
#define ATA_COMMAND         7u

/* Control block: one register at ata_channel.ctl, 8 bits */
#define ATA_CTL_NIEN        (1u << 1)   /* no interrupts */
#define ATA_CTL_SRST        (1u << 2)

#define ATA_CMD_READ        0x20u
#define ATA_CMD_READ_EXT    0x24u
#define ATA_CMD_READ_DMA_EXT 0x25u
#define ATA_CMD_WRITE       0x30u
#define ATA_CMD_WRITE_EXT   0x34u
#define ATA_CMD_WRITE_DMA_EXT 0x35u
#define ATA_CMD_PACKET      0xa0u
#define ATA_CMD_IDENTIFY_PACKET 0xa1u
#define ATA_CMD_READ_DMA    0xc8u
#define ATA_CMD_WRITE_DMA   0xcau
#define ATA_CMD_IDENTIFY    0xecu

#define ATA_SIGNATURE_ATAPI 0xeb14u     /* LBA high << 8 | LBA mid */

/* Bus master, offsets from ata_channel.bm */
#define BM_COMMAND          0u          /* 8 bits */
#define BM_COMMAND_START    (1u << 0)
#define BM_COMMAND_TO_RAM   (1u << 3)
#define BM_STATUS           2u          /* 8 bits */
#define BM_STATUS_ACTIVE    (1u << 0)
#define BM_STATUS_ERROR     (1u << 1)   /* W1C */
#define BM_STATUS_INTERRUPT (1u << 2)   /* W1C */
#define BM_PRD_TABLE        4u          /* 32 bits */

#define ATA_READY_TIMEOUT_MS 5000u      /* IDENTIFY, and before a command */
#define ATA_DATA_TIMEOUT_MS 20000u      /* a disc or disk that spins up */
#define ATA_MAX_COUNT       128u        /* sectors in one command */
#define ATA_CD_MAX_COUNT    31u         /* 62 KiB: byte count has 16 bits */

/* Physical region descriptor: memory below 4 GiB, within 64 KiB */
struct ata_prd {
    uint32_t address;
    uint16_t len;               /* 0 means 64 KiB */
    uint16_t flags;
} PACKED;
_Static_assert(sizeof(struct ata_prd) == 8, "bus master IDE 1.0, 1.2");
#define ATA_PRD_LAST        (1u << 15)
#define ATA_PRD_COUNT       2u          /* 64 KiB cross one boundary at most */

struct ata_channel {
    struct ata_prd prd[ATA_PRD_COUNT];  /* first: aligned as allocated */
    uint16_t cmd, ctl, bm;      /* I/O ports; bm 0: no DMA */
    pci_bdf bdf;
    uint8_t number;             /* over all controllers, for messages */
    uint8_t channel;            /* on this controller */
    uint8_t irq;
};

struct ata_drive {
    struct drive d;             /* first: found from the drive by a cast */
    struct ata_channel *channel;
    bool lba48;
    bool dma;
};

/* A register image.  The "ext" bytes are the high ones of 48-bit commands. */
struct ata_taskfile {
    uint8_t features, device, command;
    bool ext;
    uint16_t count;
    uint64_t lba;
};

extern const struct drive_ops ata_disk_ops, ata_cd_ops;

/*
 * Poll the status until (status & mask) == want.
 * Returns the status, or ERR_TIMEOUT.
 */
int ata_wait(const struct ata_channel *ch, uint8_t mask, uint8_t want,
             uint32_t timeout_ms);

/* Select the device, write the registers, start the command.  0 or
 * ERR_TIMEOUT when the channel stays busy. */
int ata_command(const struct ata_channel *ch, const struct ata_taskfile *tf);

/*
 * Receive or send len bytes (a multiple of 512) in blocks of 512 as a PIO
 * command has it.  0, ERR_DEVICE or ERR_TIMEOUT.
 */
int ata_pio(const struct ata_channel *ch, void *buf, uint32_t len,
            bool write);

/* Soft reset of both devices on the channel; waits until they are ready. */
int ata_soft_reset(const struct ata_channel *ch);

#endif
