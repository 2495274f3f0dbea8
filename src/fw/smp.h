/* SPDX-License-Identifier: MIT */
/*
 * All processors: memory types (MTRR), feature control, interrupts by the
 * 8259 through the boot processor's local APIC, and parking of the others.
 *
 * Intel SDM volume 3, 8.4 (start-up), 10 (local APIC), 11.11 (MTRR).
 */
#ifndef FW_SMP_H
#define FW_SMP_H

#include "lib/compiler.h"

/* ---------------------------------------------------------------- POST only */

/* Set this processor up and start all others, without waiting for them.
 * After fwcfg_init() and e820_init(). */
void smp_start(void);

/* Wait until the others have set themselves up and stopped; missing ones are
 * reported. */
void smp_finish(void);

/* How many APIC IDs there may be (hot-plug included), and whether that one
 * answered.  After smp_finish(). */
uint32_t smp_max_count(void);
bool smp_present(uint8_t apic_id);

/* ----------------------------------------------------------------- resident */

/* The same after the reset that ends S3, from the variables of POST. */
void smp_resume(void);

/*
 * Work in parallel, while no code but the firmware's has run on the others, or
 * can have given them work: up to SMP_JOBS jobs, numbered from 0, which whoever
 * is free takes by smp_take().  The other processors call help(job, room) for
 * those that they have taken, with a stack of SMP_STACK bytes, interrupts off,
 * and SMP_RESULT bytes at room for what comes of it.
 *
 * smp_begin    false: there are no others, or they have no local APIC
 * smp_take     the next job, or a number from count on: none is left
 * smp_end      after that: waits for the others, at most so long; own: bit for
 *              each job that the caller has taken.  Returns the bits of those
 *              that the others have done; whoever was late has been stopped.
 */
bool smp_begin(unsigned count, void (*help)(unsigned job, void *room));
unsigned smp_take(void);
uint32_t smp_end(uint32_t own, uint32_t ms);
/* Where the help for a job was told to put its result. */
void *smp_room(unsigned job);

#endif
