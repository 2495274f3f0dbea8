/* SPDX-License-Identifier: MIT */
/*
 * AHCI at run time: disks and CDs, one command at a time.  Resident.
 */
#include "hba/ahci.h"

#include <string.h>

#include "hba/ata.h"
#include "lib/io.h"
#include "lib/print.h"

#define FIS_H2D             0x27u
#define FIS_H2D_COMMAND     0x80u
#define LBA28_LIMIT         (1u << 28)
#define COMRESET_US         1000u       /* AHCI 10.4.2 */
#define CDB_LEN             12u

void ahci_issue(uint8_t *port, struct ahci_mem *mem,
                const struct ahci_command *c)
{
    uint8_t *fis = mem->fis;

    fis[0] = FIS_H2D;
    fis[1] = FIS_H2D_COMMAND;
    fis[2] = c->command;
    fis[3] = c->features;
    fis[4] = (uint8_t)c->lba;
    fis[5] = (uint8_t)(c->lba >> 8);
    fis[6] = (uint8_t)(c->lba >> 16);
    fis[7] = c->device;
    fis[8] = (uint8_t)(c->lba >> 24);
    fis[9] = (uint8_t)(c->lba >> 32);
    fis[10] = (uint8_t)(c->lba >> 40);
    fis[12] = (uint8_t)c->count;
    fis[13] = (uint8_t)(c->count >> 8);
    if (c->cdb != NULL)
        memcpy(mem->cdb, c->cdb, CDB_LEN);
    mem->prd.address = (uint32_t)(uintptr_t)c->buf;
    mem->prd.len_minus_1 = c->len - 1;
    mem->slot0.flags = AHCI_HDR_CFL |
        (c->cdb != NULL ? AHCI_HDR_PACKET : 0) |
        (c->write ? AHCI_HDR_WRITE : 0) | AHCI_HDR_PRDTL(c->len != 0);
    mem->slot0.transferred = 0;
    mem->slot0.table = (uint32_t)(uintptr_t)mem->fis;
    barrier();
    ahci_write(port, AHCI_PXIS, ~0u);
    ahci_write(port, AHCI_PXCI, 1);
}

/* Has the command failed, or the device gone?  PxCI may stay set then. */
static bool has_failed(const uint8_t *port)
{
    return (ahci_read(port, AHCI_PXIS) & AHCI_PXIS_ERRORS) ||
        AHCI_SSTS_DET(ahci_read(port, AHCI_PXSSTS)) != AHCI_DET_READY;
}

bool ahci_done(const uint8_t *port)
{
    return !(ahci_read(port, AHCI_PXCI) & 1) || has_failed(port);
}

int ahci_result(const uint8_t *port, const struct ahci_mem *mem)
{
    uint32_t tfd = ahci_read(port, AHCI_PXTFD);

    barrier();
    if (has_failed(port) || (tfd & (ATA_STATUS_ERR | ATA_STATUS_DF)))
        return ERR_DEVICE;
    return (int)(mem->slot0.transferred & INT32_MAX);
}

int ahci_recover(uint8_t *port)
{
    uint32_t cmd = ahci_read(port, AHCI_PXCMD);
    int rc;

    ahci_write(port, AHCI_PXCMD, cmd & ~AHCI_PXCMD_ST);
    rc = poll_bits(port + AHCI_PXCMD, AHCI_PXCMD_CR, 0,
                   AHCI_ENGINE_TIMEOUT_MS);
    if (rc < 0 ||
        (ahci_read(port, AHCI_PXTFD) & (ATA_STATUS_BSY | ATA_STATUS_DRQ))) {
        uint32_t sctl = ahci_read(port, AHCI_PXSCTL) & ~0xfu;

        ahci_write(port, AHCI_PXSCTL, sctl | AHCI_SCTL_COMRESET);
        timer_delay_us(COMRESET_US);
        ahci_write(port, AHCI_PXSCTL, sctl);
        rc = poll_bits(port + AHCI_PXSSTS, 0xf, AHCI_DET_READY,
                       AHCI_ENGINE_TIMEOUT_MS);
        if (rc < 0)
            return rc;
        ahci_write(port, AHCI_PXSERR, ~0u);
        rc = poll_bits(port + AHCI_PXTFD, ATA_STATUS_BSY | ATA_STATUS_DRQ, 0,
                       AHCI_READY_TIMEOUT_MS);
        if (rc < 0)
            return rc;
    }
    ahci_write(port, AHCI_PXSERR, ~0u);
    ahci_write(port, AHCI_PXIS, ~0u);
    ahci_write(port, AHCI_PXCMD, cmd | AHCI_PXCMD_ST);
    return 0;
}

