/* SPDX-License-Identifier: MIT */
/*
 * SMI sources, SMRAM, and the handler for virtual-8086 callers (core/v86.h) in
 * it.  Nothing of an earlier OS may run in system management mode during POST.
 * Resident, without variables.
 *
 * QEMU switches ACPI on and off at port B2h in the device itself, so the
 * handler has nothing to do for it.
 */
#ifndef FW_SMM_H
#define FW_SMM_H

#include "lib/compiler.h"

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

/*
 * Put the handler into SMRAM, move the boot processor's SMBASE there, close
 * SMRAM and lock it until the next reset (QEMU's i440FX does not keep that
 * lock).  Before the first code that is not ours, and at a resume; interrupts
 * off, the vectors' table is set.
 *
 * stacks  V86_SLOTS times V86_STACK bytes; NULL: close and lock only
 * Returns whether callers in virtual-8086 mode are served from now on; port B2h
 * raises an SMI then.  If not, this machine has no system management mode.
 */
bool smm_setup(uint8_t *stacks);

#endif
