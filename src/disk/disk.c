/* SPDX-License-Identifier: MIT */
/*
 * INT 13h: one function for each service, and the table that names them.
 */
#include "disk/disk.h"

#include <string.h>

#include "core/bda.h"
#include "core/caller.h"
#include "disk/disk_access.h"
#include "disk/disk_edd.h"
#include "disk/eltorito.h"

#define FIRST_HDD           0x80u
#define FIRST_CD            0xe0u
#define LAST_CD             0xefu
#define FIRST_EXTENSION     0x41u
#define CHS_MAX_COUNT       128u        /* sectors; 64 KiB */

/* Status codes in AH, 40:41 and 40:74 */
#define STATUS_OK           0x00u
#define STATUS_PARAM        0x01u
#define STATUS_READ_ONLY    0x03u
#define STATUS_CHANGED      0x06u
#define STATUS_READ         0x10u
#define STATUS_NO_MEDIUM    0x31u
#define STATUS_TIMEOUT      0x80u
#define STATUS_NOT_READY    0xaau
#define STATUS_NOT_LOCKED   0xb0u
#define STATUS_LOCKED       0xb1u
#define STATUS_NOT_REMOVABLE 0xb2u
#define STATUS_LOCK_COUNT   0xb4u
#define STATUS_WRITE        0xccu

/* AH=15h */
#define TYPE_FLOPPY         0x01u
#define TYPE_DISK           0x03u

/* AH=41h */
#define EDD_VERSION         0x30u
#define EDD_ACCESS          (1u << 0)
#define EDD_LOCKING         (1u << 1)
#define EDD_PARAMETERS      (1u << 2)

/* ------------------------------------------------------------------------
 * Numbers
 */

unsigned disk_count(enum drive_type type)
{
    unsigned n = 0;

    for (struct drive *d = drives; d != NULL; d = d->next)
        if (d->type == type && d->number != DRIVE_UNNUMBERED)
            n++;
    return n;
}

int disk_assign(struct drive *d)
{
    /* 40:75 counts the disks that option ROMs have brought, too. */
    unsigned n = d->type == DRIVE_HDD ? bda->disk_count : disk_count(d->type);
    uint8_t first = d->type == DRIVE_CD ? FIRST_CD
                  : d->type == DRIVE_HDD ? FIRST_HDD : 0;
    uint8_t end = d->type == DRIVE_CD ? LAST_CD + 1
                : d->type == DRIVE_HDD ? FIRST_CD : 2;

    if (d->number != DRIVE_UNNUMBERED)
        return d->number;
    if (n >= (unsigned)(end - first))
        return ERR_SPACE;
    d->number = (uint8_t)(first + n);
    if (d->type == DRIVE_HDD) {
        bda->disk_count = (uint8_t)(n + 1);
        if (n < 2)
            edd_parameter_table(d, n);
    }
    return d->number;
}

struct drive *disk_by_number(uint8_t number)
{
    struct drive *d = eltorito_emulated(number);

    if (d != NULL)
        return d;
    number = eltorito_real_number(number);
    for (d = drives; d != NULL; d = d->next)
        if (d->number == number && number != DRIVE_UNNUMBERED)
            return d;
    return NULL;
}

/* ------------------------------------------------------------------------
 * Results
 */

static void finish(struct bregs *r, uint8_t status)
{
    if (r->dl < FIRST_HDD)
        bda->floppy_status = status;
    else
        bda->disk_status = status;
    r->ah = status;
    set_cf(r, status != STATUS_OK);
}

static uint8_t status_of(int rc, bool write)
{
    switch (rc) {
    case 0:
        return STATUS_OK;
    case ERR_PARAM:
        return STATUS_PARAM;
    case ERR_ABSENT:
        return STATUS_NO_MEDIUM;
    case ERR_TIMEOUT:
        return STATUS_TIMEOUT;
    case ERR_BUSY:
        /* Not "time-out", which is for drives that have stopped answering and
         * which a floppy's reader takes for an empty drive. */
        return STATUS_NOT_READY;
    default:
        return write ? STATUS_WRITE : STATUS_READ;
    }
}

