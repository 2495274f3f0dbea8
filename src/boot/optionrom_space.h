/* SPDX-License-Identifier: MIT */
/*
 * Where option ROMs lie: C0000-DFFFF, one behind the other, and memory lent for
 * the initialisation of an image that has no room there.  POST only.
 */
#ifndef OPTIONROM_SPACE_H
#define OPTIONROM_SPACE_H

#include "lib/compiler.h"

/* What is lent: free conventional memory. */
#define ROM_LENT_START      0x20000u
#define ROM_LENT_END        0x40000u

/* How many bytes are left for ROMs. */
uint32_t rom_space_left(void);

/* No ROM has kept anything so far. */
bool rom_space_empty(void);

/* Where the next ROM's place begins. */
uint8_t *rom_space_next(void);

/*
 * Where to copy an image of size bytes (at most 255 units) to: to its place,
 * or, when it does not fit, to the memory that is lent.
 */
uint8_t *rom_space_for(uint32_t size);
bool rom_space_is_lent(const uint8_t *rom);

/* The ROM at rom_space_next() keeps that many bytes; its place ends there. */
void rom_space_keep(uint32_t size);

/*
 * Around the initialisation of an image in lent memory.  begin() zeroes the
 * room bytes of its place.  end() puts back every interrupt vector that leads
 * into lent memory, or behind the kept bytes of its place, and zeroes the
 * space from there on.
 */
void rom_space_lent_begin(uint32_t room);
void rom_space_lent_end(uint32_t kept);

/* Does that address lie where rom_space_lent_end() takes vectors back? */
bool rom_space_is_gone(uint32_t address, uint32_t kept);

/* An image that was copied to rom_space_for() is done with: what was lent is
 * zeroed. */
void rom_space_return(const uint8_t *rom);

#endif
