/* SPDX-License-Identifier: MIT */
/*
 * INT 10h in text mode, everything that shows something.  Says "ready" when
 * the screen is drawn, and ends with the next key.  tests/boot/
 * test_services.py compares the terminal with the VGA's memory.
 */
#include "rm.h"

.macro GOTO row, col
    movb $2, %ah
    movb $0, %bh
    movb $\row, %dh
    movb $\col, %dl
    int $0x10
.endm

main:
    movw $0x0003, %ax
    int $0x10

    /* 30 lines: the first six leave the screen. */
    movb $'A', %cl
1:  movw $line, %si
    call type
    movb %cl, %al
    call type_char
    movw $crlf, %si
    call type
    incb %cl
    cmpb $'A' + 30, %cl
    jb 1b
    movb $3, %ah
    movb $0, %bh
    int $0x10
    CHECK_EQ 0x1800, %dx, "cursor after scrolling"

    GOTO 5, 10                          /* colours; the cursor stays */
    movw $0x0958, %ax
    movw $0x001f, %bx
    movw $5, %cx
    int $0x10
    movb $3, %ah
    int $0x10
    CHECK_EQ 0x050a, %dx, "cursor after AH=09h"
    movb $8, %ah
    int $0x10
    CHECK_EQ 0x1f58, %ax, "AH=08h reads back"
    GOTO 6, 12
    movw $0x0a59, %ax
    movw $0x004e, %bx
    movw $3, %cx
    int $0x10

    movw $0x0600, %ax                   /* a blue window */
    movb $0x17, %bh
    movw $0x0a14, %cx
    movw $0x0e32, %dx
    int $0x10
    movw $0x1301, %ax
    movw $0x002e, %bx
    movw $11, %cx
    movw $0x0c16, %dx
    movw $text, %bp
    int $0x10
    movb $3, %ah
    movb $0, %bh
    int $0x10
    CHECK_EQ 0x0c21, %dx, "cursor after AH=13h"
    movw $0x1302, %ax
    movw $0x0000, %bx
    movw $3, %cx
    movw $0x0d16, %dx
    movw $coloured, %bp
    int $0x10
    movb $3, %ah
    movb $0, %bh
    int $0x10
    CHECK_EQ 0x0c21, %dx, "cursor stays with AL=02h"

    movw $0x0601, %ax                   /* some lines up, all columns */
    movb $0x07, %bh
    movw $0x0300, %cx
    movw $0x084f, %dx
    int $0x10
    movw $0x0702, %ax                   /* a window down */
    movb $0x30, %bh
    movw $0x0f05, %cx
    movw $0x1414, %dx
    int $0x10

    GOTO 16, 40                         /* the rest of a row */
    movw $0x0920, %ax
    movw $0x0007, %bx
    movw $40, %cx
    int $0x10
    GOTO 22, 70                         /* over the edge */
    movw $long, %si
    call type
    GOTO 2, 3
    movw $back, %si
    call type
    GOTO 3, 0                           /* line drawing, symbols */
    movw $boxes, %si
    call type
    GOTO 24, 60                         /* over the last edge */
    movw $long, %si
    call type
    movw $long, %si
    call type
    movw $0x0601, %ax                   /* the whole screen up */
    movb $0x07, %bh
    movw $0x0000, %cx
    movw $0x184f, %dx
    int $0x10
    GOTO 7, 9
    movb $0x0f, %ah
    int $0x10
    CHECK_EQ 0x5003, %ax, "AH=0Fh"

    movw $ready, %si
    call say
    movb $0, %ah
    int $0x16
    movb $1, %ah                        /* no cursor, nothing on the screen */
    movw $0x2000, %cx
    int $0x10
    GOTO 0, 0
    movw $0x0920, %ax
    movw $0x0007, %bx
    movw $2000, %cx
    int $0x10
    movw $cleared, %si
    call say
    movb $0, %ah
    int $0x16
    jmp finish

type_char:
    pushaw
    movb $0x0e, %ah
    movw $0x0007, %bx
    int $0x10
    popaw
    ret
type:
    lodsb
    testb %al, %al
    jz 1f
    call type_char
    jmp type
1:  ret

line:
    .asciz "This is line "
crlf:
    .asciz "\r\n"
text:
    .ascii "window text"
coloured:
    .byte 'r', 0x0c, 'g', 0x0a, 'b', 0x70
long:
    .asciz "0123456789abcdefghijklmn"
back:
    .asciz "abc\b\bX\a"
boxes:
    .byte 0xda, 0xc4, 0xbf, 0xb3, 0xc0, 0xd9, 0x01, 0x1a, 0x80, 0xdb, 0xe1, 0
ready:
    .asciz "ready\n"
cleared:
    .asciz "cleared\n"

    END_OF_PROGRAM
