/* SPDX-License-Identifier: MIT */
/*
 * Small 16-bit pieces beside entry.S.  Resident.
 */
    .section .fixed16, "ax", @progbits
    .code16

/*
 * IRQ 13: the FPU reports an error as on the AT.  The signal is cleared and
 * the error becomes an NMI, where programs look for it.
 * Real or virtual-8086 mode; nothing changes.
 */
    .globl entry_75
entry_75:
    pushw %ax
    xorw %ax, %ax
    outb %al, $0xf0
    movb $0x20, %al
    outb %al, $0xa0
    outb %al, $0x20
    popw %ax
    int $2
    iretw

/*
 * Called far by call16() from mouse.c: calls the mouse handler SI:DI, which
 * finds AX, BX, CX, DX as words above its far return address and leaves them
 * there.  Real mode, on the firmware's stack; clobbers AX, what the handler
 * clobbers.
 */
    .globl mouse_call
mouse_call:
    pushw %ax
    pushw %bx
    pushw %cx
    pushw %dx
    pushw %cs
    call 1f                         /* where are we? */
1:  popw %ax
    addw $(2f - 1b), %ax
    pushw %ax
    pushw %si
    pushw %di
    lretw
2:  cli
    addw $8, %sp
    lretw
