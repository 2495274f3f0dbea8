/* SPDX-License-Identifier: MIT */
/*
 * IDE at run time: commands by PIO and by bus-master DMA, ATAPI packets.
 * Resident.  Interrupts stay disabled in the device (nIEN); every wait is a
 * bounded poll of the alternate status register.
 */
#include "hba/ata.h"

#include "lib/io.h"
#include "lib/print.h"

#define RESET_HOLD_US       5u          /* ATA-7 volume 2, SRST */
#define RESET_SETTLE_US     2000u
#define LBA28_LIMIT         (1u << 28)
#define CDB_WORDS           6u

static uint8_t alt_status(const struct ata_channel *ch)
{
    return inb(ch->ctl);
}

int ata_wait(const struct ata_channel *ch, uint8_t mask, uint8_t want,
             uint32_t timeout_ms)
{
    struct poll p = poll_start(timeout_ms);
    uint8_t status;

    while (((status = alt_status(ch)) & mask) != want)
        if (!poll_again(&p))
            return ERR_TIMEOUT;
    return status;
}

int ata_soft_reset(const struct ata_channel *ch)
{
    int rc;

    outb(ch->ctl, ATA_CTL_SRST | ATA_CTL_NIEN);
    timer_delay_us(RESET_HOLD_US);
    outb(ch->ctl, ATA_CTL_NIEN);
    timer_delay_us(RESET_SETTLE_US);
    rc = ata_wait(ch, ATA_STATUS_BSY, 0, ATA_READY_TIMEOUT_MS);
    return rc < 0 ? rc : 0;
}

int ata_command(const struct ata_channel *ch, const struct ata_taskfile *tf)
{
    uint16_t cmd = ch->cmd;
    int rc;

    outb(ch->ctl, ATA_CTL_NIEN);
    rc = ata_wait(ch, ATA_STATUS_BSY | ATA_STATUS_DRQ, 0,
                  ATA_READY_TIMEOUT_MS);
    if (rc < 0)
        return rc;
    outb(cmd + ATA_DEVICE, ATA_DEVICE_BASE | tf->device);
    (void)alt_status(ch);       /* 400 ns until the other device's status */
    rc = ata_wait(ch, ATA_STATUS_BSY | ATA_STATUS_DRQ, 0,
                  ATA_READY_TIMEOUT_MS);
    if (rc < 0)
        return rc;
    if (tf->ext) {
        outb(cmd + ATA_COUNT, (uint8_t)(tf->count >> 8));
        outb(cmd + ATA_LBA_LOW, (uint8_t)(tf->lba >> 24));
        outb(cmd + ATA_LBA_MID, (uint8_t)(tf->lba >> 32));
        outb(cmd + ATA_LBA_HIGH, (uint8_t)(tf->lba >> 40));
    }
    outb(cmd + ATA_FEATURES, tf->features);
    outb(cmd + ATA_COUNT, (uint8_t)tf->count);
    outb(cmd + ATA_LBA_LOW, (uint8_t)tf->lba);
    outb(cmd + ATA_LBA_MID, (uint8_t)(tf->lba >> 8));
    outb(cmd + ATA_LBA_HIGH, (uint8_t)(tf->lba >> 16));
    outb(cmd + ATA_COMMAND, tf->command);
    (void)alt_status(ch);       /* 400 ns until BSY can be believed */
    return 0;
}

/* The end of a command: no error bits, nothing more to transfer. */
static int check_end(const struct ata_channel *ch, uint32_t timeout_ms)
{
    int status = ata_wait(ch, ATA_STATUS_BSY, 0, timeout_ms);

    if (status < 0)
        return status;
    (void)inb(ch->cmd + ATA_STATUS);    /* clears a pending interrupt */
    return status & (ATA_STATUS_ERR | ATA_STATUS_DF | ATA_STATUS_DRQ)
        ? ERR_DEVICE : 0;
}

int ata_pio(const struct ata_channel *ch, void *buf, uint32_t len, bool write)
{
    uint8_t *at = buf;

    for (; len != 0; len -= SECTOR_SIZE, at += SECTOR_SIZE) {
        int status = ata_wait(ch, ATA_STATUS_BSY, 0, ATA_DATA_TIMEOUT_MS);

        if (status < 0)
            return status;
        if ((status & (ATA_STATUS_ERR | ATA_STATUS_DF)) ||
            !(status & ATA_STATUS_DRQ))
            return ERR_DEVICE;
        if (write)
            outsl(ch->cmd + ATA_DATA, at, SECTOR_SIZE / 4);
        else
            insl(ch->cmd + ATA_DATA, at, SECTOR_SIZE / 4);
        (void)alt_status(ch);
    }
    return check_end(ch, ATA_DATA_TIMEOUT_MS);
}

