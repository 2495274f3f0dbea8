/* SPDX-License-Identifier: MIT */
/*
 * What each key means, by its scan code of set 1, on a US keyboard.
 */
#ifndef KEYMAP_H
#define KEYMAP_H

#include "lib/compiler.h"

/* Scan code << 8 | ASCII with no, shift, control, alternate; 0: no key. */
struct key { uint16_t plain, shift, ctrl, alt; };

#define KEYMAP_FIRST        0x01u
#define KEYMAP_LAST         0x58u

/* The keys KEYMAP_FIRST..KEYMAP_LAST. */
extern const struct key keymap[KEYMAP_LAST - KEYMAP_FIRST + 1];

/* The meaning of a key that sends E0h and code, or NULL. */
const struct key *keymap_extended(uint8_t code);

/* The key that types that character, as INT 16h returns it. */
uint16_t keymap_from_ascii(uint8_t c);

#endif
