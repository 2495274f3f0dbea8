/* SPDX-License-Identifier: MIT */
/*
 * Start of the keyboard controller and the keyboard.  POST only.
 *
 * The reset is sent early and its answer is collected when POST has done
 * everything else, so no time passes waiting.  The mouse stays off until
 * INT 15h AX=C205h asks for it.
 */
#include "services/services.h"

#include "core/bda.h"
#include "fw/fwcfg.h"
#include "hw/ps2.h"
#include "lib/err.h"
#include "lib/io.h"
#include "lib/print.h"
#include "lib/timer.h"

#define STALE_BYTES_MAX     32u
#define ANSWER_TIMEOUT_US   25000u      /* acknowledgement: 20 ms */
#define TEST_TIMEOUT_US     1000000u    /* self-test: 300-750 ms */
#define SPINUP_MAX_MS       60000u
#define KBD_MODE_ENHANCED   0x10u       /* BDA 96h: 101 or 102 keys */

/* While the keyboard is reset: no interrupts, no mouse. */
#define MODE_QUIET          (PS2_MODE_SYSTEM | PS2_MODE_AUX_OFF | \
                             PS2_MODE_TRANSLATE)

void keyboard_start(void)
{
    uint8_t status = ps2_status();

    bda->kbd_mode = KBD_MODE_ENHANCED;
    if (status == PS2_STATUS_ABSENT)
        return;
    for (unsigned i = 0; status & PS2_STATUS_OUT; i++) {
        if (i == STALE_BYTES_MAX) {
            print("PS/2: the controller never stops sending; no keyboard\n");
            return;
        }
        (void)inb(PS2_DATA);    /* what was typed before the reset */
        status = ps2_status();
    }
    if (ps2_set_mode(MODE_QUIET) || ps2_send(PS2_DEV_RESET)) {
        print("PS/2: the controller accepts no commands; no keyboard\n");
        return;
    }
    ps2_present = true;
}

/* The answer to a reset: acknowledgement and a passed self-test.  Keys that
 * were pressed just before may come first. */
static int reset_answer(void)
{
    int v = ERR_TIMEOUT;

    for (unsigned i = 0; i < STALE_BYTES_MAX && v != PS2_ACK; i++) {
        v = ps2_receive(false, ANSWER_TIMEOUT_US);
        if (v < 0)
            return v;
    }
    v = ps2_receive(false, TEST_TIMEOUT_US);
    if (v < 0)
        return v;
    return v == PS2_SELF_TEST_OK ? 0 : ERR_DEVICE;
}

/* A keyboard passed through from the host may take seconds to appear. */
static int reset_again(void)
{
    uint64_t spinup_ms = fwcfg_number("etc/ps2-keyboard-spinup", 0);
    struct deadline d;
    int rc = ERR_TIMEOUT;

    if (spinup_ms == 0)
        return rc;
    d = timer_deadline_ms(spinup_ms > SPINUP_MAX_MS ? SPINUP_MAX_MS :
                          (uint32_t)spinup_ms);
    do {
        rc = ps2_send(PS2_DEV_RESET);
        if (!rc)
            rc = reset_answer();
    } while (rc && !timer_expired(&d));
    return rc;
}

void keyboard_finish(void)
{
    static bool done;

    if (!ps2_present || done)
        return;
    done = true;
    if (reset_answer() && reset_again())
        debug("PS/2: the keyboard does not answer its reset; going on\n");
    if (ps2_set_mode(MODE_QUIET | PS2_MODE_KBD_INT)) {
        print("PS/2: the controller hangs; no keyboard\n");
        ps2_present = false;
    }
}
