/* SPDX-License-Identifier: MIT */
/*
 * SHA-1's block function, unrolled by ten so that no value has to be moved
 * between the five state words.  Resident; built for speed.
 *
 * FIPS 180-4, 6.1.2.
 */
#include "hash/hash.h"
#include "hash/sha_tune.h"

/*
 * One round: the state is (a b c d e), and would become (e a b c d).  t is
 * the function of b, c and d.
 */
#define FINISH(k, a, b, e, w) do {                                      \
    (e) += (w);                                                         \
    SHA_KEEP(e);                                                        \
    (e) += t + (k);                                                     \
    SHA_KEEP(e);                                                        \
    t = hash_rol32((a), 5);                                             \
    SHA_KEEP(t);                                                        \
    (e) += t;                                                           \
    SHA_KEEP(e);                                                        \
    (b) = hash_rol32((b), 30);                                          \
    SHA_KEEP(b);                                                        \
} while (0)

#define CHOOSE(a, b, c, d, e, w) do {                                   \
    t = (c) ^ (d);                                                      \
    SHA_KEEP(t);                                                        \
    t = (t & (b)) ^ (d);                                                \
    SHA_KEEP(t);                                                        \
    FINISH(0x5a827999, a, b, e, w);                                     \
} while (0)

#define PARITY(k, a, b, c, d, e, w) do {                                \
    t = (b) ^ (c) ^ (d);                                                \
    SHA_KEEP(t);                                                        \
    FINISH(k, a, b, e, w);                                              \
} while (0)

#define PARITY1(a, b, c, d, e, w)   PARITY(0x6ed9eba1, a, b, c, d, e, w)
#define PARITY2(a, b, c, d, e, w)   PARITY(0xca62c1d6, a, b, c, d, e, w)

/* b & c and d & (b ^ c) have no bit in common: they can be added apart. */
#define MAJORITY(a, b, c, d, e, w) do {                                 \
    t = (b) & (c);                                                      \
    SHA_KEEP(t);                                                        \
    (e) += t;                                                           \
    SHA_KEEP(e);                                                        \
    t = ((b) ^ (c)) & (d);                                              \
    SHA_KEEP(t);                                                        \
    FINISH(0x8f1bbcdc, a, b, e, w);                                     \
} while (0)

#define FIVE(round, n) do {                                             \
    round(a, b, c, d, e, w[n]);                                         \
    round(e, a, b, c, d, w[(n) + 1]);                                   \
    round(d, e, a, b, c, w[(n) + 2]);                                   \
    round(c, d, e, a, b, w[(n) + 3]);                                   \
    round(b, c, d, e, a, w[(n) + 4]);                                   \
} while (0)

#define ROUNDS(round, end)  do {                                       \
    FIVE(round, 0);                                                     \
    w += 5;                                                             \
} while (w != (end))

/* x is w[i - 3] before, w[i] after. */
#define NEXT(i, x) do {                                                 \
    (x) ^= w[(i) - 8];                                                  \
    SHA_KEEP(x);                                                        \
    SHA_FORGET();                                                       \
    (x) ^= w[(i) - 14];                                                 \
    SHA_KEEP(x);                                                        \
    (x) = hash_rol32((x) ^ w[(i) - 16], 1);                             \
    w[i] = (x);                                                         \
    SHA_FORGET();                                                       \
} while (0)

#define THREE(i) do {                                                   \
    NEXT(i, a);                                                         \
    NEXT((i) + 1, b);                                                   \
    NEXT((i) + 2, c);                                                   \
} while (0)

void sha1_blocks(void *state, const uint8_t *p, size_t blocks)
{
    uint32_t *h = state;
    uint32_t schedule[80];

    for (; blocks; blocks--) {
        uint32_t *w = schedule;
        uint32_t a, b, c, d, e, t;

        do {
            w[0] = hash_load_be32(p);
            w[1] = a = hash_load_be32(p + 4);
            w[2] = b = hash_load_be32(p + 8);
            w[3] = c = hash_load_be32(p + 12);
            w += 4;
            p += 16;
        } while (w != schedule + 16);
        do {
            SHA_KEEP(w);
            THREE(0);
            THREE(3);
            w += 6;
        } while (w != schedule + 76);
        THREE(0);
        NEXT(3, a);

        w = schedule;
        a = h[0];
        b = h[1];
        c = h[2];
        d = h[3];
        e = h[4];
        ROUNDS(CHOOSE, schedule + 20);
        ROUNDS(PARITY1, schedule + 40);
        ROUNDS(MAJORITY, schedule + 60);
        ROUNDS(PARITY2, schedule + 80);
        h[0] += a;
        h[1] += b;
        h[2] += c;
        h[3] += d;
        h[4] += e;
    }
}
