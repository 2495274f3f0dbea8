/* SPDX-License-Identifier: MIT */
/*
 * Time, from the ACPI PM timer (24 bits, 3.579545 MHz) at I/O port 608h:
 * runs as soon as fw/pci_setup has programmed the PM base; no calibration.
 * Resident.  ACPI 6.4, 4.8.3.3.
 */
#ifndef TIMER_H
#define TIMER_H

#include "compiler.h"

/*
 * A deadline.  timer_expired() must be asked at least every 4 s, which every
 * polling loop does.
 */
struct deadline { uint32_t last, left; };

struct deadline timer_deadline_us(uint32_t us);
struct deadline timer_deadline_ms(uint32_t ms);
bool timer_expired(struct deadline *d);

/* Microseconds since an arbitrary moment; call at least every 4 s. */
uint64_t timer_now_us(void);

/* Wait, at least us microseconds.  For hardware that demands a pause only. */
void timer_delay_us(uint32_t us);

#endif
