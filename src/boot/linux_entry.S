/* SPDX-License-Identifier: MIT */
/*
 * The last instructions before a Linux kernel's setup code.
 *
 * Linux Documentation/arch/x86/boot.rst, "Running the kernel": all data
 * segments are the setup segment, CS is 20h above it, interrupts off.
 */
    .section .fixed16, "ax", @progbits

/* Real mode.  in: DS = setup segment, BX = stack pointer.  No return. */
    .code16
    .globl linux_entry_vector
linux_entry_vector:
    cli
    movw %ds, %ax
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movzwl %bx, %esp
    addw $0x20, %ax
    pushw %ax
    pushw $0
    xorl %eax, %eax
    xorl %ebx, %ebx
    xorl %edx, %edx
    lretw

    .section .note.GNU-stack, "", @progbits
