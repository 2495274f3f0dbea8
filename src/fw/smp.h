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

#endif
