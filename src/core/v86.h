/* SPDX-License-Identifier: MIT */
/*
 * Callers in virtual-8086 mode: DOS under EMM386, JEMMEX or Windows.
 *
 * Their code cannot switch modes.  What they call raises an SMI (port B2h)
 * whose handler, in SMRAM, exchanges the CPU's whole state: the caller's for
 * one that is 32-bit flat, and back.  So the services are the same code as for
 * real mode.  They run on stacks of their own, not in system management mode.
 * v86_entry.S has the way in and out, smi.S the handler, which hw/smm.c puts in
 * place; docs/architecture.md, "Virtual-8086 mode".  Resident.
 */
#ifndef V86_H
#define V86_H

#include "core/bda.h"
#include "core/layout.h"
#include "core/regs.h"

/*
 * One of them in the firmware; NULL: nobody, or a caller in real mode.
 * v86_enter in v86_entry.S makes it, on the stack of the call.
 */
struct v86_call {
    struct bregs r;             /* first, with the next four: entry.S' frame */
    uint16_t ss, number;
    uint32_t sp;                /* AX, number, and its frame */
    uint32_t a20_was_closed;
    uint32_t cr0, cr3, cr4;     /* by which its memory is found */
    uint32_t slot;              /* of the handler's, 0 to V86_SLOTS - 1 */
};
_Static_assert(offsetof(struct v86_call, ss) == ENTRY_SS, "entry");
_Static_assert(offsetof(struct v86_call, number) == ENTRY_VECTOR, "entry");
_Static_assert(offsetof(struct v86_call, sp) == ENTRY_ESP, "entry");
_Static_assert(offsetof(struct v86_call, a20_was_closed) == ENTRY_A20, "entry");
_Static_assert(offsetof(struct v86_call, slot) == V86_SLOT, "entry");
_Static_assert(sizeof(struct v86_call) == V86_SIZE, "entry");

extern struct v86_call *v86_call;

/* What smm_setup() was given in POST; NULL: virtual-8086 mode is not served. */
extern uint8_t *v86_stacks;

/* Without that: what INT 10h was before the serial console; 0: nothing. */
extern struct farptr v86_video;

/*
 * Call r->cs:r->ip in the mode and on the stack of the caller, which must be in
 * virtual-8086 mode: as call16(), or as call16_iret() with as_interrupt.
 */
void v86_call_out(struct bregs *r, bool as_interrupt);

/*
 * The A20 gate as the caller has it: by port 92h, from its mode, for its
 * monitor may have one of its own there.
 *
 * what  0 close, 1 open, 2 only look
 * Returns whether it is open.
 */
bool v86_a20(uint8_t what);

/*
 * End the service without a result: the caller lets interrupts in, halts until
 * one comes, and calls again.  For waits without a bound, so that many callers
 * can wait (each DOS box of Windows does).  Real mode: returns.
 */
void v86_ask_again(void);

#endif
