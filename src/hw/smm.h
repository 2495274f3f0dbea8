/* SPDX-License-Identifier: MIT */
/*
 * System management mode is not used: nothing of ours lives there, and
 * nothing of an earlier OS may run there during POST.  Resident, without
 * variables.
 *
 * QEMU switches ACPI on and off at port B2h in the device itself, so no SMI
 * handler is missed.
 */
#ifndef FW_SMM_H
#define FW_SMM_H

#include <stdbool.h>

#define SMRAM_I440FX        0x72u
#define SMRAM_Q35           0x9du
#define SMRAM_LOCK          (1u << 4)       /* D_LCK */

/* First thing after reset: no source can raise an SMI, and ICH9's watchdog
 * stands still.  After pm_setup_early(). */
void smi_off_early(void);

/*
 * Does the machine have SMI timers?  Those of QEMU outlive a reset: an OS can
 * have an SMI come before the first instruction, with a handler of its own
 * (docs/threat-model.md).  POST only, after pm_setup_early().
 */
bool smi_timers_present(void);

/* SMRAM closed and locked until the next reset. */
void smm_lock(void);

#endif
