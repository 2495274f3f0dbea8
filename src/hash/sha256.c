/* SPDX-License-Identifier: MIT */
/*
 * SHA-256's block function, for a machine with seven registers: a, e and what
 * a round computes are in them, the rest of the state is a window that slides
 * over an array.  Resident; built for speed.
 *
 * FIPS 180-4, 6.2.2.
 */
#include "hash/hash.h"
#include "hash/sha_tune.h"

#include <string.h>

const uint32_t sha256_k[64] = {
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

/*
 * Round n finds h g f e d c b a at v[n] to v[n + 7] and w[n] behind them; its
 * own a takes the place of w[n], which nobody needs any more.
 */
struct frame {
    uint32_t v[8 + 64];
    uint32_t k[64];         /* here, one register addresses everything */
};

#define W   8
#define K   (8 + 64)

/* x = (((x >>> r) ^ y) >>> s ^ y) >>> t, where x and y are equal before. */
#define SUM(x, y, r, s, t) do {                                         \
    (x) = hash_rol32((x), 32 - (r));                                    \
    SHA_KEEP(x);                                                        \
    (x) = hash_rol32((x) ^ (y), 32 - (s));                              \
    SHA_KEEP(x);                                                        \
    (x) = hash_rol32((x) ^ (y), 32 - (t));                              \
    SHA_KEEP(x);                                                        \
} while (0)

#define ADD(x, y) do {                                                  \
    (x) += (y);                                                         \
    SHA_KEEP(x);                                                        \
} while (0)

/*
 * On entry bc holds b ^ c.  On exit ab holds a ^ b, which is b ^ c of the next
 * round.  e is the last value to be ready, so what depends on it is added last.
 */
#define ROUND(bc, ab, n) do {                                           \
    u = v[(n) + 2] ^ v[(n) + 1];                                        \
    SHA_KEEP(u);                                                        \
    SHA_FORGET();                                                       \
    u &= e;                                                             \
    SHA_KEEP(u);                                                        \
    u ^= v[(n) + 1];                                                    \
    SHA_KEEP(u);                                                        \
    ADD(u, v[n]);                                                       \
    ADD(u, v[W + (n)]);                                                 \
    ADD(u, v[K + (n)]);                                                 \
    t = e;                                                              \
    SUM(t, e, 14, 5, 6);                                                \
    ADD(u, t);                                                          \
    v[(n) + 4] += u;                                                    \
    SHA_FORGET();                                                       \
    e = v[(n) + 4];                                                     \
    SHA_KEEP(e);                                                        \
    ab = a;                                                             \
    SHA_KEEP(ab);                                                       \
    ab ^= v[(n) + 6];                                                   \
    SHA_KEEP(ab);                                                       \
    SHA_FORGET();                                                       \
    bc &= ab;                                                           \
    SHA_KEEP(bc);                                                       \
    bc ^= v[(n) + 6];                                                   \
    ADD(u, bc);                                                         \
    t = a;                                                              \
    SUM(t, a, 9, 11, 2);                                                \
    a = t + u;                                                          \
    SHA_KEEP(a);                                                        \
    v[(n) + 8] = a;                                                     \
    SHA_FORGET();                                                       \
} while (0)

/* x is w[i - 2] before, w[i] after. */
#define NEXT(i, x) do {                                                 \
    t = w[(i) - 15];                                                    \
    SHA_FORGET();                                                       \
    u = t;                                                              \
    SHA_KEEP(u);                                                        \
    t = hash_rol32(hash_rol32(t, 21) ^ u, 25);                          \
    u >>= 3;                                                            \
    t ^= u;                                                             \
    SHA_KEEP(t);                                                        \
    u = (x);                                                            \
    SHA_KEEP(u);                                                        \
    (x) = hash_rol32(hash_rol32((x), 30) ^ u, 15);                      \
    u >>= 10;                                                           \
    (x) ^= u;                                                           \
    ADD(x, t);                                                          \
    ADD(x, w[(i) - 7]);                                                 \
    ADD(x, w[(i) - 16]);                                                \
    w[i] = (x);                                                         \
    SHA_FORGET();                                                       \
} while (0)

void sha256_blocks(void *state, const uint8_t *p, size_t blocks)
{
    uint32_t *s = state;
    struct frame f;

    memcpy(f.k, sha256_k, sizeof(f.k));
    for (; blocks; blocks--) {
        uint32_t *v = f.v, *w = f.v + W;
        uint32_t a, e, ab, bc, t, u, x, y;

        do {
            w[0] = hash_load_be32(p);
            w[1] = hash_load_be32(p + 4);
            w[2] = x = hash_load_be32(p + 8);
            w[3] = y = hash_load_be32(p + 12);
            w += 4;
            p += 16;
        } while (w != f.v + W + 16);
        do {
            SHA_KEEP(w);
            NEXT(0, x);
            NEXT(1, y);
            NEXT(2, x);
            NEXT(3, y);
            w += 4;
        } while (w != f.v + W + 64);
        for (unsigned i = 0; i < 8; i++)
            v[7 - i] = s[i];
        a = s[0];
        e = s[4];
        bc = s[1] ^ s[2];
        do {
            SHA_KEEP(v);
            ROUND(bc, ab, 0);
            ROUND(ab, bc, 1);
            ROUND(bc, ab, 2);
            ROUND(ab, bc, 3);
            ROUND(bc, ab, 4);
            ROUND(ab, bc, 5);
            ROUND(bc, ab, 6);
            ROUND(ab, bc, 7);
            v += 8;
        } while (v != f.v + 64);
        for (unsigned i = 0; i < 8; i++)
            s[i] += v[7 - i];
    }
}
