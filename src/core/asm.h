/* SPDX-License-Identifier: MIT */
/*
 * What the assembly sources of this folder share.
 */
#ifndef ASM_H
#define ASM_H

#include "core/layout.h"

/* Offsets in segments F000 and E000, and a far pointer into the former.  The
 * assembler cannot know that they fit 16 bits, so they are used where 32 bits
 * have room. */
#define F(symbol)       ((symbol) - 0xf0000)
#define F000(symbol)    (F(symbol) + 0xf0000000)
#define D(symbol)       ((symbol) - DATA_START)

#define PORT_PIC1       0x20
#define PORT_PIC2       0xa0
#define PIC_EOI         0x20
#define PORT_PS2_DATA   0x60
#define PORT_PS2_STATUS 0x64
#define PS2_AUX         0x20        /* the byte that waits is the mouse's */
#define PORT_A20        0x92
#define BDA_TICKS       0x6c
#define BDA_MIDNIGHT    0x70

/* The A20 gate is opened.  A counter is changed and looked for 1 MiB higher;
 * twice, so that a copy of this page up there does not count.  32-bit flat; no
 * stack is needed.  out: ECX=1: it was closed; 0: it was not.  EAX is lost. */
.macro a20_open
    xorl %ecx, %ecx
    incl a20_probe
    movl a20_probe, %eax
    cmpl %eax, a20_probe + 0x100000
    jne 13f
    incl a20_probe
    movl a20_probe, %eax
    cmpl %eax, a20_probe + 0x100000
    jne 13f
    incl %ecx
    movb $2, %al
    outb %al, $PORT_A20
13:
.endm

#endif
