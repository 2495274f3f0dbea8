/* SPDX-License-Identifier: MIT */
/*
 * Writes what INT 15h AX=E820h says to port 402h, a line for each entry:
 * "entry BASE LENGTH TYPE", in hexadecimal.
 */
#include "rm.h"

#define ENTRY       0x9000

main:
    xorl %ebx, %ebx
1:  movl $0xe820, %eax
    movl $0x534d4150, %edx
    movl $20, %ecx
    movw $ENTRY, %di
    int $0x15
    CHECK nc, "E820"
    movw $line, %si
    call say
    movw $PORT_DEBUG, %dx
    movw $ENTRY + 8, %si
    movw $8, %cx
    call number
    movw $ENTRY + 16, %si
    movw $8, %cx
    call number
    movw $ENTRY + 20, %si
    movw $4, %cx
    call number
    movb $'\n', %al
    outb %al, %dx
    testl %ebx, %ebx
    jnz 1b
    jmp finish

/* A space, and the %cx bytes below %si from the last to the first. */
number:
    movb $' ', %al
    outb %al, %dx
1:  decw %si
    movb (%si), %al
    call say_byte
    loop 1b
    ret

line:
    .asciz "entry"

    END_OF_PROGRAM
