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
#include "hw/pci.h"
#include "core/regs.h"

/* ---------------------------------------------------------------- POST only */

/* Which of the entries of equal priority comes first: order of this list. */
enum boot_class {
    CLASS_FLOPPY, CLASS_HDD, CLASS_CD, CLASS_BEV, CLASS_BCV,
};

/*
 * The place of a device in the user's boot order (fw_cfg file bootorder):
 * 1 is first; ERR_ABSENT when the file does not name it.
 *
 * The device is PCI function bdf; suffix goes on from there, such as
 * "/drive@0/disk@1", "" or ":rom2".  A '*' in a pattern stands for anything
 * within one component of the path.
 */
int bootorder_find(pci_bdf bdf, const char *suffix);

/* The same for a complete path: "/rom@genroms/linuxboot_dma.bin". */
int bootorder_find_path(const char *pattern);

/*
 * The pattern that a device's line in a file of QEMU's must match, with its
 * NUL in path; for other files than bootorder.  0, ERR_ABSENT or ERR_SPACE.
 */
#define BOOTORDER_PATH_SIZE 256u
int bootorder_path(pci_bdf bdf, const char *suffix, char *path, size_t cap);

/* Does a pattern match the path, or a leading part of it up to a '/'? */
bool bootorder_matches(const char *pattern, const char *path,
                       const char *path_end);

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

/* Make the list; shows the menu.  After block_finish(). */
void boot_prepare(void);

/* ----------------------------------------------------------------- resident */

/* POST is over: through the gate, and boot the first entry. */
NORETURN void boot(void);

/* The boot came back: next entry; first entry. */
void handle_18(struct bregs *r);
void handle_19(struct bregs *r);

/* ------------------------------------------------- supplied by the TPM side */

/*
 * POST only: run "t. TPM Configuration"; may reset the machine.  Whether it is
 * offered says tcg_menu_available() of tpm.h.
 */
void tcg_menu_show(void);

#endif
