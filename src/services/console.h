/* SPDX-License-Identifier: MIT */
/*
 * The text screen of INT 10h when no VGA ROM is there.
 */
#ifndef CONSOLE_H
#define CONSOLE_H

/* Set up the BIOS data area for an empty screen of 80 x 25.  POST only, but
 * resident since INT 10h AH=00h does the same. */
void console_reset(void);

#endif
