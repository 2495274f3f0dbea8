/* SPDX-License-Identifier: MIT */
/*
 * What option ROMs look for in the BIOS area: the Plug and Play installation
 * structure ("$PnP") and, during POST, the POST Memory Manager's ("$PMM").
 *
 * Plug and Play BIOS Specification 1.0A, 4.4; BIOS Boot Specification 1.01,
 * appendix B.
 */
#ifndef PNP_H
#define PNP_H

#include "core/regs.h"

/* POST only: put the structure into the F segment, once. */
void pnp_setup(void);

/* POST only: its offset in segment F000, for ES:DI of option ROMs; 0: none. */
uint16_t pnp_offset(void);

/* Resident: the real-mode entry. */
void handle_pnp(struct bregs *r);

#endif
