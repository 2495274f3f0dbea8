/* SPDX-License-Identifier: MIT */
/*
 * The part of POST's dealings with the TPM that a machine without one runs as
 * well; all else is in measure_post.c and tpm_admin_post.c, packed.  POST only.
 */
#include "packed.h"
#include "tpm.h"

void tpm_setup(void)
{
    /* Why it fails has been printed; without a TPM nothing is said. */
    (void)tcg_start(&tpm, &tpm_platform);
    if (!tpm_present())
        return;
    packed_load();
    tpm_started();
}

bool tcg_menu_available(void)
{
    return tcg_usable(&tpm);
}
