/* SPDX-License-Identifier: MIT */
/*
 * The part of POST's dealings with the TPM that a machine without one runs as
 * well; all else is in the TPM's overlay.  POST only.
 */
#include "tpm.h"

void tpm_setup(void)
{
    if (!tpm_find(true))
        return;
    (void)tcg_start(&tpm, &tpm_platform);   /* why it fails was printed */
    tpm_started();
}

bool tcg_menu_available(void)
{
    return tcg_usable(&tpm);
}
