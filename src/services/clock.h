/* SPDX-License-Identifier: MIT */
/*
 * The time services of INT 15h and 1Ah, which their dispatchers (system.c,
 * int1a.c) pass on.  Resident.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include "core/regs.h"

/* AH=83h: set a bit in the caller's memory after a while. */
void clock_event_wait(struct bregs *r);

/* AH=86h: wait. */
void clock_wait(struct bregs *r);

/* INT 1Ah, AH=0 to CLOCK_1A_LAST: ticks, time, date, alarm. */
#define CLOCK_1A_LAST       7u
void clock_1a(struct bregs *r);

#endif