/* ------------------------------------------------------------------------
 * Bus master
 */

/* May this transfer use DMA?  The loader may have switched it off. */
static bool dma_possible(const struct ata_drive *a, const void *buf)
{
    return a->dma && ((uintptr_t)buf & 1) == 0 &&
        (pci_read16(a->channel->bdf, PCI_COMMAND) & PCI_COMMAND_MASTER);
}

/* Describe the buffer (even address and length, up to 64 KiB). */
static void dma_prepare(struct ata_channel *ch, void *buf, uint32_t len,
                        bool write)
{
    uint32_t at = (uint32_t)(uintptr_t)buf;
    uint32_t first = 0x10000u - (at & 0xffffu);
    unsigned n = 0;

    if (first < len) {
        ch->prd[n++] = (struct ata_prd){ at, (uint16_t)first, 0 };
        at += first;
        len -= first;
    }
    ch->prd[n] = (struct ata_prd){ at, (uint16_t)len, ATA_PRD_LAST };
    barrier();
    outl(ch->bm + BM_PRD_TABLE, (uint32_t)(uintptr_t)ch->prd);
    outb(ch->bm + BM_COMMAND, write ? 0 : BM_COMMAND_TO_RAM);
    outb(ch->bm + BM_STATUS, inb(ch->bm + BM_STATUS) | BM_STATUS_ERROR |
         BM_STATUS_INTERRUPT);
}

/* After the command (and the packet) is out: run and wait for the end. */
static int dma_run(const struct ata_channel *ch, bool write)
{
    uint8_t direction = write ? 0 : BM_COMMAND_TO_RAM;
    uint8_t bm_status;
    int status;

    outb(ch->bm + BM_COMMAND, direction | BM_COMMAND_START);
    status = ata_wait(ch, ATA_STATUS_BSY | ATA_STATUS_DRQ, 0,
                      ATA_DATA_TIMEOUT_MS);
    bm_status = inb(ch->bm + BM_STATUS);
    outb(ch->bm + BM_COMMAND, direction);
    outb(ch->bm + BM_STATUS, bm_status);
    if (status < 0)
        return status;
    (void)inb(ch->cmd + ATA_STATUS);
    barrier();
    /* Active: the device ended before the memory was full (or sent). */
    return (status & (ATA_STATUS_ERR | ATA_STATUS_DF)) ||
        (bm_status & (BM_STATUS_ERROR | BM_STATUS_ACTIVE)) ? ERR_DEVICE : 0;
}

/* ------------------------------------------------------------------------
 * Disks
 */

/* A command went wrong: leave the channel usable for the next one. */
static void recover(struct ata_drive *a, int rc)
{
    const struct ata_channel *ch = a->channel;
    uint8_t status = alt_status(ch);

    if (rc == ERR_TIMEOUT)
        debug("%s: no answer within %u s, channel reset\n",
              a->d.description, ATA_DATA_TIMEOUT_MS / 1000);
    else if (!(status & (ATA_STATUS_BSY | ATA_STATUS_DRQ)))
        return;
    if (ata_soft_reset(ch) < 0) {
        debug("%s: stays busy after a reset, drive given up\n",
              a->d.description);
        a->d.dead = true;
    }
}

static uint8_t rw_command(bool ext, bool dma, bool write)
{
    static const uint8_t commands[2][2][2] = {      /* ext, dma, write */
        { { ATA_CMD_READ, ATA_CMD_WRITE },
          { ATA_CMD_READ_DMA, ATA_CMD_WRITE_DMA } },
        { { ATA_CMD_READ_EXT, ATA_CMD_WRITE_EXT },
          { ATA_CMD_READ_DMA_EXT, ATA_CMD_WRITE_DMA_EXT } },
    };

    return commands[ext][dma][write];
}

/* One attempt, by DMA or by PIO. */
static int rw_once(struct ata_drive *a, const struct ata_taskfile *tf,
                   void *buf, bool dma, bool write)
{
    uint32_t len = tf->count * SECTOR_SIZE;
    int rc;

    if (dma)
        dma_prepare(a->channel, buf, len, write);
    rc = ata_command(a->channel, tf);
    if (rc >= 0)
        rc = dma ? dma_run(a->channel, write)
                 : ata_pio(a->channel, buf, len, write);
    if (rc < 0) {
        debug("%s: command %02x for %u sectors at %llx failed (status %02x,"
              " error %02x)\n", a->d.description, tf->command, tf->count,
              (unsigned long long)tf->lba, alt_status(a->channel),
              inb(a->channel->cmd + ATA_ERROR));
        recover(a, rc);
    }
    return rc;
}

