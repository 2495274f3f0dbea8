/* SPDX-License-Identifier: MIT */
/*
 * Drives: one structure for every disk and CD that the controller drivers
 * found, and the functions that move sectors.  INT 13h (disk.h), the boot
 * code and El Torito stand on this; the drivers of src/hba and src/usb fill it
 * (boot/drives.h says when).  After that the list does not change, and
 * everything it points to lies in the high zone and stays.
 */
#ifndef BLOCK_H
#define BLOCK_H

#include "hw/pci.h"
#include "lib/compiler.h"
#include "lib/err.h"
#include "lib/timer.h"

#define SECTOR_SIZE         512u
#define CD_SECTOR_SIZE      2048u
#define DRIVE_UNNUMBERED    0xffu       /* drive.number: not yet assigned */

enum drive_type { DRIVE_FLOPPY, DRIVE_HDD, DRIVE_CD };

struct chs { uint16_t cylinders, heads, sectors; };

struct drive {
    struct drive *next;
    const struct drive_ops *ops;
    uint8_t type;               /* enum drive_type */
    uint8_t number;             /* BIOS drive number, disk_assign() */
    uint8_t ata_channel;        /* IDE: number of the channel... */
    uint8_t ata_unit;           /* ...and 0 or 1 on it; floppy: likewise */
    bool removable;
    bool read_only;
    bool dead;                  /* stopped answering: fail at once */
    bool ready;                 /* medium seen and measured; disks: always */
    bool changed;               /* medium may be another: INT 13h AH=49h */
    uint8_t floppy_kind;        /* CMOS code: 2 1.2M, 4 1.44M, 6 2.88M */
    uint8_t locks;              /* INT 13h AH=45h */
    uint16_t sector_size;
    pci_bdf bdf;                /* the controller */
    uint64_t sectors;           /* 0 for a CD until drive_ready() */
    struct chs physical;        /* as the drive says; 0 if it says nothing */
    struct chs logical;         /* as INT 13h AH=02h counts; 0 for a CD */
    const char *description;    /* for menus: "ata0-0: QEMU HARDDISK ..." */
    const char *path;           /* below the PCI device: "drive@0/disk@1";
                                   with a '/' in front: all of the path */
};

/*
 * Which of two disks without a place in the boot order is the first: one with
 * the lower rank.  Not the order of PCI functions, but SeaBIOS's, so that a
 * command line without bootindex= boots the same disk as ever.
 */
enum drive_rank {
    RANK_FLOPPY = -5, RANK_ATA, RANK_AHCI, RANK_VIRTIO_SCSI, RANK_VIRTIO_BLK,
    RANK_USB, RANK_LSI, RANK_MEGASAS, RANK_PVSCSI, RANK_NVME,
};

struct ide_place {
    uint16_t cmd, ctl;          /* ports of the command and control blocks */
    uint8_t irq;
    uint8_t number;             /* of the channel, over all controllers */
};

/* What a controller driver implements.  All are resident and bounded. */
struct drive_ops {
    const char *name;           /* "ATA", "AHCI", "virtio-blk" */
    int8_t rank;                /* enum drive_rank */
    const char *edd_interface;  /* EDD 3.0 interface type, 8 characters */
    uint16_t max_count;         /* sectors that one rw() moves at most */
    uint8_t align;              /* demanded of buffers: 1 or 2 */

    /* Where an IDE drive's registers are; NULL for all others. */
    void (*ide_place)(const struct drive *d, struct ide_place *p);

    /* Move count (1..max_count) sectors of a disk; range was checked. */
    int (*rw)(struct drive *d, uint64_t lba, uint32_t count, void *buf,
              bool write);
    /*
     * Send a SCSI command (12 bytes of it to ATAPI devices) and receive, or
     * with write send, at most len bytes.  Returns how many were moved,
     * ERR_DEVICE when the drive has sense data, ERR_TIMEOUT when it does not
     * answer.
     */
    int (*packet)(struct drive *d, const uint8_t cdb[16], void *buf,
                  uint32_t len, bool write);
};

/* All drives: by rank, then in the order of PCI functions and ports. */
extern struct drive *drives;

/*
 * Move count sectors (of d->sector_size) at lba.  buf may be anywhere below
 * 4 GiB with any alignment.
 * Returns 0; ERR_PARAM for a range outside the medium or the address space;
 * ERR_ABSENT without a medium; ERR_DEVICE or ERR_TIMEOUT when it failed: buf
 * is then undefined; ERR_BUSY at once when a request to any drive is in the
 * middle, which is so for interrupts that came while it waited.
 */
int drive_read(struct drive *d, uint64_t lba, uint32_t count, void *buf);
int drive_write(struct drive *d, uint64_t lba, uint32_t count,
                const void *buf);
/* Read the sectors and throw them away. */
int drive_verify(struct drive *d, uint64_t lba, uint32_t count);

/*
 * Is there a medium?  For a CD: wait (bounded) until the drive is ready and
 * read the capacity.  0, ERR_ABSENT, ERR_TIMEOUT, ERR_DEVICE or ERR_BUSY.
 */
int drive_ready(struct drive *d);

/* Open the tray of a CD drive. */
int drive_eject(struct drive *d);

/*
 * As real_restart(), but a request that is in the middle is finished first, and
 * only then given up by its caller: or the next one would take its answer for
 * its own.
 */
NORETURN void drive_finish_first(void (*next)(void));

/* ------------------------------------------------------------------------
 * For controller drivers.
 */

/*
 * A wait for a device: spin on memory or a register, and only when the
 * answer is not there at once, look at the clock and serve interrupts.
 *
 *     struct poll p = poll_start(ATA_TIMEOUT_MS);
 *     while (!done())
 *         if (!poll_again(&p))
 *             return ERR_TIMEOUT;
 */
struct poll { uint32_t timeout_ms, spins; struct deadline deadline; };

static inline struct poll poll_start(uint32_t timeout_ms)
{
    return (struct poll){ .timeout_ms = timeout_ms };
}

bool poll_again(struct poll *p);

/* Wait until the masked bits of a register in memory have this value.  0 or
 * ERR_TIMEOUT. */
int poll_bits(const uint8_t *reg, uint32_t mask, uint32_t want,
              uint32_t timeout_ms);

/*
 * Add a drive that is described completely but for .logical, which is
 * computed here.  POST only.
 */
void drive_register(struct drive *d);

/* Looking for drives begins, or goes on after POST has done other things.  POST
 * only. */
void drives_search(void);

/*
 * Has looking for drives cost enough?  Asked before each controller, target
 * and, with one = true, unit, which is counted.  Printed once.  POST only.
 */
bool drives_enough(bool one);

/* A formatted text in the high zone (POST only); "" without memory. */
const char *drive_text(const char *fmt, ...) PRINTF(1, 2);

/* One sector of a CD (or four of a disk) for transfers that need a detour;
 * shared by all drives; must exist once any drive does. */
extern uint8_t *drive_bounce;

#endif
