/* SPDX-License-Identifier: MIT */
/*
 * How every boot sector of ours begins: segments 0, the stack below itself,
 * interrupts off.  DL is still the drive.  ENTRY_AT_8: another way in.
 */
    .code16
    .text
    .globl _start
_start:
    ljmp $0, $1f
#ifdef ENTRY_AT_8
    .org 8
    ljmp $0, $ENTRY_AT_8
#endif
1:  cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7c00, %sp
