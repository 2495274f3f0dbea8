/* SPDX-License-Identifier: MIT */
/*
 * Sum of bytes, four at a time: ACPI tables have tens of thousands of them.
 */
#include "fw/checksum.h"

#define EVEN_BYTES          0x00ff00ffu
#define DWORDS_MAX          128u        /* 256 bytes in a 16-bit half */

uint8_t byte_sum(const void *p, uint32_t len)
{
    const uint8_t *b = p;
    uint32_t total = 0;

    while (len >= 4) {
        uint32_t n = len / 4 < DWORDS_MAX ? len / 4 : DWORDS_MAX;
        uint32_t halves = 0;            /* two sums of 16 bits */

        len -= n * 4;
        for (; n > 0; n--, b += 4) {
            uint32_t v;

            __builtin_memcpy(&v, b, sizeof(v));
            halves += (v & EVEN_BYTES) + (v >> 8 & EVEN_BYTES);
        }
        total += halves + (halves >> 16);
    }
    while (len-- > 0)
        total += *b++;
    return (uint8_t)total;
}
