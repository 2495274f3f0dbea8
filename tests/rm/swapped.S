/* SPDX-License-Identifier: MIT */
/*
 * Reads a byte of the medium that this was booted from ("tag X"), says
 * "swap", waits for a byte on the first serial port, and reads it again: what
 * is there now has to come, after one error at most (QEMU's CD drives say "no
 * medium" once, then "changed").
 */
#include "rm.h"

#define UART_LSR    0x3fd
#define BUFFER      0x9000

main:
    call read
    CHECK nc, "read before"
    call tag
    movw $swap, %si
    call say
    movw $UART_LSR, %dx
1:  inb %dx, %al
    testb $1, %al
    jz 1b
    call read
    jnc 2f
    call read
2:  CHECK nc, "read after"
    call tag
    jmp finish

/* 512-byte unit 8 of a floppy, CD sector 8 of a CD; the tag begins it. */
read:
    movw $0, BUFFER
    movb boot_drive, %dl
    cmpb $0x80, %dl
    jb 1f
    movw $1, tag_packet + 2             /* a failed call leaves 0 there */
    movw $0x4200, %ax
    movw $tag_packet, %si
    int $0x13
    ret
1:  movw $0x0201, %ax
    movw $0x0009, %cx
    movb $0, %dh
    movw $BUFFER, %bx
    int $0x13
    ret

tag:
    movw $tag_is, %si
    call say
    movb BUFFER, %al
    movw $PORT_DEBUG, %dx
    outb %al, %dx
    movb $'\n', %al
    outb %al, %dx
    ret

    .balign 4
tag_packet:
    .byte 16, 0
    .word 1, BUFFER, 0
    .long 8, 0
tag_is:
    .asciz "tag "
swap:
    .asciz "swap\n"

    END_OF_PROGRAM
