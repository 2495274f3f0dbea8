/* SPDX-License-Identifier: MIT */
/*
 * Reads from the disk that this was booted from, which is pulled out before:
 * says "pull" and waits for a byte on the first serial port.
 */
#include "rm.h"

#define UART_DATA   0x3f8
#define UART_LSR    0x3fd

main:
    movw $pull, %si
    call say
    movw $UART_LSR, %dx
1:  inb %dx, %al
    testb $1, %al
    jz 1b
    call read
    CHECK c, "a read fails"
    call read
    CHECK c, "so does the next"
    movb $0, %al
    CHECK_EQ 0x8000, %ax, "the drive is given up: time-out"
    jmp finish

read:
    movw $0x0201, %ax
    movw $0x0001, %cx
    movw $0x9000, %bx
    movb boot_drive, %dl
    movb $0, %dh
    int $0x13
    ret

pull:
    .asciz "pull\n"

    END_OF_PROGRAM
