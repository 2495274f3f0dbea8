/* SPDX-License-Identifier: MIT */
/*
 * SMBIOS: the structures QEMU delivers, completed by the one that describes
 * the firmware.  POST only.
 */
#ifndef FW_SMBIOS_H
#define FW_SMBIOS_H

#include "lib/compiler.h"

/* Put the tables where an OS looks for them.  Malformed ones are left out,
 * and the console says why. */
void smbios_load(void);

/* The structures (not the anchor) as the OS sees them, or NULL. */
const void *smbios_table(uint32_t *len);

#endif
