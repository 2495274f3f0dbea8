/* SPDX-License-Identifier: MIT */
/*
 * The user's boot order: QEMU's fw_cfg file bootorder, one device path a line.
 * POST only.
 */
#ifndef BOOTORDER_H
#define BOOTORDER_H

#include <stdbool.h>
#include <stddef.h>

#include "hw/pci.h"

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

#endif
