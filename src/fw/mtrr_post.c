/* SPDX-License-Identifier: MIT */
/*
 * Memory types: everything is write-back but the display, the BIOS area and
 * the PCI window below 4 GiB.  Intel SDM volume 3, 11.11.
 */
#include "fw/e820.h"
#include "fw/smp_state.h"
#include "hw/chipset.h"
#include "lib/io.h"

#define CPUID_MSR           (1u << 5)       /* leaf 1, EDX */
#define CPUID_MTRR          (1u << 12)

#define MSR_MTRRCAP         0xfeu
#define MTRRCAP_COUNT(v)    ((v) & 0xffu)
#define MTRRCAP_FIXED       (1u << 8)
#define MSR_PHYS_BASE0      0x200u
#define MSR_PHYS_MASK0      0x201u
#define PHYS_MASK_VALID     (1u << 11)
#define MSR_FIX64K_00000    0x250u
#define MSR_FIX16K_80000    0x258u
#define MSR_FIX16K_A0000    0x259u
#define MSR_FIX4K_C0000     0x268u          /* eight of 32 KiB each */
#define MSR_DEF_TYPE        0x2ffu
#define DEF_TYPE_ENABLE     (1u << 11)
#define DEF_TYPE_FIXED      (1u << 10)

#define TYPE_UC             0u
#define TYPE_WP             5u
#define TYPE_WB             6u
#define EIGHT(type)         ((type) * 0x0101010101010101ull)

void mtrr_setup(void)
{
    uint32_t window = chipset_pci_window(e820_low_end());
    uint32_t r[4], cap, size;
    uint64_t mask;

    cpuid(1, 0, r);
    if (!(r[3] & CPUID_MSR) || !(r[3] & CPUID_MTRR))
        return;
    cap = (uint32_t)rdmsr(MSR_MTRRCAP);
    if (MTRRCAP_COUNT(cap) == 0 || !(cap & MTRRCAP_FIXED))
        return;
    smp_write_msr(MSR_DEF_TYPE, 0);
    smp_write_msr(MSR_FIX64K_00000, EIGHT(TYPE_WB));
    smp_write_msr(MSR_FIX16K_80000, EIGHT(TYPE_WB));
    smp_write_msr(MSR_FIX16K_A0000, EIGHT(TYPE_UC));
    for (unsigned i = 0; i < 8; i++)
        smp_write_msr(MSR_FIX4K_C0000 + i, EIGHT(TYPE_WP));
    /* A range is a power of two in size: if the window is none, the largest
     * that ends with it. */
    size = 1u << (31 - __builtin_clz(0u - window));
    mask = (1ull << cpu_address_bits()) - 1;
    smp_write_msr(MSR_PHYS_BASE0, (0u - size) | TYPE_UC);
    smp_write_msr(MSR_PHYS_MASK0, (-(uint64_t)size & mask) | PHYS_MASK_VALID);
    smp_write_msr(MSR_DEF_TYPE, DEF_TYPE_ENABLE | DEF_TYPE_FIXED | TYPE_WB);
}
