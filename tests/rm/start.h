/* SPDX-License-Identifier: MIT */
/*
 * How every boot sector of ours begins: segments 0, the stack below itself,
 * interrupts off.  DL is still the drive.
 */
    .code16
    .text
    .globl _start
_start:
    ljmp $0, $1f
1:  cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7c00, %sp
