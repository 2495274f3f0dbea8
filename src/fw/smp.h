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
 * is free takes by smp_take().  The other processors call help(job) for those
 * that they have taken, with a stack of SMP_STACK bytes, interrupts off.  True:
 * it is done.
 *
 * smp_begin    false: there are no others, or they have no local APIC
 * smp_take     the next job, or a number from count on: none is left
 * smp_done     bits of those that the others have done
 * smp_stop     whoever is still at work is stopped; there is no help any more
 */
bool smp_begin(unsigned count, bool (*help)(unsigned job));
unsigned smp_take(void);
extern volatile uint32_t smp_done;
void smp_stop(void);

#endif
