/* SPDX-License-Identifier: MIT */
/*
 * SHA-256's block function, unrolled by eight so that no value has to be
 * moved between the eight state words.  Resident; built for speed.
 *
 * FIPS 180-4, 6.2.2.
 */
#include "tcg/hash.h"

static const uint32_t k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
    0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
    0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
    0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
    0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
    0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

/* The rotations are nested: each needs one fewer on a two-operand machine. */
#define BIG0(x)     hash_rol32(hash_rol32(hash_rol32((x), 23) ^ (x), 21) \
                               ^ (x), 30)
#define BIG1(x)     hash_rol32(hash_rol32(hash_rol32((x), 18) ^ (x), 27) \
                               ^ (x), 26)
#define SMALL0(x)   (hash_rol32((x), 25) ^ hash_rol32((x), 14) ^ (x) >> 3)
#define SMALL1(x)   (hash_rol32((x), 15) ^ hash_rol32((x), 13) ^ (x) >> 10)

/* bc carries b ^ c of this round in, and a ^ b, the next one's, out. */
#define ROUND(a, b, c, d, e, f, g, h, n) do {                           \
    uint32_t t = (h) + BIG1(e) + ((g) ^ ((e) & ((f) ^ (g)))) + w[n];    \
    uint32_t ab = (a) ^ (b);                                            \
    (d) += t;                                                           \
    bc &= ab;                                                           \
    (h) = t + BIG0(a) + (bc ^ (b));                                     \
    bc = ab;                                                            \
} while (0)

void sha256_blocks(void *state, const uint8_t *p, size_t blocks)
{
    uint32_t *s = state;
    uint32_t x[64];

    for (; blocks; blocks--, p += 64) {
        uint32_t a = s[0], b = s[1], c = s[2], d = s[3];
        uint32_t e = s[4], f = s[5], g = s[6], h = s[7];
        uint32_t bc = b ^ c;

        for (unsigned i = 0; i < 16; i++) {
            x[i] = hash_load_be32(p + 4 * i);
        }
        for (unsigned i = 16; i < 64; i++) {
            x[i] = x[i - 16] + SMALL0(x[i - 15]) + x[i - 7]
                   + SMALL1(x[i - 2]);
        }
        for (unsigned i = 0; i < 64; i += 4) {
            x[i] += k[i];
            x[i + 1] += k[i + 1];
            x[i + 2] += k[i + 2];
            x[i + 3] += k[i + 3];
        }
        for (const uint32_t *w = x; w < x + 64; w += 8) {
            ROUND(a, b, c, d, e, f, g, h, 0);
            ROUND(h, a, b, c, d, e, f, g, 1);
            ROUND(g, h, a, b, c, d, e, f, 2);
            ROUND(f, g, h, a, b, c, d, e, 3);
            ROUND(e, f, g, h, a, b, c, d, 4);
            ROUND(d, e, f, g, h, a, b, c, 5);
            ROUND(c, d, e, f, g, h, a, b, 6);
            ROUND(b, c, d, e, f, g, h, a, 7);
        }
        s[0] += a;
        s[1] += b;
        s[2] += c;
        s[3] += d;
        s[4] += e;
        s[5] += f;
        s[6] += g;
        s[7] += h;
    }
}
