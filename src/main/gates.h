/* SPDX-License-Identifier: MIT */
/*
 * What has to be done before code that is not ours runs for the first time in a
 * phase.  docs/threat-model.md has the table.
 */
#ifndef GATES_H
#define GATES_H

#include "lib/compiler.h"

/*
 * Before the first option ROM: the TPM is started, the firmware is measured, a
 * TPM 2.0's platformAuth is a secret of ours.  POST only.
 */
void gate_roms(void);

/*
 * At the end of POST, with an empty stack; then boots.  The hand-over is
 * measured, nobody can act as the platform (TPM 1.2: physical presence is
 * locked; 2.0: nobody knows platformAuth, or its hierarchy is off), and the
 * secrets are wiped, on the resident stack as well.
 */
NORETURN void gate_boot(void);

/*
 * Before the waking vector of an OS: tcg_resume() has done the same, or has
 * capped the TPM.  The resident variables, which the OS can have changed, may
 * be back.
 */
void gate_resume(void);

#endif
