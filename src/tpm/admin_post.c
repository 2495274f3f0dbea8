/* SPDX-License-Identifier: MIT */
/*
 * Wiring between POST and the TPM's administration in src/tcg: requests of the
 * operating system (PPI) and the menu.  POST only.
 */
#include "measure/tpm.h"
#include "services/services.h"
#include "tcg/menu.h"
#include "tpm/steps.h"

static struct tcg_ppi ppi;

void tpm_admin_capture(void)
{
    (void)tcg_ppi_capture(&tpm, &ppi);      /* nothing to run is fine */
}

void tpm_admin_run(void)
{
    /* A person may be asked, long before POST needs the keyboard. */
    if (ppi.request || ppi.next)
        keyboard_finish();
    (void)tcg_ppi_run(&tpm, &ppi);          /* does not return for a reset */
}

void tpm_menu_show(void)
{
    (void)tcg_menu(&tpm, &ppi);             /* does not return for a reset */
}
