/* SPDX-License-Identifier: MIT */
/*
 * The first C function, called by entry.S after reset.
 */
#ifndef START_H
#define START_H

void start(void);

#endif
