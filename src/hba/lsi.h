/* SPDX-License-Identifier: MIT */
/*
 * LSI (Symbios, NCR) 53C8xx SCSI adapters, the emulated ones: asynchronous
 * transfers, one command at a time, by a program that the adapter's own
 * processor runs.
 *
 * LSI53C895A PCI to Ultra2 SCSI Controller Technical Manual, 2.2: 4
 * (registers) and 5 (SCRIPTS).
 */
#ifndef HW_LSI_H
#define HW_LSI_H

#include "disk/scsi.h"

#define LSI_VENDOR          0x1000u
#define LSI_53C810          0x0001u
#define LSI_53C895A         0x0012u
#define LSI_TARGETS         7u          /* 7 is the adapter itself */

/* Registers: offsets from the I/O BAR */
#define LSI_DSTAT           0x0cu       /* 8; reading clears */
#define LSI_ISTAT           0x14u       /* 8 */
#define LSI_ISTAT_DMA       (1u << 0)
#define LSI_ISTAT_SCSI      (1u << 1)
#define LSI_ISTAT_RESET     (1u << 6)
#define LSI_DBC             0x24u       /* 24: bytes left of a move */
#define LSI_DBC_MASK        0xffffffu
#define LSI_DSP             0x2cu       /* 32: writing starts the program */
#define LSI_DSPS            0x30u       /* operand of INT: 7:0 */
#define LSI_SIST0           0x42u       /* 8; reading clears */
#define LSI_SIST0_MISMATCH  (1u << 7)
#define LSI_SIST1           0x43u       /* 8; reading clears */
#define LSI_SIST1_TIMEOUT   (1u << 2)   /* nobody answers the selection */

/* SCRIPTS: two words for each instruction */
enum lsi_phase {
    LSI_DATA_OUT, LSI_DATA_IN, LSI_COMMAND, LSI_STATUS,
    LSI_MESSAGE_OUT = 6, LSI_MESSAGE_IN,
};
#define LSI_MOVE(phase, n)  (0x08000000u | (phase) << 24 | (n))
#define LSI_SELECT_ATN      0x41000000u /* | target << 16 */
#define LSI_WAIT_DISCONNECT 0x48000000u
#define LSI_WAIT_RESELECT   0x50000000u
#define LSI_CLEAR_ACK       0x60000040u
#define LSI_JUMP            0x80080000u
#define LSI_JUMP_WHEN(phase) (0x800b0000u | (phase) << 24)
#define LSI_JUMP_IF(byte)   (0x800c0000u | (byte))
#define LSI_INT             0x98080000u

#define LSI_IDENTIFY        0x80u       /* | LUN; may not disconnect */
#define LSI_DISCONNECT      0x04u
#define LSI_COMPLETE        0x00u

/* The program, by the number of the instruction. */
enum lsi_step {
    STEP_SELECT, STEP_IDENTIFY, STEP_COMMAND,
    STEP_LOOP, STEP_LOOP_IN, STEP_LOOP_OUT, STEP_LOOP_STATUS, STEP_LOST,
    STEP_DATA_IN, STEP_DATA_IN_END, STEP_DATA_OUT, STEP_DATA_OUT_END,
    STEP_STATUS, STEP_STATUS_END,
    STEP_MESSAGE, STEP_IF_DISCONNECT, STEP_IF_COMPLETE, STEP_ACK,
    STEP_MESSAGE_END,
    STEP_AWAY, STEP_AWAY_WAIT, STEP_BACK, STEP_BACK_END,
    STEP_DONE, STEP_DONE_WAIT, STEP_GOOD,
    STEPS,
};

struct lsi {
    uint32_t program[STEPS][2];
    uint8_t cdb[16];
    uint8_t identify, status, message;
    bool dead;
    uint16_t port;
};

/* scsi_drive.host is the structure above. */
extern const struct drive_ops lsi_ops;

#endif
