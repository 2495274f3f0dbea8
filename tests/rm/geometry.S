/* SPDX-License-Identifier: MIT */
/*
 * What a disk is said to be like, by every way there is of asking: lines of a
 * name and hexadecimal numbers.  tests/boot/test_geometry.py compares them with
 * SeaBIOS's.
 */
#include "rm.h"

#define BUFFER      0x9000
#define CMOS_INDEX  0x70
#define CMOS_DATA   0x71

main:
    movw $name_08, %si
    call say
    movb $0x08, %ah
    movb boot_drive, %dl
    movw $0, %di
    int $0x13
    call say_registers

    movw $name_15, %si
    call say
    movb $0x15, %ah
    movb boot_drive, %dl
    int $0x13
    call say_registers

    movw $name_48, %si
    call say
    movw $0x42, BUFFER
    movb $0x48, %ah
    movb boot_drive, %dl
    movw $BUFFER, %si
    int $0x13
    movw $0, %ax
    movw %ax, %es
    movw $BUFFER, %di
    movw $0x1a, %cx
    call say_bytes
    movw $name_path, %si
    call say
    movw $BUFFER + 0x1e, %di
    movw $0x42 - 0x1e, %cx
    call say_bytes

    movw $name_41, %si
    call say
    lesw 0x41 * 4, %di
    movw $16, %cx
    call say_bytes

    movw $name_bda, %si
    call say
    movw $0, %ax
    movw %ax, %es
    movw $0x475, %di
    movw $1, %cx
    call say_bytes

    movw $name_cmos, %si
    call say
    movw $cmos, %di
1:  movb (%di), %al
    testb %al, %al
    jz 2f
    outb %al, $CMOS_INDEX
    inb $CMOS_DATA, %al
    call say_byte
    incw %di
    jmp 1b
2:  movw $newline, %si
    call say
    jmp finish

/* AX, CX, DX and the carry. */
say_registers:
    pushfw
    call say_field
    movw %cx, %ax
    call say_field
    movw %dx, %ax
    call say_field
    popw %ax
    andw $1, %ax
    call say_field
    movw $newline, %si
    jmp say

/* CX bytes at ES:DI. */
say_bytes:
    movb %es:(%di), %al
    call say_byte
    incw %di
    loop say_bytes
    movw $newline, %si
    jmp say

name_08:
    .asciz "AH=08h"
name_15:
    .asciz "AH=15h"
name_48:
    .asciz "AH=48h "
name_path:
    .asciz "path "
name_41:
    .asciz "INT41h "
name_bda:
    .asciz "disks "
name_cmos:
    .asciz "CMOS "
/* Types of the disks, their tables, translation */
cmos:
    .byte 0x12, 0x19, 0x1a, 0x1b, 0x1c, 0x1d, 0x1e, 0x1f, 0x20, 0x21, 0x22
    .byte 0x23, 0x39, 0x3a, 0

    END_OF_PROGRAM
