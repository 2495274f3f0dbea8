/* SPDX-License-Identifier: MIT */
/*
 * The BIOS services other than disks and boot, the keyboard and the serial
 * console.
 *
 * Order of calls in POST: interrupts_init() after alloc_init();
 * keyboard_start() once the PM timer runs; sercon_setup() after the VGA ROM
 * and before the console is used; bios32_setup() after pci_setup();
 * keyboard_finish() before anybody waits for a key.
 */
#ifndef SERVICES_H
#define SERVICES_H

#include "core/regs.h"

/* ---------------------------------------------------------------- POST only */

/*
 * Interrupt vectors, BIOS data area, EBDA, both 8259, the PIT's tick, the
 * real-time clock and the time of day in ticks.  Interrupts may be enabled
 * afterwards.
 */
void interrupts_init(void);

/* Program the keyboard controller and start the keyboard's reset. */
void keyboard_start(void);

/* Collect the answer to the reset; afterwards keys arrive by IRQ 1.  Once;
 * later calls do nothing. */
void keyboard_finish(void);

/*
 * Show the text of INT 10h on the 16550 at that I/O port too (only there when
 * no VGA ROM has taken INT 10h), and take keys from it.
 */
void sercon_setup(uint16_t port);

/*
 * The BIOS32 directory with its PCI service, in the F segment's zone for
 * tables (about 0.4 KiB; without room there is no directory).
 */
void bios32_setup(void);

/* ----------------------------------------------------------------- resident */

/*
 * Wait for a key.
 *
 * wait_ms  how long, at least; 0 only looks
 * Returns scan code << 8 | ASCII as INT 16h AH=10h does, or ERR_TIMEOUT.
 * Interrupts are served meanwhile.
 */
int key_read(uint32_t wait_ms);

/* A character to the screen, by INT 10h AH=0Eh: the display's ROM, or the
 * serial console. */
void console_put(char c);

/* Forget all keys that were typed ahead. */
void key_flush(void);

/*
 * A scan code of set 1 from a keyboard: INT 15h AH=4Fh sees it, then it
 * becomes a key or changes the shift states.  For keyboards without IRQ 1.
 */
void key_scancode(uint8_t code);

/* Takes what USB keyboards have sent, by key_scancode(); NULL without any. */
extern void (*key_poll_usb)(void);

/*
 * Put a key (scan code << 8 | ASCII) behind those that were typed.
 * false: the buffer is full, the key is lost.
 */
bool key_push(uint16_t key);

/* How many keys the buffer still takes. */
unsigned key_room(void);

/* INT 15h and 1Ah: AH for a function that is not there; CF is set as well. */
#define AH_UNSUPPORTED      0x86u

void handle_09(struct bregs *r);
void handle_10(struct bregs *r);
void handle_11(struct bregs *r);
void handle_12(struct bregs *r);
void handle_14(struct bregs *r);
void handle_15(struct bregs *r);
void handle_16(struct bregs *r);
void handle_17(struct bregs *r);
void handle_1a(struct bregs *r);
void handle_70(struct bregs *r);
void handle_74(struct bregs *r);

/* What of INT 09h, 74h and 70h does not ask the 8042 and the 8259s: the byte is
 * in AL. */
void handle_key(struct bregs *r);
void handle_mouse(struct bregs *r);
void handle_clock(struct bregs *r);

#endif
