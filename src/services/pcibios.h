/* SPDX-License-Identifier: MIT */
/*
 * PCI BIOS, INT 1Ah AH=B1h.  Resident.
 */
#ifndef PCIBIOS_H
#define PCIBIOS_H

#include "core/regs.h"

/*
 * The version that function B101h reports.  2.1, but while an option ROM is
 * initialised as PCI Firmware Specification 3.0 says it.
 */
#define PCI_VERSION_2_1     0x0210u
#define PCI_VERSION_3_0     0x0300u
extern uint16_t pcibios_version;

void pcibios(struct bregs *r);

#endif
