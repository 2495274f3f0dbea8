/* SPDX-License-Identifier: MIT */
/*
 * The 8254 timer: channel 0 makes the tick of IRQ 0.  Intel 8254 data sheet.
 */
#ifndef HW_PIT_H
#define HW_PIT_H

#define PIT_CHANNEL0        0x40u
#define PIT_CONTROL         0x43u
#define PIT_CHANNEL0_RATE   0x34u       /* 16 bits, mode 2, binary */
#define PIT_HZ              1193182u    /* divided by 65536: 18.2 Hz */

#endif
