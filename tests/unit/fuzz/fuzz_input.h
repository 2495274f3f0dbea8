/* SPDX-License-Identifier: MIT */
/*
 * The input, from which a device takes its answers byte by byte.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stddef.h>
#include <stdint.h>

/* Blocks of memory (host.h) that a driver can use up. */
#define FEW_BLOCKS  64u

static const uint8_t *input;
static size_t left;

static inline void input_begin(const uint8_t *data, size_t size)
{
    input = data;
    left = size;
}

static inline size_t input_left(void)
{
    return left;
}

/* The next byte, and zeros behind the last. */
static inline uint8_t next_byte(void)
{
    if (left == 0)
        return 0;
    left--;
    return *input++;
}

#endif
