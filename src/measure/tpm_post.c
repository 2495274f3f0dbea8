/* SPDX-License-Identifier: MIT */
/*
 * The part of POST's dealings with the TPM that a machine without one runs as
 * well; all else is in the TPM's overlay.  POST only.
 */
#include <stddef.h>

#include "fw/acpi.h"
#include "fw/fwcfg.h"
#include "lib/print.h"
#include "measure/tpm.h"
#include "tcg/config.h"

void tpm_check_absence(void)
{
    uint32_t len;
    const char *what = fwcfg_find(TCG_CONFIG_FILE)     ? "fw_cfg etc/tpm/config"
                       : acpi_find_table("TPM2", &len) ? "an ACPI TPM2 table"
                       : acpi_find_table("TCPA", &len) ? "an ACPI TCPA table"
                                                       : NULL;

    if (what)
        print("TPM: %s promises one, but its registers do not answer; going "
              "on without\n", what);
}
