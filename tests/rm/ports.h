/* SPDX-License-Identifier: MIT */
/*
 * Where the test programs report.  QEMU gives them two devices of its own;
 * Bochs has port E9h, and is ended by whoever started it.
 */
#ifndef PORTS_H
#define PORTS_H

#ifdef BOCHS
#define PORT_DEBUG  0xe9
#else
#define PORT_DEBUG  0x402
#endif
#define PORT_EXIT   0x501

#endif
