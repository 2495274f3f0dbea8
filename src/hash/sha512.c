/* SPDX-License-Identifier: MIT */
/*
 * The block function of SHA-384 and SHA-512, for a machine with 32-bit
 * registers: the state is a window that slides over an array, and only what a
 * round computes is in registers, as halves.  Resident; built for speed.
 *
 * FIPS 180-4, 6.4.2.
 */
#include "hash/hash.h"
#include "hash/sha_tune.h"

_Alignas(16) const uint64_t sha512_k[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f,
    0xe9b5dba58189dbbc, 0x3956c25bf348b538, 0x59f111f1b605d019,
    0x923f82a4af194f9b, 0xab1c5ed5da6d8118, 0xd807aa98a3030242,
    0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235,
    0xc19bf174cf692694, 0xe49b69c19ef14ad2, 0xefbe4786384f25e3,
    0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65, 0x2de92c6f592b0275,
    0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f,
    0xbf597fc7beef0ee4, 0xc6e00bf33da88fc2, 0xd5a79147930aa725,
    0x06ca6351e003826f, 0x142929670a0e6e70, 0x27b70a8546d22ffc,
    0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6,
    0x92722c851482353b, 0xa2bfe8a14cf10364, 0xa81a664bbc423001,
    0xc24b8b70d0f89791, 0xc76c51a30654be30, 0xd192e819d6ef5218,
    0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99,
    0x34b0bcb5e19b48a8, 0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb,
    0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3, 0x748f82ee5defb2fc,
    0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915,
    0xc67178f2e372532b, 0xca273eceea26619c, 0xd186b8c721c0c207,
    0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178, 0x06f067aa72176fba,
    0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc,
    0x431d67c49c100d4c, 0x4cc5d4becb3e42b6, 0x597f299cfc657e2a,
    0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

struct word {
    uint32_t lo, hi;
};

/*
 * Two instructions that no C expression gives on a 32-bit machine.
 *
 * SHIFT  lo = the low half of hi:lo >> n, where hi may be any word
 * ADD    h:l += bh:bl
 */
#if defined(__i386__) || defined(__x86_64__)
#define SHIFT(l, h, n)                                                  \
    __asm__ volatile("shrd %2, %1, %0" : "+r"(l) : "r"(h), "i"(n) : "cc")
#define ADD(l, h, bl, bh)                                               \
    __asm__ volatile("add %2, %0\n\tadc %3, %1"                         \
                     : "+&r"(l), "+r"(h) : "g"(bl), "g"(bh) : "cc")
/* v[n] += h:l in place */
#define ADD_TO(v, n, l, h)                                              \
    __asm__ volatile("add %1, %c3(%0)\n\tadc %2, %c4(%0)"               \
                     : : "r"(v), "r"(l), "r"(h), "i"(8 * (n)),          \
                         "i"(8 * (n) + 4) : "cc", "memory")
#else
#define SHIFT(l, h, n)      ((l) = (l) >> (n) | (h) << (32 - (n)))
#define ADD(l, h, bl, bh) do {                                          \
    uint32_t addend = (bl);                                             \
    (l) += addend;                                                      \
    (h) += (bh) + ((l) < addend);                                       \
} while (0)
#define ADD_TO(v, n, l, h)  ADD((v)[n].lo, (v)[n].hi, l, h)
#endif

#define LOAD(l, h, m) do {                                              \
    (l) = (m).lo;                                                       \
    (h) = (m).hi;                                                       \
    SHA_KEEP(l);                                                        \
    SHA_KEEP(h);                                                        \
    SHA_FORGET();                                                       \
} while (0)

/* h:l = h:l op m */
#define LOGIC(l, h, op, m) do {                                         \
    (l) op (m).lo;                                                      \
    SHA_KEEP(l);                                                        \
    (h) op (m).hi;                                                      \
    SHA_KEEP(h);                                                        \
    SHA_FORGET();                                                       \
} while (0)

#define ROTATE(l, h, n) do {                                            \
    uint32_t was = (l);                                                 \
    SHA_KEEP(was);                                                      \
    SHIFT(l, h, n);                                                     \
    SHIFT(h, was, n);                                                   \
} while (0)

/* h:l = (((m >>> r) ^ m) >>> s ^ m) >>> t */
#define BIG(l, h, m, r, s, t) do {                                      \
    LOAD(l, h, m);                                                      \
    ROTATE(l, h, r);                                                    \
    LOGIC(l, h, ^=, m);                                                 \
    ROTATE(l, h, s);                                                    \
    LOGIC(l, h, ^=, m);                                                 \
    ROTATE(l, h, t);                                                    \
} while (0)

