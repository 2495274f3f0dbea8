/* SPDX-License-Identifier: MIT */
/*
 * Run twice: fills 80000-9FFFF (with the EBDA) and C0000-FFFFF with roots of
 * ACPI tables, as an operating system could, and resets the machine; the second
 * time counts how many are still there for the next operating system to find.
 * (It would look for roots of other tables in some of these places.)
 */
#include "rm.h"

#define MARK_SEG    0x7000              /* RAM that POST does not use */
#define MARK        0x4c454546

main:
    movw $MARK_SEG, %ax
    movw %ax, %fs
    cmpl $MARK, %fs:0
    je second

    movl $MARK, %fs:0
    cli
    movl $0x80000000, %eax              /* which host bridge */
    call config_read
    movl $0x80000058, %ebx              /* i440FX: PAM0 is 59h */
    cmpl $0x12378086, %eax
    je 1f
    movl $0x80000090, %ebx              /* Q35: 90h */
1:  movl $0x33333333, %ecx              /* all of it RAM that can be written */
    call config_write
    addl $4, %ebx
    call config_write
    movw $plant, %bp
    call areas
    movw $0xcf9, %dx
    movb $0x02, %al
    outb %al, %dx
    movb $0x06, %al
    outb %al, %dx
2:  hlt
    jmp 2b

second:
    movl $0, %fs:0
    movw $count, %bp
    call areas
    movw left, %ax
    movw $left_text, %si
    call say
    call say_field
    movw $newline, %si
    call say
    jmp finish
left_text:
    .asciz "left"
left:
    .word 0

/* Call %bp with %ax = segment, %bx = 16-byte pieces, of each area. */
areas:
    movw $segments, %si
1:  lodsw
    testw %ax, %ax
    jz 2f
    pushw %si
    movw $0x1000, %bx
    call *%bp
    popw %si
    jmp 1b
2:  ret
segments:
    .word 0x8000, 0x9000, 0xc000, 0xd000, 0xe000, 0xf000, 0

/* in: eax = address.  out: eax. */
config_read:
    movw $0xcf8, %dx
    outl %eax, %dx
    movw $0xcfc, %dx
    inl %dx, %eax
    ret

/* Write %ecx to the register %ebx; %eax, %edx change. */
config_write:
    movl %ebx, %eax
    movw $0xcf8, %dx
    outl %eax, %dx
    movw $0xcfc, %dx
    movl %ecx, %eax
    outl %eax, %dx
    ret

plant:
    movw %ax, %es
    xorw %di, %di
1:  movw $root, %si
    movw $8, %cx
    rep movsw
    decw %bx
    jnz 1b
    ret

count:
    movw %ax, %es
    xorw %di, %di
1:  movw $root, %si
    pushw %di
    movw $8, %cx
    repe cmpsw
    popw %di
    jne 2f
    incw left
2:  addw $16, %di
    decw %bx
    jnz 1b
    ret

root:
    .ascii "RSD PTR "
    .byte 0x1e
    .ascii "FORGED"
    .byte 0

    END_OF_PROGRAM
