/* SPDX-License-Identifier: MIT */
/*
 * Text by INT 10h AH=0Eh in a graphics mode of 100 columns: 120 characters
 * from "0" on, in rounds of 64.
 */
#include "rm.h"

main:
    movw $0x4f02, %ax
    movw $0x0103, %bx                   /* 800 x 600, 256 colours */
    int $0x10
    CHECK_EQ 0x004f, %ax, "VBE mode 103h"
    CHECK_EQ 100, 0x44a, "40:4A columns"
    xorw %cx, %cx
1:  movb %cl, %al
    andb $63, %al
    addb $'0', %al
    movb $0x0e, %ah
    movw $0x0007, %bx
    int $0x10
    incw %cx
    cmpw $120, %cx
    jb 1b
    jmp finish

    END_OF_PROGRAM
