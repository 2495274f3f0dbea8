/* SPDX-License-Identifier: MIT */
/*
 * A caller of INT 1Ah AH=BBh after the hand-over of a real TPM, and its
 * memory.
 */
#ifndef INT1A_CALLER_H
#define INT1A_CALLER_H

#include "fakehw.h"
#include "realtpm.h"
#include "replay.h"

#define RAM_SIZE    0x40000u
#define WRITABLE    0x30000u            /* above it callers may only read */
#define IN          0x1000u
#define OUT         0x2000u
#define EVENT       0x3000u
#define DATA        0x4000u

#define ERROR(drv)  (1u | (uint32_t)(drv) << 16)

extern struct fakehw hw;
extern struct tcg t;
extern struct replay rp;
extern uint8_t log_area[0x4000];
extern uint8_t *ram;                    /* RAM_SIZE bytes; 1000 at DATA */

/* Boot with a new TPM of that version; at the end the log is read. */
void begin(int version);
void end(void);

/* Registers of function AL, with blocks at IN and OUT; what it returns. */
struct tcg_regs regs(uint8_t al);
uint32_t call(struct tcg_regs *r);

void put32(uint32_t at, uint32_t v);
uint32_t get32(uint32_t at);
/* A TCG_PCClientPCREvent at EVENT. */
void event(uint32_t pcr, uint32_t type, const char *text);
/* HashLogExtendEvent's block, short or long form, at IN. */
void block01(bool is_long, uint32_t ptr, uint32_t len, uint32_t pcr,
             uint32_t log_len);

/* The log, which must be that of the TPM's PCRs, by its last entry. */
const struct replay_event *last_event(void);

#endif
