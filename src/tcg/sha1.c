/* SPDX-License-Identifier: MIT */
/*
 * SHA-1's block function, unrolled by five so that no value has to be moved
 * between the five state words.  Resident; built for speed.
 *
 * FIPS 180-4, 6.1.2.
 */
#include "tcg/hash.h"

#define CHOOSE(x, y, z)     ((z) ^ ((x) & ((y) ^ (z))))
#define PARITY(x, y, z)     ((x) ^ (y) ^ (z))
#define MAJORITY(x, y, z)   (((x) & (y)) | ((z) & ((x) | (y))))

/* One round: the state is (a b c d e), and would become (e a b c d). */
#define ROUND(f, k, a, b, c, d, e, w) do {                              \
    (e) += hash_rol32((a), 5) + f((b), (c), (d)) + (k) + (w);           \
    (b) = hash_rol32((b), 30);                                          \
} while (0)

#define TWENTY(f, k, from)                                              \
    for (const uint32_t *x = (from); x < (from) + 20; x += 5) {         \
        ROUND(f, k, a, b, c, d, e, x[0]);                               \
        ROUND(f, k, e, a, b, c, d, x[1]);                               \
        ROUND(f, k, d, e, a, b, c, x[2]);                               \
        ROUND(f, k, c, d, e, a, b, x[3]);                               \
        ROUND(f, k, b, c, d, e, a, x[4]);                               \
    }

void sha1_blocks(void *state, const uint8_t *p, size_t blocks)
{
    uint32_t *h = state;
    uint32_t w[80];

    for (; blocks; blocks--, p += 64) {
        uint32_t a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];

        for (unsigned i = 0; i < 16; i++) {
            w[i] = hash_load_be32(p + 4 * i);
        }
        for (unsigned i = 16; i < 80; i++) {
            w[i] = hash_rol32(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
        }
        TWENTY(CHOOSE, 0x5a827999, w)
        TWENTY(PARITY, 0x6ed9eba1, w + 20)
        TWENTY(MAJORITY, 0x8f1bbcdc, w + 40)
        TWENTY(PARITY, 0xca62c1d6, w + 60)
        h[0] += a;
        h[1] += b;
        h[2] += c;
        h[3] += d;
        h[4] += e;
    }
}
