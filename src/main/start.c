/* SPDX-License-Identifier: MIT */
/*
 * The first C code after reset: decides between resuming from S3 and a full
 * POST, and brings .init, .data and .bss into the state that C expects.
 * Runs with nothing but resident code and a stack; of the resident variables
 * only those of chipset_set() are usable before data_init().
 */
#include "main/start.h"

#include <string.h>

#include "core/bda.h"
#include "core/layout.h"
#include "core/reset.h"
#include "hw/chipset.h"
#include "lib/io.h"
#include "main/resume.h"

/* From the linker script; only their addresses mean something. */
extern char data_rom[], data_start[], data_size[], bss_start[], bss_end[];
extern char init_rom[], init_size[], init_bss_start[], init_bss_end[];
extern char fseg_zone_start[], fseg_zone_end[], resident_start[];
extern char init_entry[];

/* Of the stack in use here, at its upper end. */
#define STACK_IN_USE        0x100u

/* The half of base memory in which Linux searches for an iBFT; its end is the
 * EBDA, which interrupts_init() clears. */
#define SEARCHED_START      0x80000u
#define SEARCHED_END        ((uint32_t)EBDA_SEG << 4)

#define CPUID_1_EDX_SSE     (1u << 25)
#define CR4_OSFXSR          (1u << 9)   /* clear: SSE is invalid */
#define PIECE               256u        /* what one turn of clear() zeroes */

void data_init(void)
{
    memcpy(data_start, data_rom, (size_t)data_size);
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
}

/* A memset to 0 with 16 bytes an instruction, where the processor can: it is a
 * good part of the time to the boot sector. */
static void clear(uint32_t from, uint32_t to, bool sse)
{
    uint32_t head = -from & (PIECE - 1);

    if (!sse || to - from < 2 * PIECE) {
        memset((void *)from, 0, to - from);
        return;
    }
    memset((void *)from, 0, head);
    from += head;
    __asm__ volatile("xorps %%xmm0, %%xmm0\n"
                     "1:\n\t"
                     ".set at, 0\n\t"
                     ".rept 16\n\t"
                     "movaps %%xmm0, at(%0)\n\t"
                     ".set at, at + 16\n\t"
                     ".endr\n\t"
                     "addl $256, %0\n\t"
                     "cmpl %1, %0\n\t"
                     "jb 1b"
                     : "+r"(from) : "r"(to & ~(PIECE - 1)) : "memory", "cc");
    memset((void *)from, 0, to - from);
}

/*
 * Operating systems search the BIOS area and base memory for tables (RSD PTR,
 * _SM_, iBFT, ...) and take the first: what an earlier one left there must not
 * be that.  Leaves what entry.S copied from ROM, and the end of the stack.
 */
static void clear_searched_areas(void)
{
    uint32_t r[4], cr4;
    bool sse;

    cpuid(1, 0, r);
    sse = r[3] & CPUID_1_EDX_SSE;
    if (sse) {
        __asm__ volatile("mov %%cr4, %0" : "=r"(cr4));
        __asm__ volatile("mov %0, %%cr4" : : "r"(cr4 | CR4_OSFXSR));
    }
    clear(SEARCHED_START, SEARCHED_END, sse);
    clear(DATA_START, STACK_TOP - STACK_IN_USE, sse);
    clear((uint32_t)bss_start, (uint32_t)resident_start, sse);
    clear((uint32_t)fseg_zone_start, (uint32_t)fseg_zone_end, sse);
    if (sse)
        __asm__ volatile("mov %0, %%cr4" : : "r"(cr4));
}

void start(uint32_t host)
{
    enum chipset chipset = chipset_find(host);

    if (!chipset_was_reset())
        platform_reset();       /* by INIT: devices and the TPM run on */
    if (resume_wanted())
        resume(chipset);
    clear_searched_areas();
    data_init();
    chipset_set(chipset);
    memcpy((void *)INIT_START, init_rom, (size_t)init_size);
    memset(init_bss_start, 0, (size_t)(init_bss_end - init_bss_start));
    ((void (*)(void))init_entry)();
}
