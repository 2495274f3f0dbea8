/* SPDX-License-Identifier: MIT */
/*
 * The 8042 keyboard controller with a keyboard and a mouse.
 * IBM PS/2 Hardware Interface Technical Reference, "Keyboard and Auxiliary
 * Device Controller".
 */
#ifndef HW_PS2_H
#define HW_PS2_H

#include "lib/compiler.h"

#define PS2_DATA            0x60u
#define PS2_STATUS          0x64u       /* reading; writing: command */

#define PS2_IRQ_KEYBOARD    1u
#define PS2_IRQ_MOUSE       12u

/* Status */
#define PS2_STATUS_OUT      (1u << 0)   /* a byte waits in PS2_DATA */
#define PS2_STATUS_IN       (1u << 1)   /* the controller is not ready */
#define PS2_STATUS_SYSTEM   (1u << 2)   /* its self-test has been passed */
#define PS2_STATUS_ABSENT   0xffu
#define PS2_STATUS_AUX      (1u << 5)   /* the byte is the mouse's */

/* Commands to the controller */
#define PS2_CMD_WRITE_MODE  0x60u
#define PS2_CMD_SELF_TEST   0xaau       /* answers 55h */
#define PS2_CMD_TO_MOUSE    0xd4u

/* Mode ("command byte") */
#define PS2_MODE_KBD_INT    (1u << 0)
#define PS2_MODE_AUX_INT    (1u << 1)
#define PS2_MODE_SYSTEM     (1u << 2)
#define PS2_MODE_KBD_OFF    (1u << 4)
#define PS2_MODE_AUX_OFF    (1u << 5)
#define PS2_MODE_TRANSLATE  (1u << 6)   /* the keyboard speaks set 2, we 1 */

/* Commands to both devices, and their answers */
#define PS2_DEV_RESET       0xffu
#define PS2_DEV_DISABLE     0xf5u
#define PS2_DEV_ENABLE      0xf4u
#define PS2_DEV_RATE        0xf3u       /* 1 parameter */
#define PS2_DEV_ID          0xf2u
#define PS2_KBD_LEDS        0xedu       /* 1 parameter */
#define PS2_MOUSE_STATUS    0xe9u       /* answers 3 bytes */
#define PS2_MOUSE_RESOLUTION 0xe8u      /* 1 parameter */
#define PS2_MOUSE_SCALE_2   0xe7u
#define PS2_MOUSE_SCALE_1   0xe6u
#define PS2_ACK             0xfau
#define PS2_RESEND          0xfeu
#define PS2_SELF_TEST_OK    0xaau

/* ----------------------------------------------------------------- resident */

/* A controller answered in POST. */
extern bool ps2_present;

/* What the controller's mode is between our commands. */
extern uint8_t ps2_mode;

/*
 * The status of the controller.  If it takes a byte, the functions here write
 * their next one without asking again: one of them has to follow.
 */
uint8_t ps2_status(void);

/* Set the mode (and ps2_mode).  0 or ERR_TIMEOUT. */
int ps2_set_mode(uint8_t mode);

/*
 * Send a command to the keyboard or the mouse, with the other one and both
 * interrupts off meanwhile.
 *
 * out, out_len    the command and its parameters; each is acknowledged
 * in, in_len      answer bytes behind the last acknowledgement
 * Returns 0; ERR_TIMEOUT, ERR_DEVICE (the device refuses), ERR_ABSENT (no
 * controller).  Interrupts are off for the device's answering time.
 */
int ps2_command(bool mouse, const uint8_t *out, size_t out_len, uint8_t *in,
                size_t in_len);

/* Write one byte to the keyboard, without waiting for its answer. */
int ps2_send(uint8_t v);

/*
 * For the handlers of IRQ 1 and IRQ 12: the byte that the interrupt is about,
 * also when somebody in front of the handler has read it.  ERR_ABSENT: it is
 * about none, or the one that waits is the other device's.
 */
int ps2_take(bool mouse);

/*
 * The next byte of the keyboard (or the mouse), or ERR_TIMEOUT.  Bytes of the
 * other one are dropped.
 */
int ps2_receive(bool mouse, uint32_t timeout_us);

#endif
