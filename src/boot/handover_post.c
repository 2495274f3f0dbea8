/* SPDX-License-Identifier: MIT */
/*
 * Hand-over, the part of POST: what -kernel is.
 *
 * QEMU docs/specs/fw_cfg; Linux Documentation/arch/x86/boot.rst.
 */
#include "boot/handover.h"

#include <string.h>

#include "boot/boot.h"
#include "boot/linux_header.h"
#include "fw/bootorder.h"
#include "fw/fwcfg.h"
#include "lib/print.h"

#define LOADER_ROM          "genroms/linuxboot"

/* fw_cfg items, and the addresses that linux_boot.c is made for. */
#define FWCFG_KERNEL_ADDR   0x07u
#define FWCFG_CMDLINE_ADDR  0x13u
#define FWCFG_SETUP_ADDR    0x16u
#define KERNEL_ADDRESS      0x100000u
#define CMDLINE_ADDRESS     0x20000u
#define SETUP_ADDRESS       0x10000u

static bool direct;             /* linux_boot() starts the kernel */

/* The kernel is one that linux_boot() can load, where QEMU wants it. */
static bool can_boot(void)
{
    uint8_t setup[LINUX_HEADER_END];

    if (fwcfg_read32(FWCFG_SETUP_SIZE) < sizeof(setup) ||
        fwcfg_read32(FWCFG_KERNEL_ADDR) != KERNEL_ADDRESS ||
        fwcfg_read32(FWCFG_CMDLINE_ADDR) != CMDLINE_ADDRESS ||
        fwcfg_read32(FWCFG_SETUP_ADDR) != SETUP_ADDRESS)
        return false;
    fwcfg_read(FWCFG_SETUP_DATA, setup, sizeof(setup));
    return linux_header_ok(setup);
}

/* An entry of the boot list in place of the ROM's. */
static void add_entry(const struct fwcfg_file *rom)
{
    char path[80];

    format(path, sizeof(path), "/rom@%s", rom->name);
    boot_add_bev((struct farptr){ 0, 0 }, "Linux kernel",
                 bootorder_find_path(path));
}

bool handover_setup(void)
{
    bool kernel = fwcfg_read32(FWCFG_KERNEL_SIZE) != 0;
    const struct fwcfg_file *rom = kernel ? fwcfg_next(NULL, LOADER_ROM)
                                          : NULL;

    direct = rom && can_boot();
    if (direct)
        add_entry(rom);
    return kernel && !direct;
}

bool handover_replaces_rom(const char *file)
{
    return direct && strncmp(file, LOADER_ROM, sizeof(LOADER_ROM) - 1) == 0;
}
