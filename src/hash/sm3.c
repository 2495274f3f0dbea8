/* SPDX-License-Identifier: MIT */
/*
 * SM3's block function, compact.  Resident.
 *
 * GB/T 32905-2016, 5.3; ISO/IEC 10118-3:2018.
 */
#include "hash/hash.h"

static uint32_t p0(uint32_t x)
{
    return x ^ hash_rol32(x, 9) ^ hash_rol32(x, 17);
}

static uint32_t p1(uint32_t x)
{
    return x ^ hash_rol32(x, 15) ^ hash_rol32(x, 23);
}

static void expand(uint32_t w[68], const uint8_t *p)
{
    for (unsigned i = 0; i < 16; i++)
        w[i] = hash_load_be32(p + 4 * i);
    for (unsigned i = 16; i < 68; i++) {
        w[i] = p1(w[i - 16] ^ w[i - 9] ^ hash_rol32(w[i - 3], 15)) ^
               hash_rol32(w[i - 13], 7) ^ w[i - 6];
    }
}

static void compress(uint32_t s[8], const uint32_t w[68])
{
    uint32_t a = s[0], b = s[1], c = s[2], d = s[3];
    uint32_t e = s[4], f = s[5], g = s[6], h = s[7];

    for (unsigned i = 0; i < 64; i++) {
        uint32_t k = i < 16 ? 0x79cc4519 : 0x7a879d8a;
        uint32_t ff = i < 16 ? a ^ b ^ c : (a & b) | (c & (a | b));
        uint32_t gg = i < 16 ? e ^ f ^ g : g ^ (e & (f ^ g));
        uint32_t ss1 = hash_rol32(hash_rol32(a, 12) + e + hash_rol32(k, i),
                                  7);
        uint32_t tt1 = ff + d + (ss1 ^ hash_rol32(a, 12)) + (w[i] ^ w[i + 4]);
        uint32_t tt2 = gg + h + ss1 + w[i];

        d = c;
        c = hash_rol32(b, 9);
        b = a;
        a = tt1;
        h = g;
        g = hash_rol32(f, 19);
        f = e;
        e = p0(tt2);
    }
    s[0] ^= a;
    s[1] ^= b;
    s[2] ^= c;
    s[3] ^= d;
    s[4] ^= e;
    s[5] ^= f;
    s[6] ^= g;
    s[7] ^= h;
}

void sm3_blocks(void *state, const uint8_t *p, size_t blocks)
{
    uint32_t w[68];

    for (; blocks; blocks--, p += 64) {
        expand(w, p);
        compress(state, w);
    }
}