/* ------------------------------------------------------------------------
 * Reading, writing, verifying: by CHS in registers and by LBA in a packet
 */

static uint8_t do_access(struct drive *d, enum access a, uint64_t lba,
                         uint32_t count, uint32_t at)
{
    int rc = access_sectors(d, a, lba, count, at);

    if (a == ACCESS_WRITE && rc < 0 && d->read_only)
        return STATUS_READ_ONLY;    /* known before, or found out now */
    return status_of(rc, a == ACCESS_WRITE);
}

static bool chs_to_lba(const struct drive *d, const struct bregs *r,
                       uint32_t *lba)
{
    uint32_t cylinder = r->ch | (uint32_t)(r->cl & 0xc0) << 2;
    uint32_t sector = r->cl & 0x3f;

    *lba = (cylinder * d->logical.heads + r->dh) * d->logical.sectors +
        sector - 1;
    return cylinder < d->logical.cylinders && r->dh < d->logical.heads &&
        sector != 0 && sector <= d->logical.sectors;
}

static void chs_access(struct bregs *r, struct drive *d, enum access a)
{
    uint8_t count = r->al;
    uint8_t status = STATUS_PARAM;
    uint32_t lba;

    if (chs_to_lba(d, r, &lba) && count != 0 && count <= CHS_MAX_COUNT)
        status = do_access(d, a, lba, count, linear(r->es, r->bx));
    if (status != STATUS_OK)
        r->al = 0;
    finish(r, status);
}

static void disk_02(struct bregs *r, struct drive *d)
{
    chs_access(r, d, ACCESS_READ);
}

static void disk_03(struct bregs *r, struct drive *d)
{
    chs_access(r, d, ACCESS_WRITE);
}

static void disk_04(struct bregs *r, struct drive *d)
{
    chs_access(r, d, ACCESS_VERIFY);
}

/* Disk address packet */
struct packet {
    uint8_t size, reserved;
    uint16_t count;
    struct farptr buf;          /* FFFF:FFFF: see address */
    uint64_t lba;
    uint64_t address;           /* only with size 18h */
} PACKED;
#define PACKET_LEN          0x10u
#define PACKET_LONG_LEN     0x18u
_Static_assert(sizeof(struct packet) == PACKET_LONG_LEN, "EDD 3.0");

static void packet_access(struct bregs *r, struct drive *d, enum access a)
{
    uint32_t caller = linear(r->ds, r->si);
    const uint16_t none = 0;
    struct packet p = { 0 };
    uint8_t status = STATUS_PARAM;
    uint64_t at;

    (void)caller_read(&p, caller, PACKET_LEN);      /* or its size stays 0 */
    at = linear(p.buf.seg, p.buf.off);
    if (p.buf.seg == 0xffff && p.buf.off == 0xffff &&
        p.size >= PACKET_LONG_LEN) {
        p.address = UINT64_MAX;
        (void)caller_read(&p.address, caller + PACKET_LEN, sizeof(p.address));
        at = p.address;
    }
    if (p.size >= PACKET_LEN && at <= UINT32_MAX)
        status = do_access(d, a, p.lba, p.count, (uint32_t)at);
    if (status != STATUS_OK)
        (void)caller_write(caller + offsetof(struct packet, count), &none,
                           sizeof(none));
    finish(r, status);
}

static void disk_42(struct bregs *r, struct drive *d)
{
    packet_access(r, d, ACCESS_READ);
}

static void disk_43(struct bregs *r, struct drive *d)
{
    packet_access(r, d, ACCESS_WRITE);
}

static void disk_44(struct bregs *r, struct drive *d)
{
    packet_access(r, d, ACCESS_VERIFY);
}

/* Extended seek: is the place on the medium? */
static void disk_47(struct bregs *r, struct drive *d)
{
    int rc = d->ready ? 0 : drive_ready(d);
    struct packet p = { 0 };

    (void)caller_read(&p, linear(r->ds, r->si), PACKET_LEN);
    if (rc == 0 && (p.size < PACKET_LEN || p.lba >= d->sectors))
        rc = ERR_PARAM;
    finish(r, status_of(rc, false));
}

