/* SPDX-License-Identifier: MIT */
/*
 * SCSI commands that disks and CDs share, and SCSI disks.  scsi.c is resident
 * and reads and writes; scsi_post.c finds out what a unit is.
 *
 * SPC-3 (INQUIRY, sense data), SBC-3 (disks).
 */
#ifndef SCSI_H
#define SCSI_H

#include "disk/block.h"

#define SCSI_TEST_UNIT_READY    0x00u
#define SCSI_REQUEST_SENSE      0x03u
#define SCSI_INQUIRY            0x12u
#define SCSI_MODE_SENSE_6       0x1au
#define SCSI_START_STOP_UNIT    0x1bu
#define SCSI_READ_CAPACITY_10   0x25u
#define SCSI_READ_10            0x28u
#define SCSI_WRITE_10           0x2au
#define SCSI_READ_16            0x88u
#define SCSI_WRITE_16           0x8au
#define SCSI_SERVICE_IN_16      0x9eu
#define SCSI_READ_CAPACITY_16   0x10u   /* service action of the former */
#define SCSI_REPORT_LUNS        0xa0u
#define SCSI_STATUS_GOOD        0u

#define START_STOP_EJECT        0x02u   /* LoEj set, Start clear */
#define SENSE_LEN               18u
#define SENSE_NOT_READY         0x2u
#define SENSE_ILLEGAL_REQUEST   0x5u
#define SENSE_UNIT_ATTENTION    0x6u
#define SENSE_DATA_PROTECT      0x7u
#define ASC_BECOMING_READY      0x04u
#define ASC_NO_UNIT             0x25u
#define ASC_NO_MEDIUM           0x3au

/* A unit on a host adapter: what every adapter's packet() needs to know. */
struct scsi_drive {
    struct drive d;             /* first: found from the drive by a cast */
    void *host;                 /* the adapter driver's own */
    uint16_t lun;
    uint8_t target;
    bool have_sense;            /* it came with the last command */
    uint8_t sense[SENSE_LEN] ALIGNED(4);
};

/*
 * For packet(): when the command asks for sense data that came with the last
 * one, give it.  Returns how many bytes, or 0: the command is to be sent.
 */
int scsi_take_sense(struct scsi_drive *s, const uint8_t cdb[16], void *buf,
                    uint32_t len);

/* Length of a command by its group (SPC-3, 4.3.4.1); 0: vendor's own. */
uint8_t scsi_cdb_len(const uint8_t cdb[16]);

/* No more DMA from an adapter that has not answered, or not sensibly. */
int scsi_give_up(struct drive *d, bool *dead);

/* Key and additional code of the sense data.  0 or an error. */
int scsi_sense(struct drive *d, uint8_t *key, uint8_t *asc);

/*
 * Send a command; again (bounded by 10 s) while the unit only wants to say
 * that it was reset, or is becoming ready.  As drive_ops.packet(), and
 * ERR_ABSENT without a medium; d->read_only is set when the medium turns out
 * to be write-protected.
 */
int scsi_command(struct drive *d, const uint8_t cdb[16], void *buf,
                 uint32_t len, bool write);

/* drive_ops.rw for disks whose controller has packet() only. */
int scsi_rw(struct drive *d, uint64_t lba, uint32_t count, void *buf,
            bool write);

/*
 * POST only.  Ask a unit what it is, and fill the drive's type, size and
 * description (bus: "virtio-scsi").  0; ERR_ABSENT when it is neither disk
 * nor CD, or nothing; other errors were printed.
 */
int scsi_identify(struct drive *d, const char *bus);

/*
 * POST only.  The commands with which scsi_identify() begins, and what they
 * read, when the first one after INQUIRY finds a unit attention, as of a disk
 * that was just plugged in.
 */
#define SCSI_FIRST          5u
struct scsi_first {
    uint8_t cdb[16];
    uint8_t len;
};
extern const struct scsi_first scsi_first[SCSI_FIRST];

/*
 * POST only.  Register the disks and CDs on an adapter: of probe, ops, bdf and
 * host are set.  packet() returns ERR_ABSENT for a target that is not there.
 */
#define SCSI_TARGETS_MAX    256u
void scsi_scan(struct scsi_drive *probe, unsigned targets);

#endif
