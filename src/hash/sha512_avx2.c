/* SPDX-License-Identifier: MIT */
/*
 * The block function of SHA-384 and SHA-512 for one of them, with AVX2, whose
 * shifts take another count for each 64-bit word of a register.  So a register
 * has the words a and e of the one state, and their two sums are one
 * computation, as are the two other functions of a round.  b and f are a and e
 * of the round before, and so on: four registers are the state.  Instructions
 * for 128 bits only.  Whoever calls this knows that the processor has AVX2,
 * that it is switched on, and keeps the YMM registers.  Resident; small, since
 * a round waits for the one before and not for instructions.
 *
 * FIPS 180-4, 6.4.2.
 */
#include "hash/hash.h"
#include "hash/sha_tune.h"

#if defined(__i386__) || defined(__x86_64__)

#define AVX2    __attribute__((target("avx2")))

typedef uint64_t v2 __attribute__((vector_size(16), may_alias));
typedef uint8_t v16 __attribute__((vector_size(16)));
typedef uint8_t v16_anywhere
    __attribute__((vector_size(16), aligned(1), may_alias));

struct room {
    v2 w[40];               /* 80 words of the schedule */
    v2 state[4];            /* at the end */
};

/* Of a and e: rotated to the right by t, t + s and t + s + r; the last one is
 * 64 - r - s - t. */
enum { R, S, T, UP };
static const v2 shifts[] = { { 5, 23 }, { 6, 4 }, { 28, 14 }, { 25, 23 } };

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

/* Words 16 and 17 behind w[0], by three registers: the state has the others. */
#define NEXT(w) do {                                                    \
    v2 x_ = BETWEEN((w)[0], (w)[1]);                                    \
    v2 sum_ = SMALL(x_, 1, 6, 1, 7, 56);                                \
    SHA_KEEP_XMM(sum_);                                                 \
    x_ = (w)[7];                                                        \
    SHA_KEEP_XMM(x_);                                                   \
    sum_ += SMALL(x_, 42, 13, 6, 42, 3);                                \
    SHA_KEEP_XMM(sum_);                                                 \
    x_ = (w)[4];                                                        \
    sum_ += BETWEEN(x_, (w)[5]);                                        \
    (w)[8] = (w)[0] + sum_;                                             \
} while (0)

/* Both sums of ae's words; by is shifts[]. */
#define SUMS(ae, by) ({                                                 \
    v2 down_ = ((ae) >> (by)[R]) ^ (ae), up_ = ((ae) << (by)[S]) ^ (ae); \
    down_ = (down_ >> (by)[S]) ^ (ae);                                  \
    up_ = (up_ << (by)[R]) ^ (ae);                                      \
    down_ >>= (by)[T];                                                  \
    up_ <<= (by)[UP];                                                   \
    down_ ^ up_;                                                        \
})

/* Of a, b, c: ((a ^ b) & (b ^ c)) ^ b; of e, f, g: (e & (f ^ g)) ^ g. */
#define CHOICES(ae, bf, cg) ({                                          \
    v2 mask_ = __builtin_shufflevector(bf, (v2){ 0, 0 }, 0, 2) ^ (ae);  \
    mask_ &= (bf) ^ (cg);                                               \
    mask_ ^ __builtin_shufflevector(bf, cg, 0, 3);                      \
})

AVX2 static void block(struct room *r, uint64_t *h, const uint8_t *p)
{
    v2 ae, bf, cg, dh;
    const v2 *k = (const v2 *)sha512_k, *by = shifts;
    uint64_t *at = (uint64_t *)r->w;
    bool odd = false;

    for (unsigned i = 0; i < 8; i++, p += 16) {
        v16 x = (v16) * (const v16_anywhere *)p;
        r->w[i] = (v2)__builtin_shufflevector(x, x, 7, 6, 5, 4, 3, 2, 1, 0,
                                              15, 14, 13, 12, 11, 10, 9, 8);
    }
    SHA_KEEP(by);
    SHA_FORGET();
    ae = (v2){ h[0], h[4] };
    bf = (v2){ h[1], h[5] };
    cg = (v2){ h[2], h[6] };
    dh = (v2){ h[3], h[7] };
    do {
        v2 sum, t;

        if (!odd) {
            v2 *w = (v2 *)at;

            if (w < r->w + 32)
                NEXT(w);
            *w += *k++;
        }
        SHA_FORGET();
        t = (v2){ *at, *at };
        at++;
        t += dh;
        sum = SUMS(ae, by);
        SHA_KEEP_XMM(sum);
        sum += CHOICES(ae, bf, cg);
        t += sum;                       /* its upper word is what counts */
        t = __builtin_shufflevector(t, t, 1, 1);
        t += __builtin_shufflevector(sum, dh, 0, 2);
        dh = cg;
        cg = bf;
        bf = ae;
        ae = t;
        SHA_KEEP_XMM(ae);
        odd = !odd;
    } while ((v2 *)at != r->w + 40);
    r->state[0] = ae;
    r->state[1] = bf;
    r->state[2] = cg;
    r->state[3] = dh;
    SHA_FORGET();
    at = (uint64_t *)r->state;
    for (unsigned i = 0; i < 4; i++, at += 2) {
        h[i] += at[0];
        h[i + 4] += at[1];
    }
}

AVX2 void sha512_avx2_blocks(void *state, const uint8_t *p, size_t blocks)
{
    uint8_t bytes[sizeof(struct room) + 15];
    struct room *r = (struct room *)(((uintptr_t)bytes + 15) & ~(uintptr_t)15);

    for (; blocks; blocks--, p += 128)
        block(r, state, p);
}

#endif
