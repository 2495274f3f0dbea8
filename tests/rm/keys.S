/* SPDX-License-Identifier: MIT */
/*
 * Keys as INT 16h reports them.  Says "ready", then for each key one line
 * "key AAAA low SS high SS" (AX of AH=10h; AL and AH of AH=12h), until Ctrl-D
 * (2004h).  tests/boot/test_services.py presses the keys.
 */
#include "rm.h"

main:
    movw $ready, %si
    call say
1:  movb $0x10, %ah
    int $0x16
    movw %ax, %bx
    movw $key, %si
    call say
    call say_word
    movw $low, %si
    call say
    movb $0x12, %ah
    int $0x16
    call say_byte
    movw $high, %si
    call say
    movb %ah, %al
    call say_byte
    movw $newline, %si
    call say
    cmpw $0x2004, %bx
    jne 1b
    jmp finish

ready:
    .asciz "ready\n"
key:
    .asciz "key "
low:
    .asciz " low "
high:
    .asciz " high "

    END_OF_PROGRAM
