/* SPDX-License-Identifier: MIT */
/*
 * The TPM module's place in this firmware: its state, and what POST does with
 * it before anything can be measured.  measure.h has the measurements.
 */
#ifndef TPM_H
#define TPM_H

#include "core/regs.h"
#include "tcg/tcg.h"

extern struct tcg tpm;

/* INT 1Ah AH=BBh.  Resident. */
void handle_1a_tcg(struct bregs *r);

/*
 * Is there a TPM?  Then its overlay is loaded (for POST both of its parts) and
 * measure_ops is set.  Resident.
 */
bool tpm_find(bool post);

/* There is a TPM, whatever its state. */
static inline bool tpm_present(void)
{
    return tpm.state != TCG_ABSENT;
}

/*
 * POST only, when there is none and the ACPI tables are linked: does fw_cfg or
 * a table say that there is one?  Then that is printed.
 */
void tpm_check_absence(void);

#endif
