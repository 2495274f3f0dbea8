/* SPDX-License-Identifier: MIT */
/*
 * Choosing what to boot, and booting it.
 *
 * Order of calls: option ROMs announce boot entries while they are set up
 * (boot_add_bev, boot_add_bcv); boot_prepare() adds the drives, sorts all by
 * boot order, asks a person if the menu is wanted, numbers the drives and
 * leaves a list that outlives POST; boot() starts with its first entry.
 *
 * BIOS Boot Specification 1.01 (IPL and BCV priority, INT 18h/19h).
 */
#ifndef BOOT_H
#define BOOT_H

#include "core/bda.h"
#include "core/regs.h"
#include "hw/pci.h"

/* ---------------------------------------------------------------- POST only */

/* Which of the entries of equal priority comes first: order of this list. */
enum boot_class {
    CLASS_FLOPPY, CLASS_HDD, CLASS_CD, CLASS_BEV, CLASS_BCV,
};

/*
 * An option ROM has a boot entry vector (BEV), or code that attaches its
 * disks to INT 13h and is to be called in boot order (BCV).
 *
 * entry     0:0 stands for the kernel of -kernel (handover.h)
 * name      for the menu and the log; copied
 * priority  from bootorder_find(); negative: the class's default place
 */
void boot_add_bev(struct farptr entry, const char *name, int priority);
void boot_add_bcv(struct farptr entry, const char *name, int priority);

/* An option ROM wants to be called by INT 18h: when nothing else boots. */
void boot_add_last(struct farptr entry, const char *name);

/* "t. TPM Configuration" of the menu, which may reset the machine; NULL without
 * a TPM. */
extern void (*boot_tpm_menu)(void);

/* Make the list; shows the menu.  After drives_finish(). */
void boot_prepare(void);

/* ----------------------------------------------------------------- resident */

/* POST is over and gate_boot() is passed: boot the first entry. */
NORETURN void boot(void);

/* The boot came back: next entry; first entry. */
void handle_18(struct bregs *r);
void handle_19(struct bregs *r);

#endif