/* ------------------------------------------------------------------------
 * What drives are like
 */

/* Nothing to do for a drive that exists: the drivers reset what fails. */
static void disk_ok(struct bregs *r, struct drive *d)
{
    (void)d;
    finish(r, STATUS_OK);
}

static void disk_05(struct bregs *r, struct drive *d)
{
    finish(r, d->read_only ? STATUS_READ_ONLY : STATUS_PARAM);
}

/* The last cylinder that software is told of: of a disk, the very last is
 * kept back for diagnostics, as every BIOS since the AT's has it. */
static uint32_t last_cylinder(const struct drive *d)
{
    uint32_t kept = d->type == DRIVE_HDD && d->logical.cylinders > 1 ? 2 : 1;

    return d->logical.cylinders - kept;
}

static void disk_08(struct bregs *r, struct drive *d)
{
    uint32_t cylinder = last_cylinder(d);

    if (d->logical.cylinders == 0) {    /* a CD */
        finish(r, STATUS_PARAM);
        return;
    }
    r->al = 0;
    r->ch = (uint8_t)cylinder;
    r->cl = (uint8_t)((cylinder >> 2 & 0xc0) | d->logical.sectors);
    r->dh = (uint8_t)(d->logical.heads - 1);
    finish(r, STATUS_OK);
    if (d->type == DRIVE_FLOPPY) {
        r->bx = d->floppy_kind;
        r->es = ivt[0x1e].seg;
        r->di = ivt[0x1e].off;
        r->dl = (uint8_t)((bda->equipment >> 6 & 3) + 1);
    } else {
        r->dl = bda->disk_count;
    }
}

static void disk_0c(struct bregs *r, struct drive *d)
{
    uint32_t lba;

    finish(r, chs_to_lba(d, r, &lba) ? STATUS_OK : STATUS_PARAM);
}

static void disk_10(struct bregs *r, struct drive *d)
{
    finish(r, status_of(drive_ready(d), false));
}

static void disk_15(struct bregs *r, struct drive *d)
{
    uint32_t sectors = 0;

    if (d->logical.cylinders != 0)
        sectors = (last_cylinder(d) + 1) * d->logical.heads *
            d->logical.sectors;
    finish(r, STATUS_OK);
    r->ah = d->type == DRIVE_FLOPPY ? TYPE_FLOPPY : TYPE_DISK;
    if (d->type != DRIVE_FLOPPY) {
        r->cx = (uint16_t)(sectors >> 16);
        r->dx = (uint16_t)sectors;
    }
}

/* Media type for format (floppies): the one there is. */
static void disk_18(struct bregs *r, struct drive *d)
{
    if (d->type != DRIVE_FLOPPY) {
        finish(r, STATUS_PARAM);
        return;
    }
    r->es = ivt[0x1e].seg;
    r->di = ivt[0x1e].off;
    finish(r, STATUS_OK);
}

static void disk_41(struct bregs *r, struct drive *d)
{
    (void)d;
    if (r->bx != 0x55aa) {
        finish(r, STATUS_PARAM);
        return;
    }
    finish(r, STATUS_OK);
    r->bx = 0xaa55;
    r->cx = EDD_ACCESS | EDD_LOCKING | EDD_PARAMETERS;
    r->ah = EDD_VERSION;
}

static void disk_45(struct bregs *r, struct drive *d)
{
    uint8_t status = STATUS_OK;

    if (!d->removable) {
        r->al = 0;
    } else if (r->al == 0) {
        if (d->locks == 0xff)
            status = STATUS_LOCK_COUNT;
        else
            d->locks++;
        r->al = 1;
    } else if (r->al == 1) {
        if (d->locks == 0)
            status = STATUS_NOT_LOCKED;
        else
            d->locks--;
        r->al = d->locks != 0;
    } else if (r->al == 2) {
        r->al = d->locks != 0;
    } else {
        status = STATUS_PARAM;
    }
    finish(r, status);
}

