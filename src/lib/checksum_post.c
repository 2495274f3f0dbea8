/* SPDX-License-Identifier: MIT */
/*
 * Sum of bytes, 64 at a time with MMX: ACPI tables and option ROMs have tens
 * of thousands of them, and this is a noticeable part of POST.
 */
#include "lib/checksum.h"

#include "lib/io.h"

#define BLOCK               64u         /* bytes in one turn of the loop */
#define CPUID1_EDX_MMX      (1u << 23)
#define CR0_EM              (1u << 2)
#define CR0_TS              (1u << 3)

static bool mmx_usable(void)
{
    uint32_t r[4], cr0;

    cpuid(1, 0, r);
    __asm__ volatile("movl %%cr0, %0" : "=r"(cr0));
    return (r[3] & CPUID1_EDX_MMX) && !(cr0 & (CR0_EM | CR0_TS));
}

/* len is a multiple of BLOCK and not 0.  Eight sums are kept side by side. */
static uint8_t block_sum(const uint8_t *b, uint32_t len)
{
    const uint8_t *end = b + len;
    uint8_t lanes[8], total = 0;

    __asm__ volatile(
        "pxor %%mm0, %%mm0\n"
        "1:\n\t"
        "paddb (%[b]), %%mm0\n\t"
        "paddb 8(%[b]), %%mm0\n\t"
        "paddb 16(%[b]), %%mm0\n\t"
        "paddb 24(%[b]), %%mm0\n\t"
        "paddb 32(%[b]), %%mm0\n\t"
        "paddb 40(%[b]), %%mm0\n\t"
        "paddb 48(%[b]), %%mm0\n\t"
        "paddb 56(%[b]), %%mm0\n\t"
        "addl $64, %[b]\n\t"
        "cmpl %[end], %[b]\n\t"
        "jb 1b\n\t"
        "movq %%mm0, %[lanes]\n\t"
        "emms"
        : [b] "+r"(b), [lanes] "=m"(lanes) : [end] "r"(end)
        : "memory", "cc");
    for (size_t i = 0; i < sizeof(lanes); i++)
        total += lanes[i];
    return total;
}

uint8_t byte_sum(const void *p, uint32_t len)
{
    const uint8_t *b = p;
    uint32_t blocks = ALIGN_DOWN(len, BLOCK);
    uint8_t total = 0;

    if (blocks && mmx_usable()) {
        total = block_sum(b, blocks);
        b += blocks;
        len -= blocks;
    }
    while (len-- > 0)
        total += *b++;
    return total;
}
