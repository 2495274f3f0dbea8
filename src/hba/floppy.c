/* SPDX-License-Identifier: MIT */
/*
 * Floppy disks at run time.  Resident.
 */
#include "hba/floppy.h"

#include <string.h>

#include "lib/io.h"
#include "lib/print.h"

/* Intel 8237A, 8-bit channels; page register of channel 2 */
#define DMA_CHANNEL         2u
#define DMA_ADDRESS         0x04u
#define DMA_COUNT           0x05u
#define DMA_MASK            0x0au
#define DMA_MASK_SET        (1u << 2)
#define DMA_MODE            0x0bu
#define DMA_MODE_TO_RAM     0x44u       /* single transfers */
#define DMA_MODE_FROM_RAM   0x48u
#define DMA_FLIP_FLOP       0x0cu
#define DMA_PAGE            0x81u
#define DMA2_MASK           0xd4u       /* the controller behind which */
#define DMA2_MODE           0xd6u       /* that one is cascaded */
#define DMA2_CASCADE        0xc0u

#define RESULT_LEN          7u
#define RESET_SENSES        4u          /* one for each drive */

uint8_t *floppy_buffer;
static bool running;        /* reset and told its times since POST */
static uint8_t rates[FLOPPY_DRIVES];    /* of the media, as last seen */

/* Wait for the controller to ask for a byte in that direction. */
static int wait_request(uint8_t direction)
{
    struct poll p = poll_start(FLOPPY_TIMEOUT_MS);

    while ((inb(FDC_MSR) & (FDC_MSR_REQUEST | FDC_MSR_TO_HOST)) !=
           (FDC_MSR_REQUEST | direction))
        if (!poll_again(&p))
            return ERR_TIMEOUT;
    return 0;
}

static int send(const uint8_t *bytes, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        int rc = wait_request(0);

        if (rc < 0)
            return rc;
        outb(FDC_DATA, bytes[i]);
    }
    return 0;
}

static int receive(uint8_t *bytes, unsigned len)
{
    for (unsigned i = 0; i < len; i++) {
        int rc = wait_request(FDC_MSR_TO_HOST);

        if (rc < 0)
            return rc;
        bytes[i] = inb(FDC_DATA);
    }
    return 0;
}

/* What became of a reset or a seek: status 0 and the cylinder. */
static int sense(uint8_t result[2])
{
    static const uint8_t cmd = FDC_CMD_SENSE;
    int rc = send(&cmd, 1);

    /* "Invalid command", nothing having happened, is one byte only. */
    if (rc == 0)
        rc = receive(result, 1);
    if (rc == 0 && result[0] != 0x80)
        rc = receive(result + 1, 1);
    return rc;
}

/* A seek or recalibration is under way: wait until it is over. */
static int wait_seek(void)
{
    struct poll p = poll_start(FLOPPY_TIMEOUT_MS);
    uint8_t result[2];

    do {
        int rc = sense(result);

        if (rc < 0)
            return rc;
        if (result[0] & FDC_ST0_SEEK_END)
            return result[0] & FDC_ST0_FAILED ? ERR_DEVICE : 0;
    } while (poll_again(&p));
    return ERR_TIMEOUT;
}

static int start_controller(const struct drive *d)
{
    static const uint8_t specify[] = {
        FDC_CMD_SPECIFY, FDC_SPECIFY_1, FDC_SPECIFY_2,
    };
    uint8_t recalibrate[] = { FDC_CMD_RECALIBRATE, d->ata_unit };
    uint8_t result[2];
    int rc;

    outb(DMA2_MODE, DMA2_CASCADE);
    outb(DMA2_MASK, 0);
    outb(FDC_DOR, 0);
    outb(FDC_DOR, FDC_DOR_RUN | FDC_DOR_DMA | FDC_DOR_MOTOR(d->ata_unit) |
         d->ata_unit);
    for (unsigned i = 0; i < RESET_SENSES; i++) {
        rc = sense(result);
        if (rc < 0)
            return rc;
    }
    rc = send(specify, sizeof(specify));
    if (rc == 0)
        rc = send(recalibrate, sizeof(recalibrate));
    return rc < 0 ? rc : wait_seek();
}

