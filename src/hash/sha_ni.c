/* SPDX-License-Identifier: MIT */
/*
 * The block functions of SHA-1 and SHA-256 with the SHA extensions of x86
 * processors.  Whoever calls them knows that the processor has these (and
 * SSSE3), that SSE is switched on, and keeps the XMM registers.  Resident.
 *
 * Intel 64 and IA-32 Architectures SDM, volume 2, SHA1xxx and SHA256xxx.
 */
#include "hash/hash.h"

#if defined(__i386__) || defined(__x86_64__)

#define SHA_NI  __attribute__((target("sha,ssse3")))

typedef uint32_t v4 __attribute__((vector_size(16)));
typedef uint32_t v4_anywhere
    __attribute__((vector_size(16), aligned(1), may_alias));
typedef int i4 __attribute__((vector_size(16)));    /* as the builtins take */
typedef uint8_t v16 __attribute__((vector_size(16)));

/* Four words, big-endian in memory; the first is element 0. */
#define LOAD(p) ({                                                      \
    v16 x_ = (v16)*(const v4_anywhere *)(p);                            \
    (v4)__builtin_shufflevector(x_, x_, 3, 2, 1, 0, 7, 6, 5, 4,         \
                                11, 10, 9, 8, 15, 14, 13, 12);          \
})

/* The same; the first is element 3. */
#define LOAD_DOWN(p) ({                                                 \
    v16 x_ = (v16)*(const v4_anywhere *)(p);                            \
    (v4)__builtin_shufflevector(x_, x_, 15, 14, 13, 12, 11, 10, 9, 8,   \
                                7, 6, 5, 4, 3, 2, 1, 0);                \
})

/* Four rounds with the words in m0, which then become those 16 later. */
#define SHA256_FOUR(m0, m1, m2, m3, i) do {                             \
    v4 x_ = (m0) + *(const v4_anywhere *)(sha256_k + (i));              \
    cdgh = (v4)__builtin_ia32_sha256rnds2((i4)cdgh, (i4)abef, (i4)x_);  \
    x_ = __builtin_shufflevector(x_, x_, 2, 3, 2, 3);                   \
    abef = (v4)__builtin_ia32_sha256rnds2((i4)abef, (i4)cdgh, (i4)x_);  \
    (m0) = (v4)__builtin_ia32_sha256msg1((i4)(m0), (i4)(m1));           \
    (m0) += __builtin_shufflevector((m2), (m3), 1, 2, 3, 4);            \
    (m0) = (v4)__builtin_ia32_sha256msg2((i4)(m0), (i4)(m3));           \
} while (0)

SHA_NI void sha256_ni_blocks(void *state, const uint8_t *p, size_t blocks)
{
    uint32_t *h = state;
    v4 abef = { h[5], h[4], h[1], h[0] };
    v4 cdgh = { h[7], h[6], h[3], h[2] };

    for (; blocks; blocks--, p += 64) {
        v4 m0 = LOAD(p), m1 = LOAD(p + 16);
        v4 m2 = LOAD(p + 32), m3 = LOAD(p + 48);
        v4 abef_before = abef, cdgh_before = cdgh;

        for (unsigned i = 0; i < 64; i += 16) {
            SHA256_FOUR(m0, m1, m2, m3, i);
            SHA256_FOUR(m1, m2, m3, m0, i + 4);
            SHA256_FOUR(m2, m3, m0, m1, i + 8);
            SHA256_FOUR(m3, m0, m1, m2, i + 12);
        }
        abef += abef_before;
        cdgh += cdgh_before;
    }
    h[0] = abef[3];
    h[1] = abef[2];
    h[2] = cdgh[3];
    h[3] = cdgh[2];
    h[4] = abef[1];
    h[5] = abef[0];
    h[6] = cdgh[1];
    h[7] = cdgh[0];
}

/* The words of four rounds, from those 16 before, which m0 has. */
#define SHA1_NEXT(m0, m1, m2, m3) do {                                  \
    (m0) = (v4)__builtin_ia32_sha1msg1((i4)(m0), (i4)(m1)) ^ (m2);      \
    (m0) = (v4)__builtin_ia32_sha1msg2((i4)(m0), (i4)(m3));             \
} while (0)

/* Four rounds; with_e is their words and e. */
#define SHA1_ROUNDS(with_e, f) do {                                     \
    v4 x_ = (with_e);                                                   \
    before = abcd;                                                      \
    abcd = (v4)__builtin_ia32_sha1rnds4((i4)abcd, (i4)x_, f);           \
} while (0)

/* e follows from the state before the last four rounds. */
#define WITH_E(m)   (v4)__builtin_ia32_sha1nexte((i4)before, (i4)(m))

#define SHA1_FOUR(m0, m1, m2, m3, f) do {                               \
    SHA1_NEXT(m0, m1, m2, m3);                                          \
    SHA1_ROUNDS(WITH_E(m0), f);                                         \
} while (0)

SHA_NI void sha1_ni_blocks(void *state, const uint8_t *p, size_t blocks)
{
    uint32_t *h = state;
    v4 abcd = { h[3], h[2], h[1], h[0] };
    v4 e = { 0, 0, 0, h[4] };

    for (; blocks; blocks--, p += 64) {
        v4 m0 = LOAD_DOWN(p), m1 = LOAD_DOWN(p + 16);
        v4 m2 = LOAD_DOWN(p + 32), m3 = LOAD_DOWN(p + 48);
        v4 abcd_before = abcd, before;

        SHA1_ROUNDS(e + m0, 0);
        SHA1_ROUNDS(WITH_E(m1), 0);
        SHA1_ROUNDS(WITH_E(m2), 0);
        SHA1_ROUNDS(WITH_E(m3), 0);
        SHA1_FOUR(m0, m1, m2, m3, 0);
        SHA1_FOUR(m1, m2, m3, m0, 1);
        SHA1_FOUR(m2, m3, m0, m1, 1);
        SHA1_FOUR(m3, m0, m1, m2, 1);
        SHA1_FOUR(m0, m1, m2, m3, 1);
        SHA1_FOUR(m1, m2, m3, m0, 1);
        SHA1_FOUR(m2, m3, m0, m1, 2);
        SHA1_FOUR(m3, m0, m1, m2, 2);
        SHA1_FOUR(m0, m1, m2, m3, 2);
        SHA1_FOUR(m1, m2, m3, m0, 2);
        SHA1_FOUR(m2, m3, m0, m1, 2);
        SHA1_FOUR(m3, m0, m1, m2, 3);
        SHA1_FOUR(m0, m1, m2, m3, 3);
        SHA1_FOUR(m1, m2, m3, m0, 3);
        SHA1_FOUR(m2, m3, m0, m1, 3);
        SHA1_FOUR(m3, m0, m1, m2, 3);
        e = WITH_E(e);
        abcd += abcd_before;
    }
    h[0] = abcd[3];
    h[1] = abcd[2];
    h[2] = abcd[1];
    h[3] = abcd[0];
    h[4] = e[3];
}

#endif
