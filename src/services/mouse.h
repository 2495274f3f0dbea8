/* SPDX-License-Identifier: MIT */
/*
 * The PS/2 mouse's service, INT 15h AH=C2h.  Resident.
 */
#ifndef MOUSE_H
#define MOUSE_H

#include "core/regs.h"

void mouse_service(struct bregs *r);

#endif
