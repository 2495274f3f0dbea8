/* SPDX-License-Identifier: MIT */
/*
 * The MultiProcessor table in the F segment.  POST only.
 */
#ifndef FW_MPTABLE_H
#define FW_MPTABLE_H

/* After pci_setup() and smp_finish().  Without room there is no table. */
void mptable_setup(void);

#endif
