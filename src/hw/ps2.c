/* SPDX-License-Identifier: MIT */
/*
 * The 8042 keyboard controller: modes and commands to its two devices.
 * Resident; ps2_init.c finds the controller and starts it, keyboard.c and
 * mouse.c take what the devices send by themselves.
 */
#include "hw/ps2.h"

#include "core/real.h"
#include "hw/pic.h"
#include "lib/err.h"
#include "lib/io.h"
#include "lib/timer.h"

#define READY_TIMEOUT_US    10000u      /* the controller takes a byte */
#define ANSWER_TIMEOUT_US   25000u      /* a device begins to answer: 20 ms */
#define RESET_TIMEOUT_US    1000000u    /* a self-test: 300-750 ms */
#define PENDING_MAX         16u         /* bytes that may come before */

bool ps2_present;
uint8_t ps2_mode;

static bool came_early[2];              /* keyboard, mouse: note_early() */
static bool ready;              /* for a byte, by the status: every call here
                                   that looks at it goes on to write one */

uint8_t ps2_status(void)
{
    uint8_t status = inb(PS2_STATUS);

    ready = !(status & PS2_STATUS_IN);
    return status;
}

/* Wait until the controller accepts a byte, and write it. */
static int write_byte(uint16_t port, uint8_t v)
{
    if (!ready && ps2_status() & PS2_STATUS_IN) {
        struct deadline d = timer_deadline_us(READY_TIMEOUT_US);

        while (ps2_status() & PS2_STATUS_IN)
            if (timer_expired(&d))
                return ERR_TIMEOUT;
    }
    ready = false;
    outb(port, v);
    return 0;
}

static int write_mode(uint8_t mode)
{
    int rc = write_byte(PS2_STATUS, PS2_CMD_WRITE_MODE);

    return rc ? rc : write_byte(PS2_DATA, mode);
}

int ps2_set_mode(uint8_t mode)
{
    ps2_mode = mode;
    return write_mode(mode);
}

int ps2_send(uint8_t v)
{
    return write_byte(PS2_DATA, v);
}

int ps2_receive(bool mouse, uint32_t timeout_us)
{
    struct deadline d = { 0 };      /* the clock runs when there is none */

    do {
        uint8_t status = ps2_status();

        if (status & PS2_STATUS_OUT) {
            uint8_t v = inb(PS2_DATA);

            if (!(status & PS2_STATUS_AUX) == !mouse)
                return v;
        }
        if (!d.end)
            d = timer_deadline_us(timeout_us);
    } while (!timer_expired(&d));
    return ERR_TIMEOUT;
}

static int send_acknowledged(bool mouse, uint8_t v)
{
    int rc = 0;

    if (mouse)
        rc = write_byte(PS2_STATUS, PS2_CMD_TO_MOUSE);
    if (!rc)
        rc = write_byte(PS2_DATA, v);
    if (!rc)
        rc = ps2_receive(mouse, ANSWER_TIMEOUT_US);
    if (rc < 0)
        return rc;
    return rc == PS2_ACK ? 0 : ERR_DEVICE;
}

/* Does a byte of that device wait? */
static bool byte_waits(uint8_t status, bool mouse)
{
    return (status & PS2_STATUS_OUT) && !(status & PS2_STATUS_AUX) == !mouse;
}

/*
 * A byte has been read.  Was it one whose interrupt is still to come?  Then
 * that one will bring nothing.
 */
static void note_early(void)
{
    uint16_t requests = pic_requests();
    uint8_t status = inb(PS2_STATUS);

    came_early[0] = (requests & 1u << PS2_IRQ_KEYBOARD) &&
        !byte_waits(status, false);
    came_early[1] = (requests & 1u << PS2_IRQ_MOUSE) &&
        !byte_waits(status, true);
}

/*
 * A program in front of the handler has most likely read the byte, if none
 * waits.  The controller gives the last one again, until another comes.
 */
int ps2_take(bool mouse)
{
    uint8_t status = inb(PS2_STATUS);
    bool nothing = status & PS2_STATUS_OUT ? !byte_waits(status, mouse)
                                           : came_early[mouse];
    uint8_t v;

    came_early[mouse] = false;
    if (nothing || status == PS2_STATUS_ABSENT)
        return ERR_ABSENT;
    v = inb(PS2_DATA);
    note_early();
    return v;
}

/* What was sent before the command came up belongs to the IRQ handlers: a key
 * whose release got lost here would stay down. */
static void let_bytes_be_taken(void)
{
    for (unsigned i = 0; i < PENDING_MAX; i++) {
        if (!(ps2_status() & PS2_STATUS_OUT))
            return;
        yield();
    }
}

int ps2_command(bool mouse, const uint8_t *out, size_t out_len, uint8_t *in,
                size_t in_len)
{
    const uint8_t off = PS2_MODE_KBD_OFF | PS2_MODE_AUX_OFF;
    int rc;

    if (!ps2_present)
        return ERR_ABSENT;
    let_bytes_be_taken();
    rc = write_mode((uint8_t)
                    ((ps2_mode & ~(PS2_MODE_KBD_INT | PS2_MODE_AUX_INT | off)) |
                     (mouse ? PS2_MODE_KBD_OFF : PS2_MODE_AUX_OFF)));
    for (size_t i = 0; !rc && i < out_len; i++)
        rc = send_acknowledged(mouse, out[i]);
    for (size_t i = 0; !rc && i < in_len; i++) {
        int v = ps2_receive(mouse, out[0] == PS2_DEV_RESET ?
                            RESET_TIMEOUT_US : ANSWER_TIMEOUT_US);

        if (v < 0)
            rc = v;
        else
            in[i] = (uint8_t)v;
    }
    note_early();           /* answers are not: their interrupts were off */
    if (write_mode(ps2_mode))
        return ERR_TIMEOUT;
    return rc;
}
