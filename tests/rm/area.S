/* SPDX-License-Identifier: MIT */
/*
 * Writes what an operating system searches for tables, E0000-FFFFF, as it is:
 * "area" in a line, 131072 bytes, "done".
 */
#include "rm.h"

main:
    movw $head, %si
    call say
    movw $PORT_DEBUG, %dx
    movw $0xe000, %ax
    call segment
    movw $0xf000, %ax
    call segment
    movw $newline, %si
    call say
    jmp finish

segment:
    pushw %ds
    movw %ax, %ds
    xorw %si, %si
1:  lodsb
    outb %al, %dx
    testw %si, %si
    jnz 1b
    popw %ds
    ret
head:
    .asciz "area\n"

    END_OF_PROGRAM
