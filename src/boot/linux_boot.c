/* SPDX-License-Identifier: MIT */
/*
 * Boot the kernel of QEMU's -kernel: what the option ROM linuxboot does, but
 * here what was loaded is measured in place before it runs, and no ROM has
 * to be.  Resident: the kernel goes where POST's code was.
 *
 * Leaves to handover_post.c: whether there is a kernel that this can load.
 *
 * Linux Documentation/arch/x86/boot.rst; QEMU docs/specs/fw_cfg.
 */
#include "boot/handover.h"
#include "measure/measure.h"

#include "boot/linux_header.h"
#include "core/real.h"
#include "fw/e820.h"
#include "fw/fwcfg.h"
#include "fw/fwcfg_io.h"
#include "lib/print.h"

/* Where QEMU says that it wants things (handover_post.c checks that). */
#define SETUP_ADDRESS       0x10000u
#define SETUP_MAX           0x9000u
#define HEAP_END            0xfe00u     /* of the setup segment: its stack */
#define CMDLINE_ADDRESS     0x20000u
#define CMDLINE_MAX         0x10000u
#define KERNEL_ADDRESS      0x100000u
#define INITRD_MAX_OLD      0x37ffffffu /* before protocol 2.03 */
#define PAGE                0x1000u

static uint32_t read32(uint16_t key)
{
    uint32_t v;

    fwcfg_io_read(key, &v, sizeof(v));
    return v;
}

static void load(uint16_t key, uint32_t at, uint32_t len)
{
    fwcfg_io_read(key, (void *)at, len);
}

/* The highest page for len bytes between start and last, or 0. */
static uint32_t place_high(uint32_t len, uint32_t start, uint32_t last)
{
    uint32_t best = 0, top = ALIGN_DOWN(last, PAGE);

    for (uint32_t i = 0; i < e820_count(); i++) {
        const struct e820_entry *e = e820_get(i);
        uint32_t base = (uint32_t)e->base, end = top, at;

        if (e->type != E820_RAM || e->base >= top)
            continue;
        if (e->base + e->size < top)
            end = (uint32_t)(e->base + e->size);
        if (base < start)
            base = start;
        if (end < base || end - base < len)
            continue;
        at = ALIGN_DOWN(end - len, PAGE);
        if (at >= base && at > best)
            best = at;
    }
    return best;
}

/* The last address that the kernel takes its initrd from. */
static uint32_t initrd_last(const struct linux_image *k)
{
    uint16_t version = linux_u16(k->setup + LINUX_VERSION);

    if (version < 0x203)
        return INITRD_MAX_OLD;
    if (version >= 0x20c &&
        (linux_u16(k->setup + LINUX_XLOADFLAGS) & LINUX_XLOAD_HIGH))
        return UINT32_MAX;
    return linux_u32(k->setup + LINUX_INITRD_MAX);
}

static int place_initrd(struct linux_image *k)
{
    uint32_t last = initrd_last(k);
    uint32_t at = 0;

    k->initrd_len = read32(FWCFG_INITRD_SIZE);
    if (k->initrd_len) {
        at = place_high(k->initrd_len, KERNEL_ADDRESS + k->payload_len, last);
        if (at == 0)
            return ERR_SPACE;
    }
    k->initrd = (uint8_t *)at;
    *(uint32_t *)(k->setup + LINUX_RAMDISK) = at;
    *(uint32_t *)(k->setup + LINUX_RAMDISK_SIZE) = k->initrd_len;
    return 0;
}

/* All but the large parts; these get a place.  NULL, or why there is nothing to
 * start. */
static const char *load_first(struct linux_image *k)
{
    static const char too_large[] = "it does not fit into RAM";
    uint32_t cmdline_len = read32(FWCFG_CMDLINE_SIZE);

    *k = (struct linux_image){
        .setup = (uint8_t *)SETUP_ADDRESS,
        .setup_len = read32(FWCFG_SETUP_SIZE),
        .payload = (uint8_t *)KERNEL_ADDRESS,
        .payload_len = read32(FWCFG_KERNEL_SIZE),
        .cmdline = (const char *)CMDLINE_ADDRESS,
    };
    if (k->setup_len < LINUX_HEADER_END || k->setup_len > SETUP_MAX ||
        cmdline_len >= CMDLINE_MAX)
        return "setup code or command line have an impossible size";
    load(FWCFG_SETUP_DATA, SETUP_ADDRESS, k->setup_len);
    if (!linux_header_ok(k->setup))
        return "it is no bzImage";
    load(FWCFG_CMDLINE_DATA, CMDLINE_ADDRESS, cmdline_len);
    *(char *)(CMDLINE_ADDRESS + cmdline_len) = '\0';
    if (!e820_is_ram(KERNEL_ADDRESS, k->payload_len) || place_initrd(k) < 0)
        return too_large;
    /* QEMU has filled in the rest of the header, for these addresses. */
    *(uint32_t *)(k->setup + LINUX_CMDLINE) = CMDLINE_ADDRESS;
    return NULL;
}

void linux_boot(bool first)
{
    static bool before;
    struct bregs r = {
        .cs = SEG_BIOS, .ip = (uint16_t)(uint32_t)linux_entry_vector,
        .ds = SETUP_ADDRESS >> 4, .es = SETUP_ADDRESS >> 4, .bx = HEAP_END,
    };
    struct linux_image image;
    const char *problem = load_first(&image);

    if (problem) {
        print("The kernel of -kernel is not started: %s\n", problem);
        return;
    }
    image.first = first && !before;
    before = true;
    if (!measure_linux_image(&image)) {
        load(FWCFG_KERNEL_DATA, KERNEL_ADDRESS, image.payload_len);
        if (image.initrd_len)
            fwcfg_io_read(FWCFG_INITRD_DATA, image.initrd, image.initrd_len);
    }
    jump16(&r);
}
