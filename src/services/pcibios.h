/* SPDX-License-Identifier: MIT */
/*
 * PCI BIOS, INT 1Ah AH=B1h.  Resident.
 */
#ifndef PCIBIOS_H
#define PCIBIOS_H

#include "core/regs.h"

void pcibios(struct bregs *r);

#endif
