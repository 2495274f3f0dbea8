/* SPDX-License-Identifier: MIT */
/*
 * The memory of QEMU's physical presence interface, in which an operating
 * system leaves its requests.  POST only.
 */
#ifndef PPI_MEMORY_H
#define PPI_MEMORY_H

#include "lib/compiler.h"

/*
 * Where it is, with what has been left in it since power-on; NULL when there is
 * none, or when this is the power-on: then it is zeros now.  Before anything
 * else reads it; once fw_cfg is known.
 */
volatile uint8_t *ppi_memory(void);

#endif
