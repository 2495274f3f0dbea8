/* SPDX-License-Identifier: MIT */
/*
 * The 32-bit half of the hash benchmark: linked with the firmware's own
 * objects to a flat image that needs no operating system.  hashes.c calls
 * hashes32().  With -DWITH_OPENSSL32 also OpenSSL's block functions for i386,
 * which find all features of the CPU masked (OPENSSL_ia32cap_P is zero).
 */
#include "hashes.h"

#include <stdbool.h>
#include <string.h>

#include "tcg/multihash.h"

void hashes32(struct request *r);

#ifdef WITH_OPENSSL32
#define CDECL   __attribute__((regparm(0)))
CDECL void sha1_block_data_order(void *state, const void *p, size_t blocks);
CDECL void sha256_block_data_order(void *state, const void *p, size_t blocks);
CDECL void sha512_block_data_order(void *state, const void *p, size_t blocks);
CDECL void ossl_sm3_block_data_order(void *state, const void *p,
                                     size_t blocks);
void OPENSSL_cleanse(void *p, size_t len);
void OPENSSL_cleanse(void *p, size_t len)
{
    memset(p, 0, len);
}

#define OPENSSL(name, function)                                         \
    static void name(void *state, const uint8_t *p, size_t blocks)      \
    {                                                                   \
        function(state, p, blocks);                                     \
    }
OPENSSL(openssl_sha1, sha1_block_data_order)
OPENSSL(openssl_sha256, sha256_block_data_order)
OPENSSL(openssl_sha512, sha512_block_data_order)
OPENSSL(openssl_sm3, ossl_sm3_block_data_order)
#endif

static bool uses_sse2(uint32_t who)
{
    return who == FIRMWARE_SSE2 || who == FIRMWARE_SHA;
}

/* Which block function instead of the table's; false: there is none. */
static bool choose(uint32_t who, uint32_t alg, hash_blocks_fn *f)
{
    static const struct { uint32_t who, alg; hash_blocks_fn f; } rows[] = {
        { FIRMWARE_AVX2, TPM_ALG_SHA384, sha512_avx2_blocks },
        { FIRMWARE_AVX2, TPM_ALG_SHA512, sha512_avx2_blocks },
        { FIRMWARE_SHA, TPM_ALG_SHA1, sha1_ni_blocks },
        { FIRMWARE_SHA, TPM_ALG_SHA256, sha256_ni_blocks },
#ifdef WITH_OPENSSL32
        { OPENSSL32, TPM_ALG_SHA1, openssl_sha1 },
        { OPENSSL32, TPM_ALG_SHA256, openssl_sha256 },
        { OPENSSL32, TPM_ALG_SHA384, openssl_sha512 },
        { OPENSSL32, TPM_ALG_SHA512, openssl_sha512 },
        { OPENSSL32, TPM_ALG_SM3_256, openssl_sm3 },
#endif
    };

    *f = NULL;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (rows[i].who == who && rows[i].alg == alg)
            *f = rows[i].f;
    return *f || who == FIRMWARE ||
           (who == FIRMWARE_SSE2 &&
            (alg == TPM_ALG_SHA384 || alg == TPM_ALG_SHA512));
}

void hashes32(struct request *r)
{
    static const uint16_t usual[] = {
        TPM_ALG_SHA1, TPM_ALG_SHA256, TPM_ALG_SHA384, TPM_ALG_SHA512,
    };
    unsigned from = r->alg == LONG_BANKS ? 2 : 0;
    const uint8_t *p = (const uint8_t *)r->data;
    struct multihash m = { .count = 0, .skip = 0 };
    hash_blocks_fn f;

    r->size = 0;
    if (r->who == FIRMWARE_AVX2 && r->alg >= LONG_BANKS)
        return;                 /* as FIRMWARE_SSE2 */
    hash_use_pair(uses_sse2(r->who) ? sha512_sse2_blocks : NULL);
    for (unsigned i = from; i < sizeof(usual) / sizeof(usual[0]); i++) {
        bool own = choose(r->who, usual[i], &f);

        hash_use(usual[i], own ? f : NULL);
        if (r->alg >= LONG_BANKS)
            multihash_add(&m, hash_find(usual[i]));
    }
    if (r->alg == LONG_BANKS && r->who == FIRMWARE_SHA)
        return;                 /* as FIRMWARE_SSE2 */
    if (r->alg < LONG_BANKS) {
        if (!hash_find((uint16_t)r->alg) || !choose(r->who, r->alg, &f))
            return;
        hash_use((uint16_t)r->alg, f);
        multihash_add(&m, hash_find((uint16_t)r->alg));
    }
    for (uint32_t done = 0; done < r->len; done += PIECE)
        multihash_update(&m, p + done, PIECE);
    multihash_end(&m);
    for (unsigned i = 0; i < m.count; i++) {
        hash_final(&m.hash[i], r->digest);
        r->size = m.hash[i].alg->size;
    }
}
