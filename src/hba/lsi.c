/* SPDX-License-Identifier: MIT */
/*
 * 53C8xx at run time: one command.  Resident.
 *
 * A target may disconnect in the middle, whatever it was told; so the program
 * does what the bus phase says until the target has said that it is done.
 */
#include "hba/lsi.h"

#include <string.h>

#include "lib/io.h"

#define TIMEOUT_MS          20000u

static uint32_t address_of(const void *p)
{
    return (uint32_t)(uintptr_t)p;
}

static void step(struct lsi *h, enum lsi_step at, uint32_t what,
                 uint32_t operand)
{
    h->program[at][0] = what;
    h->program[at][1] = operand;
}

static void jump(struct lsi *h, enum lsi_step at, uint32_t when,
                 enum lsi_step to)
{
    step(h, at, when, address_of(h->program[to]));
}

static void write_program(struct lsi *h, const struct scsi_drive *s,
                          void *buf, uint32_t len)
{
    uint32_t data = address_of(buf);

    step(h, STEP_SELECT, LSI_SELECT_ATN | (uint32_t)s->target << 16,
         address_of(h->program[STEP_LOST]));
    step(h, STEP_IDENTIFY, LSI_MOVE(LSI_MESSAGE_OUT, 1),
         address_of(&h->identify));
    step(h, STEP_COMMAND, LSI_MOVE(LSI_COMMAND, scsi_cdb_len(h->cdb)),
         address_of(h->cdb));

    jump(h, STEP_LOOP, LSI_JUMP_WHEN(LSI_MESSAGE_IN), STEP_MESSAGE);
    jump(h, STEP_LOOP_IN, LSI_JUMP_WHEN(LSI_DATA_IN), STEP_DATA_IN);
    jump(h, STEP_LOOP_OUT, LSI_JUMP_WHEN(LSI_DATA_OUT), STEP_DATA_OUT);
    jump(h, STEP_LOOP_STATUS, LSI_JUMP_WHEN(LSI_STATUS), STEP_STATUS);
    step(h, STEP_LOST, LSI_INT, STEP_LOST);

    step(h, STEP_DATA_IN, LSI_MOVE(LSI_DATA_IN, len), data);
    jump(h, STEP_DATA_IN_END, LSI_JUMP, STEP_LOOP);
    step(h, STEP_DATA_OUT, LSI_MOVE(LSI_DATA_OUT, len), data);
    jump(h, STEP_DATA_OUT_END, LSI_JUMP, STEP_LOOP);
    step(h, STEP_STATUS, LSI_MOVE(LSI_STATUS, 1), address_of(&h->status));
    jump(h, STEP_STATUS_END, LSI_JUMP, STEP_LOOP);

    step(h, STEP_MESSAGE, LSI_MOVE(LSI_MESSAGE_IN, 1),
         address_of(&h->message));
    jump(h, STEP_IF_DISCONNECT, LSI_JUMP_IF(LSI_DISCONNECT), STEP_AWAY);
    jump(h, STEP_IF_COMPLETE, LSI_JUMP_IF(LSI_COMPLETE), STEP_DONE);
    step(h, STEP_ACK, LSI_CLEAR_ACK, 0);
    jump(h, STEP_MESSAGE_END, LSI_JUMP, STEP_LOOP);

    step(h, STEP_AWAY, LSI_CLEAR_ACK, 0);
    step(h, STEP_AWAY_WAIT, LSI_WAIT_DISCONNECT, 0);
    step(h, STEP_BACK, LSI_WAIT_RESELECT,
         address_of(h->program[STEP_LOST]));
    jump(h, STEP_BACK_END, LSI_JUMP, STEP_LOOP);

    step(h, STEP_DONE, LSI_CLEAR_ACK, 0);
    step(h, STEP_DONE_WAIT, LSI_WAIT_DISCONNECT, 0);
    step(h, STEP_GOOD, LSI_INT, STEP_GOOD);
}

/*
 * Let the program run from a step until it stops.  Returns the step that it
 * has ended with; ERR_FORMAT when the target ended a transfer early;
 * ERR_ABSENT when there is no target; ERR_TIMEOUT.
 */
static int run_from(struct lsi *h, enum lsi_step at)
{
    struct poll p = poll_start(TIMEOUT_MS);
    uint8_t istat, sist0 = 0, sist1 = 0;

    barrier();
    outl(h->port + LSI_DSP, address_of(h->program[at]));
    while (((istat = inb(h->port + LSI_ISTAT)) &
            (LSI_ISTAT_DMA | LSI_ISTAT_SCSI)) == 0)
        if (!poll_again(&p))
            return ERR_TIMEOUT;
    barrier();
    if (istat & LSI_ISTAT_SCSI) {       /* reading them clears them */
        sist0 = inb(h->port + LSI_SIST0);
        sist1 = inb(h->port + LSI_SIST1);
    }
    if (istat & LSI_ISTAT_DMA)
        (void)inb(h->port + LSI_DSTAT);
    if (sist1 & LSI_SIST1_TIMEOUT)
        return ERR_ABSENT;
    if (sist0 & LSI_SIST0_MISMATCH)
        return ERR_FORMAT;
    return istat & LSI_ISTAT_DMA ? inb(h->port + LSI_DSPS) : ERR_DEVICE;
}

static int lsi_packet(struct drive *d, const uint8_t cdb[16], void *buf,
                      uint32_t len, bool write)
{
    struct scsi_drive *s = (struct scsi_drive *)d;
    struct lsi *h = s->host;
    uint32_t left = 0;
    int rc;

    (void)write;                /* the target says it by the bus phase */
    if (h->dead)
        return ERR_TIMEOUT;
    if (scsi_cdb_len(cdb) == 0)
        return ERR_PARAM;
    memcpy(h->cdb, cdb, sizeof(h->cdb));
    h->identify = (uint8_t)(LSI_IDENTIFY | (s->lun & 7));
    h->status = 0xff;
    write_program(h, s, buf, len);
    rc = run_from(h, STEP_SELECT);
    if (rc == ERR_FORMAT) {
        left = inl(h->port + LSI_DBC) & LSI_DBC_MASK;
        rc = run_from(h, STEP_LOOP);
    }
    if (rc == ERR_ABSENT)
        return rc;
    if (rc != STEP_GOOD || left > len) {
        outb(h->port + LSI_ISTAT, LSI_ISTAT_RESET);
        return scsi_give_up(d, &h->dead);
    }
    return h->status == SCSI_STATUS_GOOD ? (int)(len - left) : ERR_DEVICE;
}

const struct drive_ops lsi_ops = {
    .name = "lsi53c8xx",
    .rank = RANK_LSI,
    .edd_interface = "SCSI    ",
    .max_count = 32,            /* CDs: 64 KiB */
    .align = 1,
    .rw = scsi_rw,
    .packet = lsi_packet,
};