static int ata_rw(struct drive *d, uint64_t lba, uint32_t count, void *buf,
                  bool write)
{
    struct ata_drive *a = (struct ata_drive *)d;
    bool dma = dma_possible(a, buf);
    struct ata_taskfile tf = {
        .count = (uint16_t)count,
        .lba = lba,
        .device = ATA_DEVICE_LBA | (d->ata_unit ? ATA_DEVICE_ONE : 0),
    };
    int rc;

    tf.ext = lba + count > LBA28_LIMIT;
    if (tf.ext && !a->lba48)
        return ERR_PARAM;
    if (!tf.ext)
        tf.device |= (uint8_t)(lba >> 24);
    tf.command = rw_command(tf.ext, dma, write);
    rc = rw_once(a, &tf, buf, dma, write);
    if (rc == ERR_TIMEOUT && dma && !d->dead) {
        debug("%s: DMA does not end, PIO from now on\n", d->description);
        a->dma = false;
        tf.command = rw_command(tf.ext, false, write);
        rc = rw_once(a, &tf, buf, false, write);
    }
    return rc;
}

/* ------------------------------------------------------------------------
 * Packets
 */

/* Data of a packet command by PIO.  Returns the bytes received. */
static int packet_pio(const struct ata_channel *ch, uint8_t *buf,
                      uint32_t len)
{
    uint32_t got = 0;

    for (;;) {
        int status = ata_wait(ch, ATA_STATUS_BSY, 0, ATA_DATA_TIMEOUT_MS);
        uint32_t n;

        if (status < 0)
            return status;
        if (status & (ATA_STATUS_ERR | ATA_STATUS_DF))
            return ERR_DEVICE;
        if (!(status & ATA_STATUS_DRQ))
            return (int)got;
        n = inb(ch->cmd + ATA_LBA_MID) | (uint32_t)inb(ch->cmd + ATA_LBA_HIGH)
                                             << 8;
        if (n == 0 || n > len - got || n & 1)
            return ERR_FORMAT;  /* more than asked for; caller resets */
        insw(ch->cmd + ATA_DATA, buf + got, n / 2);
        got += n;
        (void)alt_status(ch);
    }
}

static int ata_packet(struct drive *d, const uint8_t cdb[16], void *buf,
                      uint32_t len, bool write)
{
    struct ata_drive *a = (struct ata_drive *)d;
    struct ata_channel *ch = a->channel;
    bool dma = len >= CD_SECTOR_SIZE && dma_possible(a, buf);
    struct ata_taskfile tf = {
        .command = ATA_CMD_PACKET,
        .features = dma ? ATA_FEATURE_DMA : 0,
        .device = d->ata_unit ? ATA_DEVICE_ONE : 0,
        .lba = (uint64_t)len << 8,      /* the byte count's place */
    };
    int rc;

    if (d->dead)
        return ERR_TIMEOUT;
    if (write)
        return ERR_PARAM;       /* CDs are only read */
    if (dma)
        dma_prepare(ch, buf, len, false);
    rc = ata_command(ch, &tf);
    if (rc >= 0)
        rc = ata_wait(ch, ATA_STATUS_BSY, 0, ATA_READY_TIMEOUT_MS);
    if (rc >= 0 && !(rc & ATA_STATUS_DRQ))
        return ERR_DEVICE;      /* it did not want the packet */
    if (rc >= 0) {
        outsw(ch->cmd + ATA_DATA, cdb, CDB_WORDS);
        (void)alt_status(ch);
        if (dma) {
            rc = dma_run(ch, false);
            if (rc == 0)
                rc = (int)len;
        } else if (len != 0) {
            rc = packet_pio(ch, buf, len);
        } else {
            rc = check_end(ch, ATA_DATA_TIMEOUT_MS);
        }
    }
    if (rc == ERR_FORMAT) {
        debug("%s: sends more than was asked for, channel reset\n",
              d->description);
        rc = ERR_DEVICE;
    }
    if (rc < 0)
        recover(a, rc);
    return rc;
}

static void ata_place(const struct drive *d, struct ide_place *p)
{
    const struct ata_channel *ch = ((const struct ata_drive *)d)->channel;

    *p = (struct ide_place){ ch->cmd, ch->ctl, ch->irq, ch->number };
}

const struct drive_ops ata_disk_ops = {
    .name = "ATA",
    .rank = RANK_ATA,
    .edd_interface = "ATA     ",
    .max_count = ATA_MAX_COUNT,
    .align = 1,
    .ide_place = ata_place,
    .rw = ata_rw,
};

const struct drive_ops ata_cd_ops = {
    .name = "ATAPI",
    .rank = RANK_ATA,
    .edd_interface = "ATAPI   ",
    .max_count = ATA_CD_MAX_COUNT,
    .align = 1,
    .ide_place = ata_place,
    .packet = ata_packet,
};
