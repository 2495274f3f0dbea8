/* SPDX-License-Identifier: MIT */
/*
 * The gate that option ROMs run behind.  POST only.
 */
#include "main/gates.h"

#include "core/gate.h"
#include "measure/tpm.h"
#include "tpm/steps.h"

void gate_roms(void)
{
    if (tpm_present())
        tpm_before_third_party();
    gate_open(GATE_ROMS);
}
