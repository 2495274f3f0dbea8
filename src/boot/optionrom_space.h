/* SPDX-License-Identifier: MIT */
/*
 * Where option ROMs lie: C0000-DFFFF, one behind the other.  POST only.
 */
#ifndef OPTIONROM_SPACE_H
#define OPTIONROM_SPACE_H

#include "lib/compiler.h"

/* The next ROM's address, and how many bytes there are from there. */
uint32_t rom_space_next(void);
uint32_t rom_space_left(void);

/* No ROM has kept anything so far. */
bool rom_space_empty(void);

/* The ROM at rom_space_next() keeps that many bytes. */
void rom_space_keep(uint32_t size);

#endif