static void disk_46(struct bregs *r, struct drive *d)
{
    if (!d->removable)
        finish(r, STATUS_NOT_REMOVABLE);
    else if (d->locks != 0)
        finish(r, STATUS_LOCKED);
    else
        finish(r, status_of(drive_eject(d), false));
}

static void disk_48(struct bregs *r, struct drive *d)
{
    uint32_t caller = linear(r->ds, r->si);
    uint8_t p[EDD_PARAMETERS_MAX] = { 0 };
    int rc;

    if (d->type == DRIVE_CD && !d->ready)
        (void)drive_ready(d);   /* without a medium the size stays unknown */
    (void)caller_read(p, caller, sizeof(uint16_t));
    rc = edd_parameters(d, p);
    if (rc == 0 && !caller_write(caller, p, p[0]))
        rc = ERR_PARAM;
    finish(r, status_of(rc, false));
}

static void disk_49(struct bregs *r, struct drive *d)
{
    uint8_t status = d->changed ? STATUS_CHANGED : STATUS_OK;

    d->changed = false;
    finish(r, status);
}

/* Set hardware configuration: no prefetch or DMA modes to choose from, the
 * maximum is always in force. */
static void disk_4e(struct bregs *r, struct drive *d)
{
    uint8_t al = r->al;

    (void)d;
    if (al == 1 || al == 3 || al == 4 || al == 6) {
        r->al = 0;
        finish(r, STATUS_OK);
    } else {
        finish(r, STATUS_PARAM);
    }
}

/* El Torito: 00 end the emulation, 01 tell about it. */
static void disk_4b(struct bregs *r)
{
    uint8_t p[ELTORITO_PACKET_LEN];
    int rc = r->al > 1 ? ERR_PARAM : eltorito_packet(r->dl, p);

    if (rc == 0 && !caller_write(linear(r->ds, r->si), p, sizeof(p)))
        rc = ERR_PARAM;
    if (rc == 0 && r->al == 0)
        eltorito_stop();
    finish(r, rc == 0 ? STATUS_OK : STATUS_PARAM);
}

static const struct {
    uint8_t ah;
    void (*run)(struct bregs *r, struct drive *d);
} services[] = {
    { 0x42, disk_42 }, { 0x02, disk_02 }, { 0x08, disk_08 },
    { 0x41, disk_41 }, { 0x48, disk_48 }, { 0x00, disk_ok },
    { 0x03, disk_03 }, { 0x04, disk_04 }, { 0x05, disk_05 },
    { 0x09, disk_ok }, { 0x0c, disk_0c }, { 0x0d, disk_ok },
    { 0x10, disk_10 }, { 0x11, disk_ok }, { 0x14, disk_ok },
    { 0x15, disk_15 }, { 0x16, disk_49 }, { 0x18, disk_18 },
    { 0x43, disk_43 }, { 0x44, disk_44 }, { 0x45, disk_45 },
    { 0x46, disk_46 }, { 0x47, disk_47 }, { 0x49, disk_49 },
    { 0x4e, disk_4e },
};

void handle_13(struct bregs *r)
{
    struct drive *d;

    if (r->ah == 0x4b) {
        disk_4b(r);
        return;
    }
    if (r->ah == 0x01) {        /* the status of the last service */
        r->ah = r->dl < FIRST_HDD ? bda->floppy_status : bda->disk_status;
        set_cf(r, r->ah != STATUS_OK);
        return;
    }
    d = disk_by_number(r->dl);
    if (d != NULL && d->type == DRIVE_FLOPPY && r->ah >= FIRST_EXTENSION)
        d = NULL;               /* floppies have none of the extensions */
    for (size_t i = 0; d != NULL && i < ARRAY_SIZE(services); i++) {
        if (services[i].ah == r->ah) {
            services[i].run(r, d);
            return;
        }
    }
    finish(r, STATUS_PARAM);
}
