/* SPDX-License-Identifier: MIT */
/*
 * The addresses of IBM's ROM in segment F000, called and read as programs of that
 * time do it.  CALL_INT19, CALL_E05B (arguments of the build): goes to that one,
 * once; what is booted then says "again".  DUMP_FONT: a line of the font's bytes.
 */
#include "rm.h"

#define BOOTED_AT   0x5f0               /* where no boot writes, and a reset may */
#define BOOTED      0x424f

.macro CALL_AS_INT offset               /* of F000, as an INT calls */
    pushfw
    lcall $0xf000, $\offset
.endm
.macro BYTE_AT offset, value, name
    cmpb $\value, %es:\offset
    CHECK e, "\name"
.endm

main:
#if defined(CALL_INT19) || defined(CALL_E05B)
    cmpw $BOOTED, BOOTED_AT
    jne 1f
    movw $again, %si
    call say
    movw $0, BOOTED_AT
    jmp finish
1:  movw $BOOTED, BOOTED_AT
#ifdef CALL_INT19
    CALL_AS_INT 0xe6f2
#else
    ljmp $0xf000, $0xe05b
#endif
#elif defined(DUMP_FONT)
    movw $0xf000, %ax
    movw %ax, %es
    movw $0xfa6e, %di
    movw $1024, %cx
1:  movb %es:(%di), %al
    call say_byte
    incw %di
    loop 1b
    movw $newline, %si
    call say
    jmp finish
#else
    movw $0xf000, %ax
    movw %ax, %es
    BYTE_AT 0xff53, 0xcf, "IRET"
    BYTE_AT 0xfff7, '/', "date"
    BYTE_AT 0xfffa, '/', "date, too"
    BYTE_AT 0xfffe, 0xfc, "model"
    BYTE_AT 0xefc9, 0x25, "motor's time of a floppy drive"
    BYTE_AT 0xf0a4 + 16, 0x71, "6845 for 80 columns"
    movl 0x1e * 4, %eax
    cmpl $0xf000efc7, %eax
    CHECK e, "vector 1Eh"
    movl 0x1d * 4, %eax
    cmpl $0xf000f0a4, %eax
    CHECK e, "vector 1Dh"

    CALL_AS_INT 0xff53
    CALL_AS_INT 0xe2c3
    CALL_AS_INT 0xf841
    cmpw 0x413, %ax
    CHECK e, "INT 12h"
    CALL_AS_INT 0xf84d
    cmpw 0x410, %ax
    CHECK e, "INT 11h"
    movb $0xc0, %ah
    CALL_AS_INT 0xf859
    CHECK nc, "INT 15h"
    cmpb $0xfc, %es:2(%bx)
    CHECK e, "its table"
    movw $0, %ax
    movw %ax, %es
    CALL_AS_INT 0xfe6e
    subw 0x46c, %dx
    cmpw $-2, %dx
    CHECK ge, "INT 1Ah"
    movb $0x0f, %ah
    CALL_AS_INT 0xf065
    cmpb $80, %ah
    CHECK e, "INT 10h"
    movb $0x08, %ah
    movb $0x80, %dl
    CALL_AS_INT 0xe3fe
    CHECK nc, "INT 13h"
    cmpb $1, %dl
    CHECK e, "one disk"
    movb $0x15, %ah
    movb $0x80, %dl
    CALL_AS_INT 0xec59
    CHECK nc, "INT 40h"
    movb $3, %ah
    movw $0, %dx
    movw $0x55aa, %cx
    CALL_AS_INT 0xe739
    testb $0x60, %ah
    CHECK nz, "INT 14h"
    movb $2, %ah
    movw $0, %dx
    CALL_AS_INT 0xefd2
    testb $0x80, %ah
    CHECK nz, "INT 17h"

    movw $0x1e61, %cx
    movb $5, %ah
    CALL_AS_INT 0xe82e
    cmpb $0, %al
    CHECK e, "INT 16h takes a key"
    movb $0, %ah
    CALL_AS_INT 0xe82e
    CHECK_EQ 0x1e61, %ax, "and gives it"
    cli
    movb $0xd2, %al                     /* as if from the keyboard */
    outb %al, $0x64
1:  inb $0x64, %al
    testb $2, %al
    jnz 1b
    movb $0x30, %al
    outb %al, $0x60
    CALL_AS_INT 0xe987
    movb $1, %ah
    int $0x16
    CHECK_EQ 0x3062, %ax, "INT 09h"
    movl 0x46c, %esi
    CALL_AS_INT 0xfea5
    incl %esi
    cmpl %esi, 0x46c
    CHECK e, "INT 08h"
    CALL_AS_INT 0xef57
    sti

    /* The screen on the printer: two lines of it are ours. */
    movw $0x0003, %ax
    int $0x10
    movw $words, %si
1:  lodsb
    testb %al, %al
    jz 2f
    movw $0x0007, %bx
    movb $0x0e, %ah
    int $0x10
    jmp 1b
2:  movb $3, %ah
    movb $0, %bh
    int $0x10
    movw %dx, %di
    movw $0x1234, %ax
    movw $0x5678, %bx
    movw $0x9abc, %cx
    movw $0xdef0, %dx
    movb $0xee, 0x500
    CALL_AS_INT 0xff54
    CHECK_EQ 0x1234, %ax, "INT 05h keeps AX"
    CHECK_EQ 0x5678, %bx, "and BX"
    CHECK_EQ 0x9abc, %cx, "and CX"
    CHECK_EQ 0xdef0, %dx, "and DX"
    cmpb $0, 0x500
    CHECK e, "the screen is printed"
    movb $3, %ah
    movb $0, %bh
    int $0x10
    cmpw %dx, %di
    CHECK e, "the cursor is where it was"
    movb $1, 0x500                      /* is being printed: not again */
    int $0x05
    cmpb $1, 0x500
    CHECK e, "not while one is printed"
    movw 0x408, %ax
    movw $0, 0x408
    movb $0, 0x500
    int $0x05
    movw %ax, 0x408
    cmpb $0xff, 0x500
    CHECK e, "there is no printer"
    jmp finish
words:
    .asciz "A line for the printer\r\nand another"
#endif

again:
    .asciz "again\n"

    END_OF_PROGRAM
