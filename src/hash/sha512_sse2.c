/* SPDX-License-Identifier: MIT */
/*
 * The block function of SHA-384 and SHA-512 with SSE2.  A register has room for
 * two 64-bit words.  The two hashes differ in nothing but the state that they
 * begin with, so both are computed at once: a register has the same word of
 * both states.  Of the message schedule, which they share, it has two words
 * that follow each other.  Whoever calls this knows that the processor has
 * SSE2, that it is switched on, and keeps the XMM registers.  Resident; built
 * for speed.
 *
 * FIPS 180-4, 6.4.2.
 */
#include "hash/hash.h"
#include "hash/sha_tune.h"

#if defined(__i386__) || defined(__x86_64__)

#define SSE2    __attribute__((target("sse2")))
#define TURN    16          /* rounds until the window begins anew */

typedef uint64_t v2 __attribute__((vector_size(16)));

struct room {
    v2 w[40];               /* 80 words of the schedule */
    v2 v[8 + TURN];         /* the state, a window as in sha512.c */
};

/* x rotated to the right by t, t + s and t + s + r, and that XORed. */
#define BIG(x, r, s, t) ({                                              \
    v2 down_ = (x) >> (r), up_ = (x) << (s);                            \
    down_ ^= (x);                                                       \
    up_ ^= (x);                                                         \
    down_ >>= (s);                                                      \
    up_ <<= (r);                                                        \
    down_ ^= (x);                                                       \
    up_ ^= (x);                                                         \
    down_ >>= (t);                                                      \
    up_ <<= 64 - (r) - (s) - (t);                                       \
    down_ ^ up_;                                                        \
})

/* x shifted to the right by one of the three numbers, rotated by the others;
 * up, more: to the left by more and by both. */
#define SMALL(x, r, s, t, up, more) ({                                  \
    v2 down_ = (x) >> (r), up_ = (x) << (up);                           \
    down_ ^= (x);                                                       \
    up_ ^= (x);                                                         \
    down_ >>= (s);                                                      \
    up_ <<= (more);                                                     \
    down_ ^= (x);                                                       \
    down_ >>= (t);                                                      \
    down_ ^ up_;                                                        \
})

/* The two words from the upper half of low and the lower half of high. */
#define BETWEEN(low, high)      __builtin_shufflevector(low, high, 1, 2)

/* Words 16 and 17 behind w[0]. */
#define NEXT(w) do {                                                    \
    v2 x_ = BETWEEN((w)[0], (w)[1]);                                    \
    v2 sum_ = (w)[0] + BETWEEN((w)[4], (w)[5]);                         \
    sum_ += SMALL(x_, 1, 6, 1, 7, 56);                                  \
    x_ = (w)[7];                                                        \
    sum_ += SMALL(x_, 42, 13, 6, 42, 3);                                \
    (w)[8] = sum_;                                                      \
} while (0)

/*
 * A round as in sha512.c; a and e are in registers, too.  kw has two words of
 * the schedule with their constants, of which this round takes one.  The order
 * has a and e, for which the next round waits, at the end of sums.
 */
#define ROUND(bc, ab, n, half) do {                                     \
    v2 t_ = __builtin_shufflevector(kw, kw, half, half) + v[n], x_;     \
    SHA_KEEP_XMM(t_);                                                   \
    x_ = v[(n) + 2] ^ v[(n) + 1];                                       \
    SHA_KEEP_XMM(x_);                                                   \
    x_ &= e;                                                            \
    SHA_KEEP_XMM(x_);                                                   \
    x_ ^= v[(n) + 1];                                                   \
    SHA_KEEP_XMM(x_);                                                   \
    t_ += x_;                                                           \
    SHA_KEEP_XMM(t_);                                                   \
    t_ += BIG(e, 23, 4, 14);                                            \
    SHA_KEEP_XMM(t_);                                                   \
    e = v[(n) + 4] + t_;                                                \
    SHA_KEEP_XMM(e);                                                    \
    v[(n) + 4] = e;                                                     \
    (ab) = a ^ v[(n) + 6];                                              \
    SHA_KEEP_XMM(ab);                                                   \
    x_ = ((ab) & (bc)) ^ v[(n) + 6];                                    \
    SHA_KEEP_XMM(x_);                                                   \
    t_ += x_;                                                           \
    SHA_KEEP_XMM(t_);                                                   \
    a = t_ + BIG(a, 5, 6, 28);                                          \
    SHA_KEEP_XMM(a);                                                    \
    v[(n) + 8] = a;                                                     \
    SHA_FORGET();                                                       \
} while (0)

SSE2 static void block(struct room *r, const uint8_t *p)
{
    v2 a = r->v[7], e = r->v[3], bc = r->v[6] ^ r->v[5], ab, *w = r->w;
    const v2 *k = (const v2 *)sha512_k;
    uint32_t *half = (uint32_t *)r->w;

    for (unsigned i = 0; i < 32; i += 2, p += 8) {
        half[i] = hash_load_be32(p + 4);
        half[i + 1] = hash_load_be32(p);
    }
    do {
        v2 *v = r->v;

        do {
            v2 kw = *w + *k++;

            SHA_KEEP_XMM(kw);
            if (w < r->w + 32)
                NEXT(w);
            ROUND(bc, ab, 0, 0);
            ROUND(ab, bc, 1, 1);
            v += 2;
            w++;
        } while (v != r->v + TURN);
        for (unsigned i = 0; i < 8; i++)
            r->v[i] = r->v[TURN + i];
    } while (w != r->w + 40);
}

SSE2 void sha512_sse2_blocks(void *states, const uint8_t *p, size_t blocks)
{
    uint64_t *const *h = states;
    uint8_t bytes[sizeof(struct room) + 15];
    struct room *r = (struct room *)(((uintptr_t)bytes + 15) & ~(uintptr_t)15);

    for (unsigned i = 0; i < 8; i++)
        r->v[7 - i] = (v2){ h[0][i], h[1][i] };
    for (; blocks; blocks--, p += 128) {
        block(r, p);
        for (unsigned i = 0; i < 8; i++) {
            r->v[7 - i] += (v2){ h[0][i], h[1][i] };
            h[0][i] = r->v[7 - i][0];
            h[1][i] = r->v[7 - i][1];
        }
    }
}

#endif
