/* SPDX-License-Identifier: MIT */
/*
 * Which block functions with vector instructions (sha_xmm.c) are used: what
 * CPUID must have for each is one table.
 *
 * Intel 64 and IA-32 Architectures SDM, volume 1, 12.7 (checking for SHA) and
 * 14.7 (for AVX2), volume 2, CPUID.
 */
#include "tpm/sha_xmm.h"

#include "lib/io.h"

/* Leaf 1, EDX */
#define FXSR    (1u << 24)
#define SSE2    (1u << 26)
/* Leaf 1, ECX */
#define SSSE3   (1u << 9)
#define XSAVE   (1u << 26)
#define AVX     (1u << 28)
/* Leaf 7, EBX */
#define AVX2    (1u << 5)
#define SHA     (1u << 29)

static const struct {
    uint32_t edx1, ecx1, ebx7;
    uint16_t alg;               /* TPM_ALG_NULL: both long ones at once */
    hash_blocks_fn blocks;
} rows[] = {
    { FXSR, SSSE3, SHA, TPM_ALG_SHA1, sha1_blocks_xmm },
    { FXSR, SSSE3, SHA, TPM_ALG_SHA256, sha256_blocks_xmm },
    { FXSR | SSE2, XSAVE | AVX, AVX2, TPM_ALG_SHA384, sha512_blocks_ymm },
    { FXSR | SSE2, XSAVE | AVX, AVX2, TPM_ALG_SHA512, sha512_blocks_ymm },
    { FXSR | SSE2, 0, 0, TPM_ALG_NULL, sha512_blocks_xmm },
};

void sha_xmm_setup(void)
{
    uint32_t highest[4], one[4], seven[4] = { 0 };

    cpuid(0, 0, highest);
    cpuid(1, 0, one);
    if (highest[0] >= 7)
        cpuid(7, 0, seven);
    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        if ((rows[i].edx1 & ~one[3]) | (rows[i].ecx1 & ~one[2]) |
            (rows[i].ebx7 & ~seven[1]))
            continue;
        if (rows[i].alg == TPM_ALG_NULL)
            hash_use_pair(rows[i].blocks);
        else
            hash_use(rows[i].alg, rows[i].blocks);
    }
}
