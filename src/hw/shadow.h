/* SPDX-License-Identifier: MIT */
/*
 * Write protection of the BIOS area.  Resident.
 */
#ifndef FW_SHADOW_H
#define FW_SHADOW_H

#include "lib/compiler.h"

/* The unit in which C0000-DFFFF can be RAM or nothing. */
#define PAM_STEP            0x4000u

/* Where option ROMs end: a multiple of PAM_STEP. */
extern uint32_t shadow_roms_end;

/*
 * Make C0000 to shadow_roms_end and E8000-FFFFF (ours) read-only; E0000-E7FFF
 * holds the resident data and stays writable.  From the ROMs' end to DFFFF, RAM
 * is hidden: it may hold what an earlier OS left.  Last thing before the OS
 * runs, after POST and after a resume.
 */
void pam_lock(void);

#endif
