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
 * real.c asks gate_passed() before it leaves for real mode, so that a gate
 * cannot be passed by.  main/gates.h has what each of them does.
 */
#ifndef GATE_H
#define GATE_H

#include <stdbool.h>

enum gate { GATE_NONE, GATE_ROMS, GATE_BOOT };

/* Is this gate, or a later one, behind us? */
bool gate_passed(enum gate which);

/* For the gates themselves: what they have to do is done. */
void gate_open(enum gate which);

#endif
