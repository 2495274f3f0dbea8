/* SPDX-License-Identifier: MIT */
/*
 * The checksum of all firmware tables: the sum of all bytes is 0.  POST only.
 */
#ifndef FW_CHECKSUM_H
#define FW_CHECKSUM_H

#include "lib/compiler.h"

/* The sum of len bytes. */
uint8_t byte_sum(const void *p, uint32_t len);

/* Change *sum, one of the len bytes at p, so that all add up to 0. */
static inline void checksum_set(uint8_t *sum, const void *p, uint32_t len)
{
    *sum = (uint8_t)(*sum - byte_sum(p, len));
}

#endif
