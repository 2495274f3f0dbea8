/* SPDX-License-Identifier: MIT */
/*
 * The memory overwrite request (MOR): byte movv of the TPM device's physical
 * presence memory, which an operating system sets through ACPI.  POST only.
 *
 * QEMU clears RAM itself when it resets the TPM with bit 0 set, but nothing
 * says that it did, so this does it again.  The bit is dropped last: a reset
 * in the middle starts all over.  DisableAutoDetect forbids to drop a request
 * because the system was shut down in good order; that is never done here, so
 * the bit is only kept.  At power-on nobody has asked, and RAM is new.
 *
 * TCG Platform Reset Attack Mitigation Specification 1.10; QEMU
 * docs/specs/tpm.  Intel SDM volume 3, 4.4 (PAE paging).
 */
#include "measure/mor.h"

#include <string.h>

#include "core/layout.h"
#include "fw/e820.h"
#include "lib/io.h"
#include "lib/print.h"
#include "measure/ppi_memory.h"
#include "tcg/ppi_spec.h"

#define FOUR_GIB            0x100000000ull
#define GIB                 0x40000000u
#define LARGE_PAGE          0x200000u
#define TABLE_ENTRIES       512u
#define PAGE_PRESENT        (1u << 0)
#define PAGE_WRITABLE       (1u << 1)
#define PAGE_LARGE          (1u << 7)
#define CPUID_EDX_PAE       (1u << 6)
#define CR0_PG              (1u << 31)
#define CR4_PAE             (1u << 5)
#define STACK_IN_USE        0x400u          /* below this function's frame */

/* Linker script; only their addresses mean something. */
extern char init_bss_end[], bss_end[], resident_start[];

static void clear(uint32_t from, uint32_t to)
{
    if (from < to)
        memset((void *)from, 0, to - from);
}

/* The part of a range that this code does not live in. */
static void clear_around(uint32_t from, uint32_t to)
{
    uint32_t own_end = (uint32_t)init_bss_end;

    clear(from, to < INIT_START ? to : INIT_START);
    clear(from > own_end ? from : own_end, to);
}

/*
 * RAM above 4 GiB, through a window: the first GiB stays where it is, the
 * second one shows each GiB in turn.
 */
static void clear_high(uint64_t from, uint64_t to)
{
    static NOT_ZEROED uint64_t tables[2][TABLE_ENTRIES] ALIGNED(4096);
    static uint64_t pointers[4] ALIGNED(32);
    uint32_t features[4], cr0, cr4;

    cpuid(1, 0, features);
    if (!(features[3] & CPUID_EDX_PAE)) {
        print("Memory overwrite: this CPU cannot reach RAM above 4 GiB; it is "
              "left as it is\n");
        return;
    }
    for (uint32_t i = 0; i < 2; i++)
        pointers[i] = (uint32_t)tables[i] | PAGE_PRESENT;
    for (uint32_t i = 0; i < TABLE_ENTRIES; i++)
        tables[0][i] = i * LARGE_PAGE | PAGE_PRESENT | PAGE_WRITABLE |
                       PAGE_LARGE;
    __asm__ volatile("mov %%cr0, %0\n\tmov %%cr4, %1" : "=r"(cr0), "=r"(cr4));
    while (from < to) {
        uint64_t base = ALIGN_DOWN(from, (uint64_t)GIB);
        uint64_t end = to - base < GIB ? to : base + GIB;

        for (uint32_t i = 0; i < TABLE_ENTRIES; i++)
            tables[1][i] = base + i * LARGE_PAGE + PAGE_PRESENT +
                           PAGE_WRITABLE + PAGE_LARGE;
        __asm__ volatile("mov %0, %%cr4\n\tmov %1, %%cr3\n\tmov %2, %%cr0"
                         : : "r"(cr4 | CR4_PAE), "r"(pointers),
                             "r"(cr0 | CR0_PG) : "memory");
        memset((void *)(GIB + (uint32_t)(from - base)), 0,
               (uint32_t)(end - from));
        __asm__ volatile("mov %0, %%cr0\n\tmov %1, %%cr4"
                         : : "r"(cr0), "r"(cr4) : "memory");
        from = end;
    }
}

static void clear_all(void)
{
    const struct e820_entry *e;

    for (uint32_t i = 0; (e = e820_get(i)) != NULL; i++) {
        uint64_t end = e->base + e->size;

        if (e->type != E820_RAM)
            continue;
        if (e->base < FOUR_GIB)
            clear_around((uint32_t)e->base, end > FOUR_GIB
                         ? 0xffffffffu : (uint32_t)end);
        else
            clear_high(e->base, end);
    }
    /* What the map reserves below 1 MiB: EBDA, option ROMs, our own room. */
    clear(0x9fc00, 0xa0000);
    clear(0xc0000, (uint32_t)__builtin_frame_address(0) - STACK_IN_USE);
    clear((uint32_t)bss_end, (uint32_t)resident_start);
}

void memory_overwrite(void)
{
    volatile uint8_t *ppi = ppi_memory();
    uint8_t request;

    if (!ppi)
        return;
    request = mmio_read8(ppi + PPI_REGION_MOVV);
    if (!(request & PPI_MOVV_CLEAR))
        return;
    clear_all();
    mmio_write8(ppi + PPI_REGION_MOVV, (uint8_t)(request & ~PPI_MOVV_CLEAR));
    print("Memory overwritten, as the operating system asked\n");
}
