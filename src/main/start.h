/* SPDX-License-Identifier: MIT */
/*
 * The first C function, called by entry.S after reset.  Resident.
 */
#ifndef START_H
#define START_H

void start(void);

/* Give all resident variables their initial values, from ROM. */
void data_init(void);

#endif
