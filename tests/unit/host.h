/* SPDX-License-Identifier: MIT */
/*
 * What the drivers under test call of the rest of the firmware, on the host:
 * messages are kept, memory is the host's (sanitizers watch it), PCI does
 * nothing.  What a driver's test wants to decide itself (drive_register(),
 * poll_again() and the like) is the test's.
 */
#ifndef HOST_H
#define HOST_H

#include <stdint.h>

/* All that print() has printed since host_reset(). */
extern char host_said[16384];

/* As many blocks of memory there are at once. */
#define HOST_BLOCKS         4096u
extern unsigned host_blocks_max;

/* Forget what was said, free all memory. */
void host_reset(void);

/* A block of memory by the 32 bits that a device is told; NULL: none. */
void *host_block(uint32_t low);

#endif
