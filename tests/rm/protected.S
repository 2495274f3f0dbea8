/* SPDX-License-Identifier: MIT */
/*
 * Writes to the write-protected disk that this was booted from.
 */
#include "rm.h"

main:
    movb boot_drive, %dl
    movw $0x0301, %ax
    movw $0x0001, %cx
    movb $0, %dh
    movw $0x7c00, %bx
    int $0x13
    CHECK c, "first write fails"
    movb $0, %al
    CHECK_EQ 0x0300, %ax, "first write says why"
    movw $0x4300, %ax
    movw $packet, %si
    movb boot_drive, %dl
    int $0x13
    CHECK c, "second write fails"
    movb $0, %al
    CHECK_EQ 0x0300, %ax, "second write says why"
    movw $0x0201, %ax
    movw $0x0001, %cx
    movw $0x9000, %bx
    movb boot_drive, %dl
    movb $0, %dh
    int $0x13
    CHECK nc, "it can be read still"
    jmp finish

    END_OF_PROGRAM
