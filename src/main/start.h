/* SPDX-License-Identifier: MIT */
/*
 * The first C function, called by entry.S after reset.  Resident.
 */
#ifndef START_H
#define START_H

#include <stdint.h>

/* host: the host bridge's vendor and device, which entry.S has read */
void start(uint32_t host);

/* Give all resident variables their initial values, from ROM. */
void data_init(void);

#endif