/* Let DMA channel 2 move the buffer's one sector (Intel 8237A). */
static void start_dma(bool write)
{
    uint32_t at = (uint32_t)(uintptr_t)floppy_buffer;
    uint32_t last = SECTOR_SIZE - 1;

    outb(DMA_MASK, DMA_MASK_SET | DMA_CHANNEL);
    outb(DMA_FLIP_FLOP, 0);
    outb(DMA_ADDRESS, (uint8_t)at);
    outb(DMA_ADDRESS, (uint8_t)(at >> 8));
    outb(DMA_PAGE, (uint8_t)(at >> 16));
    outb(DMA_COUNT, (uint8_t)last);
    outb(DMA_COUNT, (uint8_t)(last >> 8));
    outb(DMA_MODE, (write ? DMA_MODE_FROM_RAM : DMA_MODE_TO_RAM) |
         DMA_CHANNEL);
    outb(DMA_MASK, DMA_CHANNEL);
}

/* One sector, to or from the buffer.  ERR_FORMAT: nothing can be made out at
 * this rate. */
static int move_sector(const struct drive *d, uint8_t cylinder, uint8_t head,
                       uint8_t sector, bool write)
{
    uint8_t unit = (uint8_t)(head << 2 | d->ata_unit);
    uint8_t seek[] = { FDC_CMD_SEEK, unit, cylinder };
    uint8_t cmd[] = {
        write ? FDC_CMD_WRITE : FDC_CMD_READ, unit, cylinder, head, sector,
        FDC_SECTOR_512, sector, FDC_GAP, 0xff,
    };
    uint8_t result[RESULT_LEN];
    int rc;

    outb(FDC_DOR, FDC_DOR_RUN | FDC_DOR_DMA | FDC_DOR_MOTOR(d->ata_unit) |
         d->ata_unit);
    outb(FDC_CCR, rates[d->ata_unit]);
    rc = send(seek, sizeof(seek));
    if (rc == 0)
        rc = wait_seek();
    start_dma(write);
    if (rc == 0)
        rc = send(cmd, sizeof(cmd));
    if (rc == 0)
        rc = receive(result, sizeof(result));
    outb(DMA_MASK, DMA_MASK_SET | DMA_CHANNEL);
    if (rc < 0)
        return rc;
    if ((result[0] & FDC_ST0_FAILED) == 0)
        return 0;
    debug("%s: status %02x %02x %02x at %u/%u/%u\n", d->description,
          result[0], result[1], result[2], cylinder, head, sector);
    return result[1] & FDC_ST1_NO_MARK ? ERR_FORMAT : ERR_DEVICE;
}

/*
 * The drive's type says which rates it can do, not which one the medium was
 * written with: when there is nothing to be read, try the next.
 */
static int move_at_some_rate(const struct drive *d, uint32_t track,
                             uint8_t sector, bool write)
{
    uint8_t cylinder = (uint8_t)(track / d->logical.heads);
    uint8_t head = (uint8_t)(track % d->logical.heads);
    uint8_t *rate = &rates[d->ata_unit];

    for (unsigned n = 0; n < FDC_CCR_RATES; n++) {
        int rc = move_sector(d, cylinder, head, sector, write);

        if (rc != ERR_FORMAT)
            return rc;
        *rate = (uint8_t)((*rate + 1u) % FDC_CCR_RATES);
    }
    return ERR_DEVICE;
}

static int floppy_rw(struct drive *d, uint64_t lba, uint32_t count,
                     void *buf, bool write)
{
    uint8_t *at = buf;
    int rc = running ? 0 : start_controller(d);

    running = rc == 0;
    for (; rc == 0 && count != 0; count--, lba++, at += SECTOR_SIZE) {
        uint32_t track = (uint32_t)lba / d->logical.sectors;
        uint32_t sector = (uint32_t)lba % d->logical.sectors + 1;

        if (write)
            memcpy(floppy_buffer, at, SECTOR_SIZE);
        rc = move_at_some_rate(d, track, (uint8_t)sector, write);
        if (rc == 0 && !write)
            memcpy(at, floppy_buffer, SECTOR_SIZE);
    }
    if (rc < 0)
        running = false;        /* the next attempt begins with a reset */
    return rc;
}

const struct drive_ops floppy_ops = {
    .name = "floppy",
    .rank = RANK_FLOPPY,
    .edd_interface = "        ",
    .max_count = 36,
    .align = 1,
    .rw = floppy_rw,
};
