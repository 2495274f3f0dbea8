/* SPDX-License-Identifier: MIT */
/*
 * Advanced Power Management, INT 15h AH=53h.  Resident.
 */
#ifndef APM_H
#define APM_H

#include "core/regs.h"

void apm_service(struct bregs *r);

#endif
