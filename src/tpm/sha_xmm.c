/* SPDX-License-Identifier: MIT */
/*
 * SHA-1 and SHA-256 with the processor's SHA extensions, SHA-384 and SHA-512
 * with SSE2, one of them alone with AVX2, where CPUID has them.  The block
 * functions are in sha_ni.c, sha512_sse2.c and sha512_avx2.c of src/hash; here
 * is what they need around them: a caller of an interrupt service must find its
 * XMM and YMM registers, CR0, CR4 and XCR0 as they were.  Resident: INT 1Ah
 * hashes after POST.  sha_xmm_post.c has the choice.
 *
 * Intel 64 and IA-32 Architectures SDM, volume 1, 14.3 (switching AVX on), and
 * volume 3, 2.5, 2.6 and 13.1 (CR0.EM, CR0.TS, CR4.OSFXSR, OSXSAVE and XCR0).
 */
#include "tpm/sha_xmm.h"

#include "hash/hash.h"
#include "lib/io.h"

#define CR0_EM              (1u << 2)   /* set: SSE instructions are invalid */
#define CR0_TS              (1u << 3)   /* set: they trap */
#define CR4_OSFXSR          (1u << 9)   /* clear: they are invalid */
#define CR4_OSXSAVE         (1u << 18)  /* clear: those of AVX are */
#define XCR0_ALL            7u          /* x87, SSE, AVX: likewise */
#define XCR0_ZMM_HI256      (1u << 6)   /* AVX-512 is open to the caller */

static void set_xcr0(uint32_t low, uint32_t high)
{
    __asm__ volatile("xsetbv" : : "a"(low), "d"(high), "c"(0) : "memory");
}

/* One block function, with the YMM registers open to it where the XMM registers
 * are. */
static void with_ymm(void *state, const uint8_t *p, size_t blocks)
{
    struct { uint8_t byte[8][32]; } saved;
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    if (~low & XCR0_ALL)
        set_xcr0(low | XCR0_ALL, high);
    __asm__ volatile("vmovdqu %%ymm0, -128(%1)\n\tvmovdqu %%ymm1, -96(%1)\n\t"
                     "vmovdqu %%ymm2, -64(%1)\n\tvmovdqu %%ymm3, -32(%1)\n\t"
                     "vmovdqu %%ymm4, (%1)\n\tvmovdqu %%ymm5, 32(%1)\n\t"
                     "vmovdqu %%ymm6, 64(%1)\n\tvmovdqu %%ymm7, 96(%1)"
                     : "=m"(saved) : "r"(saved.byte[4]) : "memory");
    sha512_avx2_blocks(state, p, blocks);
    __asm__ volatile("vmovdqu -128(%1), %%ymm0\n\tvmovdqu -96(%1), %%ymm1\n\t"
                     "vmovdqu -64(%1), %%ymm2\n\tvmovdqu -32(%1), %%ymm3\n\t"
                     "vmovdqu (%1), %%ymm4\n\tvmovdqu 32(%1), %%ymm5\n\t"
                     "vmovdqu 64(%1), %%ymm6\n\tvmovdqu 96(%1), %%ymm7"
                     : : "m"(saved), "r"(saved.byte[4]) : "memory");
    if (~low & XCR0_ALL)
        set_xcr0(low, high);
}

/*
 * Runs f with the XMM registers open to it, which these bits of CR4 are for.  A
 * control register is written only where a bit differs: on a virtual processor
 * that can take a while.
 */
static void with_xmm(hash_blocks_fn f, void *state, const uint8_t *p,
                     size_t blocks, uint32_t bits)
{
    struct { uint8_t byte[8 * 16]; } saved;
    uint32_t cr0, cr4;

    __asm__ volatile("mov %%cr0, %0" : "=r"(cr0));
    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    if (cr0 & (CR0_EM | CR0_TS))
        __asm__ volatile("mov %0, %%cr0" : : "r"(cr0 & ~(CR0_EM | CR0_TS)));
    if (~cr4 & bits)
        __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | bits));
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
    if (~cr4 & bits)
        __asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
    if (cr0 & (CR0_EM | CR0_TS))
        __asm__ volatile("mov %0, %%cr0" : : "r"(cr0));
}

void sha1_blocks_xmm(void *state, const uint8_t *p, size_t blocks)
{
    with_xmm(sha1_ni_blocks, state, p, blocks, CR4_OSFXSR);
}

void sha256_blocks_xmm(void *state, const uint8_t *p, size_t blocks)
{
    with_xmm(sha256_ni_blocks, state, p, blocks, CR4_OSFXSR);
}

void sha512_blocks_xmm(void *states, const uint8_t *p, size_t blocks)
{
    with_xmm(sha512_sse2_blocks, states, p, blocks, CR4_OSFXSR);
}

/* AVX clears the rest of a ZMM register, which is not kept here. */
static bool zmm_is_open(void)
{
    uint32_t cr4, low, high;

    __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
    if (!(cr4 & CR4_OSXSAVE))
        return false;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low & XCR0_ZMM_HI256;
}

void sha512_blocks_ymm(void *state, const uint8_t *p, size_t blocks)
{
    void *states[2] = { state, state };

    if (zmm_is_open())
        sha512_blocks_xmm(states, p, blocks);
    else
        with_xmm(with_ymm, state, p, blocks, CR4_OSFXSR | CR4_OSXSAVE);
}
