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
extern struct tcg_platform tpm_platform;

/* INT 1Ah AH=BBh.  Resident. */
void handle_1a_tcg(struct bregs *r);

/* Reset the machine, the TPM included.  Resident. */
NORETURN void platform_reset(void);

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
 * Init: find and start the TPM.  When there is one, all functions below may be
 * called, and only then: they are in the overlay.
 */
void tpm_setup(void);

/*
 * Init, when there is none and the ACPI tables are linked: does fw_cfg or a
 * table say that there is one?  Then that is printed.
 */
void tpm_check_absence(void);

/* The rest of tpm_setup(). */
void tpm_started(void);

/*
 * Init: the ACPI tables are linked.  Finds the log area they name, measures
 * the firmware itself, SMBIOS and ACPI.
 */
void tpm_measure_platform(void);

/* Init: no foreign code has run yet; after this it may. */
void tpm_before_third_party(void);

/* Init: one line on the console about the TPM, if there is one. */
void tpm_print_status(void);

/*
 * Init: take what the OS asked for through the physical presence interface,
 * before any foreign code runs ...
 */
void tpm_admin_capture(void);

/*
 * ... and do it, when there is a console; may reset the machine.  Before the
 * option ROMs that are not the display's.
 */
void tpm_admin_run(void);

/* Init, with or without a TPM: the menu's "t." entry works. */
bool tcg_menu_available(void);

#endif
