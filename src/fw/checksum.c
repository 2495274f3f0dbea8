/* SPDX-License-Identifier: MIT */
/*
 * Sum of bytes, four at a time: ACPI tables have tens of thousands of them.
 */
#include "fw/checksum.h"

#define EVEN_BYTES          0x00ff00ffu
#define ROUND               16u         /* bytes in one turn of the loop */
#define ROUNDS_MAX          32u         /* 256 bytes in a 16-bit half */

/* The four bytes at b, as two sums of 16 bits. */
static inline uint32_t halves_of(const uint8_t *b)
{
    uint32_t v;

    __builtin_memcpy(&v, b, sizeof(v));
    return (v & EVEN_BYTES) + (v >> 8 & EVEN_BYTES);
}

uint8_t byte_sum(const void *p, uint32_t len)
{
    const uint8_t *b = p;
    uint32_t total = 0;

    while (len >= ROUND) {
        uint32_t n = len / ROUND < ROUNDS_MAX ? len / ROUND : ROUNDS_MAX;
        uint32_t halves = 0;

        len -= n * ROUND;
        for (; n > 0; n--, b += ROUND)
            halves += halves_of(b) + halves_of(b + 4) + halves_of(b + 8) +
                      halves_of(b + 12);
        total += halves + (halves >> 16);
    }
    while (len-- > 0)
        total += *b++;
    return (uint8_t)total;
}
