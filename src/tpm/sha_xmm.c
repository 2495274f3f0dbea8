/* SPDX-License-Identifier: MIT */
/*
 * SHA-1 and SHA-256 with the processor's SHA extensions, SHA-384 and SHA-512
 * with SSE2, where CPUID has them.  The block functions are in sha_ni.c and
 * sha512_sse2.c of src/hash; here is what they need around them: a caller of an
 * interrupt service must find its XMM registers, CR0 and CR4 as they were.
 * Resident: INT 1Ah hashes after POST.
 *
 * Intel 64 and IA-32 Architectures SDM, volume 1, 12.7 (checking for SHA), and
 * volume 3, 2.5 and 13.1 (CR0.EM, CR0.TS and CR4.OSFXSR).
 */
#include "tpm/sha_xmm.h"

#include "hash/hash.h"
#include "lib/io.h"

#define CR0_EM              (1u << 2)   /* set: SSE instructions are invalid */
#define CR0_TS              (1u << 3)   /* set: they trap */
#define CR4_OSFXSR          (1u << 9)   /* clear: they are invalid */

#define CPUID_1_ECX_SSSE3   (1u << 9)
#define CPUID_1_EDX_FXSR    (1u << 24)
#define CPUID_1_EDX_SSE2    (1u << 26)
#define CPUID_7_EBX_SHA     (1u << 29)

/*
 * Runs f with the SSE registers open to it.  A control register is written
 * only where a bit differs: on a virtual processor that can take a while.
 */
static void with_xmm(hash_blocks_fn f, void *state, const uint8_t *p,
                     size_t blocks)
{
    struct { uint8_t byte[8 * 16]; } saved;
    uint32_t cr0, cr4;

    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    if (cr0 & (CR0_EM | CR0_TS))
        __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 & ~(CR0_EM | CR0_TS)));
    if (!(cr4 & CR4_OSFXSR))
        __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSFXSR));
    __asm__ volatile("movups %%xmm0, (%1)\n\tmovups %%xmm1, 16(%1)\n\t"
                     "movups %%xmm2, 32(%1)\n\tmovups %%xmm3, 48(%1)\n\t"
                     "movups %%xmm4, 64(%1)\n\tmovups %%xmm5, 80(%1)\n\t"
                     "movups %%xmm6, 96(%1)\n\tmovups %%xmm7, 112(%1)"
                     : "=m"(saved) : "r"(&saved) : "memory");
    f(state, p, blocks);
    __asm__ volatile("movups (%1), %%xmm0\n\tmovups 16(%1), %%xmm1\n\t"
                     "movups 32(%1), %%xmm2\n\tmovups 48(%1), %%xmm3\n\t"
                     "movups 64(%1), %%xmm4\n\tmovups 80(%1), %%xmm5\n\t"
                     "movups 96(%1), %%xmm6\n\tmovups 112(%1), %%xmm7"
                     : : "m"(saved), "r"(&saved) : "memory");
    if (!(cr4 & CR4_OSFXSR))
        __asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
    if (cr0 & (CR0_EM | CR0_TS))
        __asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
}

static void sha1_blocks_xmm(void *state, const uint8_t *p, size_t blocks)
{
    with_xmm(sha1_ni_blocks, state, p, blocks);
}

static void sha256_blocks_xmm(void *state, const uint8_t *p, size_t blocks)
{
    with_xmm(sha256_ni_blocks, state, p, blocks);
}

static void sha512_blocks_xmm(void *states, const uint8_t *p, size_t blocks)
{
    with_xmm(sha512_sse2_blocks, states, p, blocks);
}

void sha_xmm_setup(void)
{
    uint32_t highest[4], r[4];

    cpuid(0, 0, highest);
    cpuid(1, 0, r);
    if (!(r[3] & CPUID_1_EDX_FXSR))
        return;
    if (r[3] & CPUID_1_EDX_SSE2)
        hash_use_pair(sha512_blocks_xmm);
    if (highest[0] < 7 || !(r[2] & CPUID_1_ECX_SSSE3))
        return;
    cpuid(7, 0, r);
    if (r[1] & CPUID_7_EBX_SHA) {
        hash_use(TPM_ALG_SHA1, sha1_blocks_xmm);
        hash_use(TPM_ALG_SHA256, sha256_blocks_xmm);
    }
}
