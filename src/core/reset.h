/* SPDX-License-Identifier: MIT */
/*
 * Resetting the machine.  Resident.
 */
#ifndef RESET_H
#define RESET_H

#include "lib/compiler.h"

/* Reset the machine, the TPM included. */
NORETURN void platform_reset(void);

#endif