/*
 * The link is awake, the engine runs, and the device takes a command.  All
 * three may be otherwise after a failure, or after a driver that did not tidy
 * up.
 */
static int make_ready(uint8_t *port)
{
    uint32_t cmd = ahci_read(port, AHCI_PXCMD);
    uint32_t link = ahci_read(port, AHCI_PXSSTS);

    if (AHCI_SSTS_DET(link) == AHCI_DET_READY &&
        (link & AHCI_SSTS_IPM) != AHCI_IPM_ACTIVE) {
        ahci_write(port, AHCI_PXCMD, cmd | AHCI_PXCMD_ACTIVE);
        (void)poll_bits(port + AHCI_PXSSTS, AHCI_SSTS_IPM, AHCI_IPM_ACTIVE,
                        AHCI_WAKE_TIMEOUT_MS);  /* if not: the command fails */
    }
    if ((cmd & AHCI_PXCMD_ST) && !(ahci_read(port, AHCI_PXTFD) &
                                   (ATA_STATUS_BSY | ATA_STATUS_DRQ)))
        return 0;
    return ahci_recover(port);
}

static int give_up(struct ahci_drive *a)
{
    debug("%s: does not come back after a reset, drive given up\n",
          a->d.description);
    a->d.dead = true;
    return ERR_TIMEOUT;
}

/* One command from start to end.  The bytes transferred, or an error. */
static int run(struct ahci_drive *a, const struct ahci_command *c)
{
    struct poll p = poll_start(AHCI_DATA_TIMEOUT_MS);
    int rc = 0;

    if (a->d.dead)
        return ERR_TIMEOUT;
    if (make_ready(a->port) < 0)
        return give_up(a);
    ahci_issue(a->port, a->mem, c);
    while (rc == 0 && !ahci_done(a->port))
        if (!poll_again(&p))
            rc = ERR_TIMEOUT;
    if (rc == 0)
        rc = ahci_result(a->port, a->mem);
    else
        debug("%s: no answer within %u s, link reset\n", a->d.description,
              AHCI_DATA_TIMEOUT_MS / 1000);
    if (rc < 0 && ahci_recover(a->port) < 0)
        return give_up(a);
    return rc;
}

static int ahci_rw(struct drive *d, uint64_t lba, uint32_t count, void *buf,
                   bool write)
{
    struct ahci_drive *a = (struct ahci_drive *)d;
    struct ahci_command c = {
        .device = ATA_DEVICE_LBA,
        .count = (uint16_t)count,
        .lba = lba,
        .buf = buf,
        .len = count * SECTOR_SIZE,
        .write = write,
    };
    int rc;

    if (a->lba48) {
        c.command = write ? ATA_CMD_WRITE_DMA_EXT : ATA_CMD_READ_DMA_EXT;
    } else if (lba + count <= LBA28_LIMIT) {
        c.command = write ? ATA_CMD_WRITE_DMA : ATA_CMD_READ_DMA;
        c.device |= (uint8_t)(lba >> 24);
        c.lba &= 0xffffffu;
        c.count &= 0xff;                /* 0 means 256 */
    } else {
        return ERR_PARAM;
    }
    rc = run(a, &c);
    if (rc >= 0 && rc != (int)c.len) {
        debug("%s: only %d of %u bytes were transferred\n", d->description,
              rc, c.len);
        rc = ERR_DEVICE;
    }
    if (rc < 0)
        debug("%s: %s of %u sectors at %llx failed\n", d->description,
              write ? "write" : "read", count, (unsigned long long)lba);
    return rc < 0 ? rc : 0;
}

static int ahci_packet(struct drive *d, const uint8_t cdb[16], void *buf,
                       uint32_t len, bool write)
{
    struct ahci_command c = {
        .command = ATA_CMD_PACKET,
        .features = len != 0 ? ATA_FEATURE_DMA : 0,
        .lba = (uint64_t)(len & 0xfffeu) << 8,  /* byte count, for PIO */
        .cdb = cdb,
        .buf = buf,
        .len = len,
        .write = write,
    };

    return run((struct ahci_drive *)d, &c);
}

const struct drive_ops ahci_disk_ops = {
    .name = "AHCI",
    .rank = RANK_AHCI,
    .edd_interface = "SATA    ",
    .max_count = AHCI_MAX_COUNT,
    .align = 2,
    .rw = ahci_rw,
};

const struct drive_ops ahci_cd_ops = {
    .name = "AHCI",
    .rank = RANK_AHCI,
    .edd_interface = "SATA    ",
    .max_count = AHCI_CD_MAX_COUNT,
    .align = 2,
    .packet = ahci_packet,
};