/* h:l = ((h:l >>> r) ^ m) >>> s ^ m >> t, where h:l is m, or m >>> 32 */
#define SMALL(l, h, m, r, s, t) do {                                    \
    uint32_t ml, mh;                                                    \
    ROTATE(l, h, r);                                                    \
    LOGIC(l, h, ^=, m);                                                 \
    ROTATE(l, h, s);                                                    \
    LOAD(ml, mh, m);                                                    \
    SHIFT(ml, mh, t);                                                   \
    (l) ^= ml;                                                          \
    SHA_KEEP(l);                                                        \
    mh >>= (t);                                                         \
    (h) ^= mh;                                                          \
    SHA_KEEP(h);                                                        \
} while (0)

/*
 * Round n finds h g f e d c b a at v[n] to v[n + 7] and w[n] behind them; its
 * own a takes the place of w[n], which nobody needs any more.  bc has b ^ c,
 * ab gets a ^ b, the next round's.
 */
#define ROUND(bc, ab, n) do {                                           \
    LOAD(ul, uh, v[(n) + 2]);                                           \
    LOGIC(ul, uh, ^=, v[(n) + 1]);                                      \
    LOGIC(ul, uh, &=, v[(n) + 3]);                                      \
    LOGIC(ul, uh, ^=, v[(n) + 1]);                                      \
    ADD(ul, uh, v[n].lo, v[n].hi);                                      \
    ADD(ul, uh, v[(n) + 8].lo, v[(n) + 8].hi);                          \
    ADD(ul, uh, (uint32_t)kk[n], (uint32_t)(kk[n] >> 32));              \
    BIG(tl, th, v[(n) + 3], 23, 4, 14);                                 \
    ADD(ul, uh, tl, th);                                                \
    ADD_TO(v, (n) + 4, ul, uh);                                         \
    LOAD(tl, th, v[(n) + 7]);                                           \
    LOGIC(tl, th, ^=, v[(n) + 6]);                                      \
    (ab).lo = tl;                                                       \
    (ab).hi = th;                                                       \
    LOGIC(tl, th, &=, bc);                                              \
    LOGIC(tl, th, ^=, v[(n) + 6]);                                      \
    ADD(ul, uh, tl, th);                                                \
    BIG(tl, th, v[(n) + 7], 5, 6, 28);                                  \
    ADD(ul, uh, tl, th);                                                \
    v[(n) + 8].lo = ul;                                                 \
    v[(n) + 8].hi = uh;                                                 \
    SHA_FORGET();                                                       \
} while (0)

#define NEXT(i) do {                                                    \
    LOAD(ul, uh, w[(i) - 15]);                                          \
    SMALL(ul, uh, w[(i) - 15], 7, 1, 7);                                \
    ADD(ul, uh, w[(i) - 16].lo, w[(i) - 16].hi);                        \
    ADD(ul, uh, w[(i) - 7].lo, w[(i) - 7].hi);                          \
    LOAD(th, tl, w[(i) - 2]);                                           \
    SMALL(tl, th, w[(i) - 2], 42 - 32, 19, 6);                          \
    ADD(ul, uh, tl, th);                                                \
    w[i].lo = ul;                                                       \
    w[i].hi = uh;                                                       \
    SHA_FORGET();                                                       \
} while (0)

void sha512_blocks(void *state, const uint8_t *p, size_t blocks)
{
    uint64_t *h = state;
    struct word window[8 + 80], xor[2];

    for (; blocks; blocks--) {
        struct word *v = window, *w = window + 8;
        const uint64_t *kk = sha512_k;
        uint32_t tl, th, ul, uh;

        for (; w != window + 8 + 16; w += 2, p += 16) {
            w[0].hi = hash_load_be32(p);
            w[0].lo = hash_load_be32(p + 4);
            w[1].hi = hash_load_be32(p + 8);
            w[1].lo = hash_load_be32(p + 12);
        }
        do {
            SHA_KEEP(w);
            NEXT(0);
            NEXT(1);
            SHA_KEEP(w);
            w += 2;
        } while (w != window + 8 + 80);
        for (unsigned i = 0; i < 8; i++) {
            v[7 - i].lo = (uint32_t)h[i];
            v[7 - i].hi = (uint32_t)(h[i] >> 32);
        }
        xor[0].lo = v[6].lo ^ v[5].lo;
        xor[0].hi = v[6].hi ^ v[5].hi;
        SHA_KEEP(h);
        do {
            SHA_KEEP(v);
            SHA_KEEP(kk);
            ROUND(xor[0], xor[1], 0);
            ROUND(xor[1], xor[0], 1);
            SHA_KEEP(v);
            v += 2;
            kk += 2;
        } while (v != window + 80);
        for (unsigned i = 0; i < 8; i++)
            h[i] += (uint64_t)v[7 - i].hi << 32 | v[7 - i].lo;
    }
}
