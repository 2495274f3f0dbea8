/* SPDX-License-Identifier: MIT */
/*
 * POST Memory Manager: memory for option ROMs, from the firmware's own zones.
 * POST Memory Manager Specification 1.01.
 */
#ifndef PMM_H
#define PMM_H

#include "core/regs.h"

/* POST only: announce the service ("$PMM"), once; take it back at hand-over. */
void pmm_setup(void);
void pmm_finish(void);

/* Resident: the real-mode entry.  After pmm_finish() it refuses. */
void handle_pmm(struct bregs *r);

/* Between pnp.c and pmm_post.c: what answers, while POST lasts, to the words
 * behind the caller's return address. */
#define PMM_ARGS_MAX        12u
extern void (*pmm_service)(struct bregs *r, const uint8_t *args);

#endif
