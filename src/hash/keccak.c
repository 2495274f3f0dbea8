/* SPDX-License-Identifier: MIT */
/*
 * The permutation of SHA-3, Keccak-f[1600], compact.  Resident.
 *
 * FIPS 202, 3.2 and 3.3.
 */
#include "hash/hash.h"

#define LANES   25

/* Offsets of rho in the order in which pi visits the lanes after lane 0. */
static const uint8_t rho[24] = {
    1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14,
    27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44,
};

static const uint8_t pi[24] = {
    10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4,
    15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1,
};

static uint64_t rol64(uint64_t v, unsigned n)
{
    return n ? v << n | v >> (64 - n) : v;
}

static void theta(uint64_t a[LANES])
{
    uint64_t c[5];

    for (unsigned x = 0; x < 5; x++)
        c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (unsigned x = 0; x < 5; x++) {
        uint64_t d = c[(x + 4) % 5] ^ rol64(c[(x + 1) % 5], 1);

        for (unsigned y = 0; y < LANES; y += 5)
            a[x + y] ^= d;
    }
}

static void rho_pi(uint64_t a[LANES])
{
    uint64_t moving = a[1];

    for (unsigned i = 0; i < 24; i++) {
        uint64_t next = a[pi[i]];

        a[pi[i]] = rol64(moving, rho[i]);
        moving = next;
    }
}

static void chi(uint64_t a[LANES])
{
    for (unsigned y = 0; y < LANES; y += 5) {
        uint64_t row[5];

        for (unsigned x = 0; x < 5; x++)
            row[x] = a[y + x];
        for (unsigned x = 0; x < 5; x++)
            a[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
    }
}

/*
 * The round constant: bits 2^j - 1 for j = 0..6, from the shift register
 * x^8 + x^6 + x^5 + x^4 + 1 whose state goes from round to round.
 */
static uint64_t iota(uint8_t *lfsr)
{
    uint64_t rc = 0;

    for (unsigned j = 0; j < 7; j++) {
        if (*lfsr & 1)
            rc |= (uint64_t)1 << ((1u << j) - 1);
        *lfsr = (uint8_t)(*lfsr << 1 ^ (*lfsr & 0x80 ? 0x71 : 0));
    }
    return rc;
}

void keccak_f1600(uint64_t lane[LANES])
{
    uint8_t lfsr = 1;

    for (unsigned round = 0; round < 24; round++) {
        theta(lane);
        rho_pi(lane);
        chi(lane);
        lane[0] ^= iota(&lfsr);
    }
}
