/* SPDX-License-Identifier: MIT */
/*
 * What the guest (v86.c, 16-bit code) and its monitor (v86_monitor.c, ring 0)
 * share; v86.S is between them.
 */
#ifndef RM_V86_H
#define RM_V86_H

/* How the guest runs */
#define MODE_PAGING     3               /* one of these */
#define PAGING_NONE     0
#define PAGING_4K       1
#define PAGING_PAE      2
#define PAGING_4M       3               /* one page of 4 MiB */
#define MODE_IOPL0      4               /* the monitor emulates interrupts */
#define MODE_PAGE0      8               /* page 0 is a copy, elsewhere */
#define MODE_DEVICES    0x10            /* and devices: 8042, 8259s, port 92h */

/* Physical memory of the monitor.  Its first part lies in an odd MiB, where a
 * closed A20 gate is noticed. */
#define MONITOR_AT      0x500000
#define MONITOR_STACK   0x5f0000
#define MONITOR_TABLES  0x600000
#define MONITOR_FRAMES  0x680000        /* of UPPER, every other page */
#define MONITOR_PAGE0   0x6c0000
#define MONITOR_SCRATCH 0x6c2000
#define MONITOR_SECOND  0x700000        /* low memory of the second task */
#define LOW_MEMORY      0xa0000

/* Linear memory whose pages lie elsewhere, in reverse order */
#define UPPER           0xd0000
#define UPPER_PAGES     16

/* Calls of the monitor: INT CALL_MONITOR, AX one of these */
#define CALL_MONITOR    0xfd
#define CALL_STOP       0               /* back in real mode */
#define CALL_VERIFY     1               /* EAX: what has changed, CHANGED_... */
#define CALL_COUNTERS   2               /* EAX, EBX, ECX, EDX: the monitor's */
#define CALL_PAGE       3               /* page EBX becomes PAGE_... CX */
#define CALL_A20        4               /* BX: 1 open, 0 closed */
#define CALL_GUARD      5               /* at a fault go on at BX, SP CX; EAX:
                                           what it was */
#define CALL_READ       6               /* EAX: physical memory at EBX */
#define CALL_SECOND     7               /* a second task, from BX on */
#define CALL_FOCUS      8               /* BX: which task has the keyboard */
#define CALL_END        9               /* of the second task */
#define CALL_SLICES     10              /* BX: ticks until the other's turn */
#define CALL_KILL       11              /* the second task is no more */
/* For attacks */
#define CALL_WRITE      12              /* physical memory at EBX becomes ECX */
#define CALL_FLAT       13              /* the firmware's smi_exchange(), EBX,
                                           ECX; EAX: what came back */
#define CALL_SMIS       14              /* SMIs from ring 0 */

#define PAGE_NORMAL     0
#define PAGE_LAZY       1               /* not there, brought on a fault */
#define PAGE_READ_ONLY  2
#define PAGE_SUPERVISOR 3
#define PAGE_HIGH       4               /* above 4 GiB (PAE): nothing there */

#define CHANGED_GDTR    0x1
#define CHANGED_IDTR    0x2
#define CHANGED_CR      0x4
#define CHANGED_TR      0x8
#define CHANGED_DR      0x10
#define CHANGED_FPU     0x20
#define CHANGED_GAPS    0x40            /* between UPPER's pages */
#define CHANGED_UNDER   0x80            /* UPPER's addresses as physical ones */
#define CHANGED_LOW     0x100           /* page 0, while the guest has a copy */
#define CHANGED_MSR     0x200
#define CHANGED_A20     0x400

#endif
