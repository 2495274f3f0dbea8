/* SPDX-License-Identifier: MIT */
/*
 * POST-only code that most boots do not need (the TPM's share of POST, PPI,
 * menus) lies compressed in the image and is unpacked behind .init when it
 * is wanted.  The files in packed-y are such code; who calls into them calls
 * packed_load() first.  Init.
 */
#ifndef PACKED_H
#define PACKED_H

/* Unpack, once; later calls cost nothing. */
void packed_load(void);

#endif
