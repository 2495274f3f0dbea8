/* SPDX-License-Identifier: MIT */
/*
 * Text for people: debug output (port 402h) and the console (VGA through
 * INT 10h, and serial).  Resident.
 *
 * Formats: %s %c %d %u %x %X %p, width and 0 padding (%08x), %-20s, %.*s,
 * %llx and %llu for 64 bits, %zu.
 */
#ifndef PRINT_H
#define PRINT_H

#include <stdarg.h>

#include "lib/compiler.h"

/* To port 402h only. */
void debug(const char *fmt, ...) PRINTF(1, 2);

/* To the console (when it is up) and to port 402h. */
void print(const char *fmt, ...) PRINTF(1, 2);

/*
 * Format into buf, always NUL-terminated when cap > 0.
 * Returns the length the whole text has, as snprintf does.
 */
int format(char *buf, size_t cap, const char *fmt, ...) PRINTF(3, 4);
int vformat(char *buf, size_t cap, const char *fmt, va_list ap);

/*
 * Until print_console(), keep what print() says in buf, zeroed, of cap
 * bytes, to show it then; what does not fit is on port 402h only.
 */
void print_hold(char *buf, size_t cap);

/* From here on print() also goes to the screen, character by character; to() is
 * resident. */
void print_console(void (*to)(char c));

#endif
