/* SPDX-License-Identifier: MIT */
/*
 * Moving sectors, for every kind of drive: ranges, limits of one command,
 * buffers that the controller cannot reach.  Resident.  Finding the drives is
 * left to block_post.c, SCSI commands for CDs to block_cd.c.
 */
#include "disk/block.h"

#include <string.h>

#include "core/real.h"
#include "disk/block_cd.h"
#include "lib/io.h"

#define SPINS_BEFORE_CLOCK  64u     /* then the clock is asked, and so on */
/* An emulated CPU leaves its loop at each PAUSE, so that the device gets to
 * run: many of them cost less virtual time than asking the device again. */
#define PAUSES_PER_SPIN     32u

struct drive *drives;
uint8_t *drive_bounce;

/*
 * rt_sp while a wait lets interrupts in, else 0: somebody is in the middle of a
 * request.  Whoever asks for another one then, from a hook of the tick or of
 * the keyboard, finds a controller, the bounce buffer and a driver's variables
 * in use, and is refused.  It is not set in between, so no way out of a driver
 * has to clear it.
 */
static uint32_t waiting;
static void (*after_request)(void); /* drive_finish_first() */

static void let_interrupts_in(void)
{
    waiting = rt_sp;
    yield();
    waiting = 0;
}

void drive_finish_first(void (*next)(void))
{
    if (!waiting)
        real_restart(next);
    after_request = next;
    real_end_calls(waiting);
}

/* A request is over; is its caller still waited for? */
static int finished(int rc)
{
    void (*next)(void) = after_request;

    after_request = NULL;
    if (next != NULL)
        real_restart(next);
    return rc;
}

bool poll_again(struct poll *p)
{
    for (unsigned i = 0; i < PAUSES_PER_SPIN; i++)
        cpu_pause();
    if (++p->spins % SPINS_BEFORE_CLOCK != 0)
        return true;
    if (p->spins == SPINS_BEFORE_CLOCK)
        p->deadline = timer_deadline_ms(p->timeout_ms);
    else if (timer_expired(&p->deadline))
        return false;
    let_interrupts_in();
    return true;
}

int poll_bits(const uint8_t *reg, uint32_t mask, uint32_t want,
              uint32_t timeout_ms)
{
    struct poll p = poll_start(timeout_ms);

    while ((mmio_read32(reg) & mask) != want)
        if (!poll_again(&p))
            return ERR_TIMEOUT;
    return 0;
}

/* Is [lba, lba + count) on the medium? */
static bool in_range(const struct drive *d, uint64_t lba, uint32_t count)
{
    return lba <= d->sectors && count <= d->sectors - lba;
}

/* One command's worth, to memory that the controller can reach. */
static int move(struct drive *d, uint64_t lba, uint32_t count, void *buf,
                bool write)
{
    int rc;

    if (d->type == DRIVE_CD)
        rc = cd_read(d, (uint32_t)lba, count, buf);
    else
        rc = d->ops->rw(d, lba, count, buf, write);
    return finished(rc);
}

static int transfer(struct drive *d, uint64_t lba, uint32_t count,
                    uint8_t *buf, bool write)
{
    bool detour = ((uintptr_t)buf & (d->ops->align - 1u)) != 0;
    uint32_t max = detour ? CD_SECTOR_SIZE / d->sector_size
                          : d->ops->max_count;

    while (count != 0) {
        uint32_t n = count < max ? count : max;
        uint32_t len = n * d->sector_size;
        int rc;

        if (detour && write)
            memcpy(drive_bounce, buf, len);
        rc = move(d, lba, n, detour ? drive_bounce : buf, write);
        if (rc < 0)
            return rc;
        if (detour && !write)
            memcpy(buf, drive_bounce, len);
        buf += len;
        lba += n;
        count -= n;
    }
    return 0;
}

static int can_be_asked(const struct drive *d)
{
    if (waiting)
        return ERR_BUSY;
    return d->dead ? ERR_TIMEOUT : 0;
}

/* What read, write and verify demand before anything moves. */
static int prepare(struct drive *d, uint64_t lba, uint32_t count)
{
    int rc = can_be_asked(d);

    if (rc == 0 && !d->ready)
        rc = drive_ready(d);
    if (rc < 0)
        return rc;
    return in_range(d, lba, count) ? 0 : ERR_PARAM;
}

int drive_read(struct drive *d, uint64_t lba, uint32_t count, void *buf)
{
    int rc = prepare(d, lba, count);

    if (rc < 0)
        return rc;
    if ((uint64_t)count * d->sector_size > 0x100000000u - (uintptr_t)buf)
        return ERR_PARAM;
    return transfer(d, lba, count, buf, false);
}

int drive_write(struct drive *d, uint64_t lba, uint32_t count,
                const void *buf)
{
    int rc = prepare(d, lba, count);

    if (rc < 0)
        return rc;
    if (d->read_only ||
        (uint64_t)count * d->sector_size > 0x100000000u - (uintptr_t)buf)
        return ERR_PARAM;
    return transfer(d, lba, count, (uint8_t *)(uintptr_t)buf, true);
}

int drive_verify(struct drive *d, uint64_t lba, uint32_t count)
{
    uint32_t step = CD_SECTOR_SIZE / d->sector_size;
    int rc = prepare(d, lba, count);

    while (rc >= 0 && count != 0) {
        uint32_t n = count < step ? count : step;

        rc = move(d, lba, n, drive_bounce, false);
        lba += n;
        count -= n;
    }
    return rc < 0 ? rc : 0;
}

int drive_ready(struct drive *d)
{
    int rc = can_be_asked(d);

    return rc == 0 && d->type == DRIVE_CD ? finished(cd_ready(d)) : rc;
}

int drive_eject(struct drive *d)
{
    if (waiting)
        return ERR_BUSY;
    return d->type == DRIVE_CD ? finished(cd_eject(d)) : ERR_PARAM;
}
