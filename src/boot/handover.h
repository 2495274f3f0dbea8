/* SPDX-License-Identifier: MIT */
/*
 * Hand-over: booting QEMU's -kernel, and measuring what is started beyond
 * what the TCG's conventional-BIOS specification asks for: Linux kernels with
 * command line and initrd, and boot code behind the first sector.
 * docs/measurements.md has the events; PCR 8 is for command lines, 9 for files,
 * as GRUB has it on UEFI.
 */
#ifndef HANDOVER_H
#define HANDOVER_H

#include "lib/compiler.h"

/* ---------------------------------------------------------------- POST only */

/*
 * Before the option ROMs run.  A bzImage given by -kernel becomes an entry of
 * the boot list.  True: there is another kernel, which an option ROM will start
 * (tpm_kernel_setup() measures it).
 */
bool handover_setup(void);

/* The option ROM in this file is not needed: its kernel has an entry. */
bool handover_replaces_rom(const char *file);

/* ----------------------------------------------------------------- resident */

/* What is measured; both off without a TPM. */
struct handover {
    bool linux_hook;            /* kernels that announce themselves */
    bool boot_code;             /* code behind the first sector */
};
extern struct handover handover;

/*
 * Load the kernel of -kernel from fw_cfg, measure the memory it was loaded
 * to, enter its setup code.  Returns, having said why, if it cannot be
 * started.  first: it is the first of the boot list.
 */
void linux_boot(bool first);

/* In linux_entry.S: DS = setup segment, BX = its stack pointer; interrupts
 * off; far entry at DS + 20h:0. */
extern char linux_entry_vector[];

#endif
