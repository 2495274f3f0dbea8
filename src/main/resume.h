/* SPDX-License-Identifier: MIT */
/*
 * Resume from S3.  Resident: during a resume no memory but the firmware's own
 * may be written.
 */
#ifndef RESUME_H
#define RESUME_H

#include "hw/chipset.h"
#include "lib/compiler.h"

/*
 * The machine comes back from S3: the OS left the shutdown code FEh in CMOS
 * and the chipset confirms the wake-up.  Needs no resident variables but those
 * of chipset_set().
 */
bool resume_wanted(void);

/* Restore the chipset and the TPM and jump to the OS's waking vector; without
 * one, reset the machine. */
NORETURN void resume(enum chipset chipset);

#endif
