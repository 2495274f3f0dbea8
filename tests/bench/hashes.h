/* SPDX-License-Identifier: MIT */
/*
 * What the two halves of the hash benchmark say to each other: hashes.c, a
 * 64-bit program, and hashes32.c, which holds the firmware's objects.
 */
#ifndef BENCH_HASHES_H
#define BENCH_HASHES_H

#include <stdint.h>

/* The firmware without extensions, with SSE2, with AVX2 for one bank alone, and
 * with SSE2 and those for SHA. */
enum who { FIRMWARE, FIRMWARE_SSE2, FIRMWARE_AVX2, FIRMWARE_SHA, OPENSSL32 };

#define PIECE       0x100000u   /* per update, as measure_linux.c's */
#define ALL_BANKS   0xffffu     /* SHA-1, 256, 384 and 512 in one pass */
#define LONG_BANKS  0xfffeu     /* the last two */

struct request {
    uint32_t who;           /* enum who */
    uint32_t alg;           /* TPM_ALG_ID, or one of the above */
    uint32_t data, len;     /* address; len is a multiple of PIECE */
    uint32_t size;          /* out: of the digest; 0: cannot be done */
    uint8_t digest[64];     /* out; of several the last one */
};

#endif
