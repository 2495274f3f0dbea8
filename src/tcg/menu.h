/* SPDX-License-Identifier: MIT */
/*
 * The "TPM Configuration" screens: the TPM's state, what can be changed, the
 * event log.  Every change runs through the PPI's operations.  POST only.
 */
#ifndef TCG_MENU_H
#define TCG_MENU_H

#include "tcg/ppi.h"

/*
 * Show the menu until ESC.  Needs plat->read_key.  That a person entered the
 * setup ("Entering ROM Based Setup") the caller has measured: once in a boot,
 * when the first menu is opened.  Call between tcg_ppi_run() and
 * tcg_handover(), with a usable TPM (else it returns at once).  Returns true if
 * the platform must be reset and plat->reset returned.
 */
bool tcg_menu(struct tcg *t, struct tcg_ppi *ppi);

#endif
