/* SPDX-License-Identifier: MIT */
/*
 * Write protection of the BIOS area.  Resident.
 */
#ifndef FW_SHADOW_H
#define FW_SHADOW_H

#include "lib/compiler.h"

/*
 * Make C0000-DFFFF (option ROMs, zeros behind them) and E8000-FFFFF (ours)
 * read-only; E0000-E7FFF holds the resident data and stays writable.  Last
 * thing before the OS runs, after POST and after a resume.
 */
void pam_lock(void);

#endif
