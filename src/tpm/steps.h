/* SPDX-License-Identifier: MIT */
/*
 * What POST asks of the TPM's overlay, in this order.  POST only, and only when
 * tpm_find() has found a TPM.
 */
#ifndef TPM_STEPS_H
#define TPM_STEPS_H

#include <stdbool.h>

/* Start the TPM that tpm_find(true) has found. */
void tpm_start(void);

/*
 * The ACPI tables are linked.  Finds the log area they name, measures
 * the firmware itself, SMBIOS and ACPI.
 */
void tpm_measure_platform(void);

/* No foreign code has run yet; after this it may. */
void tpm_before_third_party(void);

/* One line on the console about the TPM, if there is one. */
void tpm_print_status(void);

/*
 * Take what the OS asked for through the physical presence interface, before
 * any foreign code runs ...
 */
void tpm_admin_capture(void);

/*
 * ... and do it, when there is a console; may reset the machine.  Before the
 * option ROMs that are not the display's.
 */
void tpm_admin_run(void);

/*
 * Before the option ROMs run.  Reads the switches opt/org.keelbios/
 * measure-linux and measure-boot-code; rom_kernel: an option ROM starts the
 * kernel of -kernel, so that it is measured from fw_cfg here.
 */
void tpm_kernel_setup(bool rom_kernel);

/* The boot menu's "t.": may reset the machine. */
void tpm_menu_show(void);

#endif
