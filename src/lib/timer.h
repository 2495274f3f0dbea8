/* SPDX-License-Identifier: MIT */
/*
 * Time, from the ACPI PM timer (24 bits, 3.579545 MHz) at I/O port 608h:
 * runs as soon as fw/pci_setup has programmed the PM base; no calibration.
 * Resident.  ACPI 6.4, 4.8.3.3.
 */
#ifndef TIMER_H
#define TIMER_H

#include "lib/compiler.h"

/*
 * A deadline.  The timer must be read at least every 4 s, by whatever waits:
 * one deadline that spans many short ones need not be asked by itself.
 */
struct deadline { uint64_t end; };      /* in ticks */

struct deadline timer_deadline_us(uint32_t us);
struct deadline timer_deadline_ms(uint32_t ms);
bool timer_expired(const struct deadline *d);

/*
 * The same by what the timer read last, without an access to it: for a limit on
 * a number of waits, which ask the timer themselves.
 */
struct deadline timer_deadline_seen_ms(uint32_t ms);
bool timer_seen(const struct deadline *d);

/* Microseconds since an arbitrary moment. */
uint64_t timer_now_us(void);

/* Wait, at least us microseconds.  For hardware that demands a pause only. */
void timer_delay_us(uint32_t us);

#endif
