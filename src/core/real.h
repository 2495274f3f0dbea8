/* SPDX-License-Identifier: MIT */
/*
 * Leaving C for real mode and coming back: option ROMs, the services of
 * others (INT 10h of the VGA ROM), the boot loader, and pauses in which
 * interrupts are served.  Resident.
 */
#ifndef REAL_H
#define REAL_H

#include "core/regs.h"

#define SEG_BIOS            0xf000u
#define SEG_DATA            0xe000u     /* resident data and stack */

/*
 * Call r->cs:r->ip in real mode (far call), on the firmware's stack, with the
 * registers of *r; FLAG_IF in r->flags decides whether interrupts are on.  On
 * return *r holds the registers that the callee left.  At least 2 KiB of
 * stack are left to the callee.
 */
void call16(struct bregs *r);

/* The same for a routine that ends with IRET. */
void call16_iret(struct bregs *r);

/* The same for a software interrupt: goes through the vector at 0:vec*4. */
void call16_int(uint8_t vec, struct bregs *r);

/*
 * Leave the firmware for good: far jump to r->cs:r->ip with SS:SP = 0:7C00,
 * interrupts on, and the resident stack empty for the next service call.
 */
NORETURN void jump16(const struct bregs *r);

/*
 * Go on with fn on an empty resident stack: for INT 18h and 19h, whose callers
 * never get control back however deep the calls are that led there.
 */
NORETURN void real_restart(void (*fn)(void));

/*
 * End the innermost call16() that is in progress, as if its callee had
 * returned, with the registers as they were before.  There must be one.
 */
NORETURN void real_end_call(void);

/* The same down to the call16() or yield() that was begun when rt_sp, where
 * the resident stack is free, was sp. */
extern uint32_t rt_sp;
NORETURN void real_end_calls(uint32_t sp);

/* Linear address of the first stack argument of a far call (PMM, PnP). */
extern uint32_t entry_caller_stack;

/*
 * Serve pending interrupts: real mode with interrupts on for a moment.
 * To be called in every loop that waits for a device or a person; does nothing
 * before gate_roms().
 */
void yield(void);

/* The same, but the CPU halts until an interrupt comes (tick: 55 ms). */
void yield_halt(void);

/* The interrupt table is at 0, where the vectors stand now.  Before, there is
 * none at all: entry.S. */
void idt_of_real_mode(void);

#endif
