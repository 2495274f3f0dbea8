/* SPDX-License-Identifier: MIT */
/*
 * The PCI interrupt routing table ("$PIR") in the F segment.  POST only.
 */
#ifndef FW_PIRTABLE_H
#define FW_PIRTABLE_H

void pirtable_setup(void);

#endif
