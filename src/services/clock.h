/* SPDX-License-Identifier: MIT */
/*
 * The time services of INT 15h, which INT 15h's dispatcher (system.c) passes
 * on.  Resident.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include "core/regs.h"

/* AH=83h: set a bit in the caller's memory after a while. */
void clock_event_wait(struct bregs *r);

/* AH=86h: wait. */
void clock_wait(struct bregs *r);

#endif
