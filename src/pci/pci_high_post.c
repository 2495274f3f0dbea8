/* SPDX-License-Identifier: MIT */
/*
 * PCI: the window above 4 GiB, where it is asked for.
 *
 * Without the switch opt/org.seabios/pci64 devices are placed above 4 GiB only
 * when they do not fit below: 32-bit code, such as the ROMs of network cards,
 * cannot reach them there.  With it, all that can go there does, at the end of
 * the addresses that the processor has, with room for devices that are plugged
 * in later.
 *
 * AMD64 Architecture Programmer's Manual 3, CPUID 80000008h; AMD I/O
 * Virtualization Technology (IOMMU) Specification 48882, 2.1.2.
 */
#include "fw/e820.h"
#include "fw/fwcfg.h"
#include "lib/io.h"
#include "pci/pci_plan.h"

#define CPUID_EXTENDED      0x80000000u
#define LONG_MODE           (1u << 29)      /* EDX of 80000001h */
#define AMD                 0x68747541u     /* EBX of 0: "Auth" */
#define INTEL               0x756e6547u     /* "Genu" */

/* With more bits old kernels fail: i386 above 44, x86-64 above 46.  A guest
 * with more than 1 TiB of RAM runs newer ones. */
#define BITS_OF_OLD_KERNELS 44u
#define MUCH_RAM            (FOUR_GIB + (1ull << 40))

/* Requests to these addresses are HyperTransport's on AMD's processors. */
#define HT_START            0xfd00000000ull
#define HT_END              0x10000000000ull

static bool long_mode(void)
{
    uint32_t r[4];

    cpuid(CPUID_EXTENDED, 0, r);
    if (r[0] == CPUID_EXTENDED)
        return false;
    cpuid(CPUID_EXTENDED + 1, 0, r);
    return (r[3] & LONG_MODE) != 0;
}

bool pci_high_wanted(void)
{
    return fwcfg_switch("opt/org.seabios/pci64", false) && long_mode();
}

/* Vendor's first letters, as CPUID leaf 0 has them in EBX. */
static uint32_t vendor(void)
{
    uint32_t r[4];

    cpuid(0, 0, r);
    return r[1];
}

/*
 * Unless told otherwise QEMU says 40 bits, whatever the host has.  Of the
 * values below 41 only those that real processors have are believed.
 */
static bool believed(unsigned bits)
{
    switch (vendor()) {
    case INTEL:
        return bits == 36 || bits == 39 || bits > 40;
    case AMD:
        return bits >= 40;
    default:
        return bits > 40;
    }
}

uint64_t pci_high_end(void)
{
    uint32_t sizes = cpu_address_sizes();
    unsigned bits = sizes & 0xff, guest = sizes >> 16 & 0xff;

    if (!believed(bits))
        return 0;
    if (guest != 0 && guest < bits)
        bits = guest;
    if (bits > BITS_OF_OLD_KERNELS && e820_high_end() < MUCH_RAM)
        bits = BITS_OF_OLD_KERNELS;
    return 1ull << bits;
}

/* The first start of something else in [base, end), or end. */
static uint64_t taken_at(uint64_t base, uint64_t end)
{
    uint64_t at = end;
    const struct e820_entry *e;

    if (vendor() == AMD && base < HT_END && end > HT_START)
        at = HT_START;
    for (uint32_t i = 0; (e = e820_get(i)) != NULL; i++)
        if (e->base < end && e->base + e->size > base && e->base < at)
            at = e->base;
    return at;
}

uint64_t pci_high_base(uint64_t start, uint64_t size)
{
    uint64_t end = pci_high_end(), base;

    /* Each turn goes below one more entry of the map, or AMD's range. */
    for (unsigned turn = 0; turn <= E820_MAX + 1; turn++) {
        if (end < start || end - start < size)
            return start;
        base = ALIGN_DOWN(end - size, GIB);
        if (base < start)
            return start;
        end = taken_at(base, base + size);
        if (end == base + size)
            return base;
    }
    return start;
}
