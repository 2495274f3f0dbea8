/* SPDX-License-Identifier: MIT */
/*
 * The PS/2 mouse by INT 15h AH=C2h.  Says "ready", then for each packet one
 * line "mouse SS XX YY" (status, movement), until a key is pressed.
 * tests/boot/test_services.py moves the mouse.
 */
#include "rm.h"

main:
    movw $0xc200, %ax
    movb $1, %bh
    clc
    int $0x15
    CHECK c, "C200 wants a handler first"
    movw $0xc205, %ax
    movb $3, %bh
    stc
    int $0x15
    CHECK nc, "C205"
    CHECK_EQ 0x00aa, %bx, "C205 self-test and type"
    movw $0xc205, %ax
    movb $9, %bh
    clc
    int $0x15
    CHECK c, "C205 refuses 9 bytes"
    cmpb $2, %ah
    CHECK e, "C205 AH"
    movw $0xc204, %ax
    movb $0xff, %bh
    stc
    int $0x15
    CHECK nc, "C204"
    cmpb $0, %bh
    CHECK e, "C204 type"
    movw $0xc203, %ax
    movb $3, %bh
    stc
    int $0x15
    CHECK nc, "C203"
    movw $0xc202, %ax
    movb $5, %bh
    stc
    int $0x15
    CHECK nc, "C202"
    movw $0xc206, %ax
    movb $0, %bh
    stc
    int $0x15
    CHECK nc, "C206 status"
    cmpb $3, %cl
    CHECK e, "C206 resolution"
    cmpb $100, %dl
    CHECK e, "C206 rate"
    movw $0xc207, %ax
    movw $handler, %bx
    stc
    int $0x15
    CHECK nc, "C207"
    movw $0xc200, %ax
    movb $1, %bh
    stc
    int $0x15
    CHECK nc, "C200"
    movw $0xc2ff, %ax
    clc
    int $0x15
    CHECK c, "C2FF"
    cmpb $1, %ah
    CHECK e, "C2FF AH"
    movw $ready, %si
    call say
    movb $0, %ah
    int $0x16
    movw $0xc200, %ax
    movb $0, %bh
    stc
    int $0x15
    CHECK nc, "C200 off"
    jmp finish

/* Above the far return address: 0, Y, X, status. */
handler:
    pushaw
    pushw %ds
    pushw %bp
    movw %sp, %bp
    xorw %ax, %ax
    movw %ax, %ds
    movw $mouse, %si
    call say
    movw 20 + 10(%bp), %ax
    call say_field
    movw 20 + 8(%bp), %ax
    call say_field
    movw 20 + 6(%bp), %ax
    call say_field
    movw $newline, %si
    call say
    popw %bp
    popw %ds
    popaw
    lret

ready:
    .asciz "ready\n"
mouse:
    .asciz "mouse"

    END_OF_PROGRAM
