/* SPDX-License-Identifier: MIT */
/*
 * The gate that option ROMs run behind.  POST only.
 */
#include "gate.h"

#include "tpm.h"

void gate_roms(void)
{
    if (tpm_present())
        tpm_before_third_party();
    gate_open(GATE_ROMS);
}
