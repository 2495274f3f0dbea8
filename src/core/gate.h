/* SPDX-License-Identifier: MIT */
/*
 * The gates: code that is not ours runs for the first time in a phase only
 * after the gate of that phase, whatever the TPM's state.  docs/threat-model.md
 * has the table of what has been given up behind each.  Resident.
 *
 *   (none)      our own code only: real mode is not entered at all
 *   GATE_ROMS   option ROMs, and interrupts, which they may take over
 *   GATE_BOOT   boot sectors, boot entries, kernels; an OS that wakes up
 *
 * src/core/real.c asks gate_passed() before it leaves for real mode, so that a gate
 * cannot be passed by.
 */
#ifndef GATE_H
#define GATE_H

#include <stdbool.h>

enum gate { GATE_NONE, GATE_ROMS, GATE_BOOT };

/* Is this gate, or a later one, behind us? */
bool gate_passed(enum gate which);

/* For the gates themselves: what they have to do is done. */
void gate_open(enum gate which);

/*
 * Before the first option ROM: the TPM is started, the firmware is measured, a
 * TPM 2.0's platformAuth is a secret of ours.  POST only.
 */
void gate_roms(void);

/*
 * Before the first boot attempt, at the end of POST: the hand-over is measured,
 * nobody can act as the platform (TPM 1.2: physical presence is locked; 2.0:
 * nobody knows platformAuth, or its hierarchy is off), and the secrets are
 * wiped, on the resident stack as well.
 */
void gate_boot(void);

/*
 * Before the waking vector of an OS: tcg_resume() has done the same, or has
 * capped the TPM.  The resident variables, which the OS can have changed, may
 * be back.
 */
void gate_resume(void);

#endif
