/* SPDX-License-Identifier: MIT */
/*
 * Calls of services from virtual-8086 mode, as under EMM386: a monitor in ring
 * 0 hands each INT back to the real-mode vector.  What needs protected mode is
 * refused and says so; what is 16-bit code works.
 */
#include "rm.h"

#define CODE32      0x08
#define DATA32      0x10
#define TSS         0x18
#define V86_FLAGS   0x23002             /* VM, IOPL 3, interrupts off */
#define IO_MAP      104                 /* in the TSS: all ports are free */
#define TSS_SIZE    (IO_MAP + 8192 + 1)
#define TSS_AT      0xa000
#define RING0_STACK 0x9f00
#define V86_STACK   0x7000

main:
    cli
    movw $TSS_AT, %di
    movw $TSS_SIZE, %cx
    movb $0, %al
    rep stosb
    movb $0xff, -1(%di)
    movl $RING0_STACK, TSS_AT + 4
    movw $DATA32, TSS_AT + 8
    movw $IO_MAP, TSS_AT + 102
    lgdtl gdt_pointer
    lidtl idt_pointer
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmp $CODE32, $1f
    .code32
1:  movw $DATA32, %ax
    movw %ax, %ss
    movl $RING0_STACK, %esp
    movw $TSS, %ax
    ltr %ax
    pushl $0                            /* GS, FS, DS, ES, SS:ESP */
    pushl $0
    pushl $0
    pushl $0
    pushl $0
    pushl $V86_STACK
    pushl $V86_FLAGS
    pushl $0
    pushl $v86
    iretl

/* Behind the vector: the frame of an INT from virtual-8086 mode. */
reflect:
    pushal
    movw $DATA32, %ax
    movw %ax, %ds
    subw $6, 48(%esp)
    movzwl 52(%esp), %edx               /* its SS:SP */
    shll $4, %edx
    movzwl 48(%esp), %eax
    addl %eax, %edx
    movl 36(%esp), %eax                 /* IP, CS, flags */
    movw %ax, (%edx)
    movl 40(%esp), %eax
    movw %ax, 2(%edx)
    movl 44(%esp), %eax
    movw %ax, 4(%edx)
    movl 32(%esp), %ebx
    movzwl (,%ebx,4), %eax
    movl %eax, 36(%esp)
    movzwl 2(,%ebx,4), %eax
    movl %eax, 40(%esp)
    andl $~0x300, 44(%esp)
    popal
    addl $4, %esp
    iretl

.macro REFLECT vec
reflect_\vec:
    pushl $0x\vec
    jmp reflect
.endm
    REFLECT 08
    REFLECT 13
    REFLECT 15
    REFLECT 1c

/* The firmware did what cannot be done in this mode. */
exception:
    movw $DATA32, %ax
    movw %ax, %ds
    movl $forbidden, %esi
    movw $PORT_DEBUG, %dx
1:  lodsb
    testb $0xff, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  movw $PORT_EXIT, %dx
    outb %al, %dx
    hlt

    .code16
v86:
    movw $0x0201, %ax
    movw $0x0001, %cx
    movw $0x9000, %bx
    movb boot_drive, %dl
    movb $0x5a, %dh
    int $0x13
    CHECK c, "a read is refused"
    cmpb $0x86, %ah
    CHECK e, "by AH=86h"
    CHECK_EQ 0x0001, %cx, "CX stays"
    CHECK_EQ 0x9000, %bx, "BX stays"
    cmpb $0x5a, %dh
    CHECK e, "DH stays"
    movl $0xe820, %eax
    movl $0x534d4150, %edx
    xorl %ebx, %ebx
    movl $20, %ecx
    movw $0x9000, %di
    int $0x15
    CHECK c, "E820 is refused"
    cmpb $0x86, %ah
    CHECK e, "by AH=86h"
    movl 0x46c, %esi
    int $0x08
    incl %esi
    cmpl %esi, 0x46c
    CHECK e, "the timer's tick is counted"
    pushfw
    lcall $0xf000, $0xfea5
    incl %esi
    cmpl %esi, 0x46c
    CHECK e, "also where IBM's ROM counts it"
    jmp finish

.macro GATE handler, flags
    .word \handler, CODE32, \flags, 0
.endm
#define NONE        .quad 0

    .balign 8
idt:                                    /* 0-7, the tick, 9-Ch, #GP */
    .rept 6
    NONE
    .endr
    GATE exception, 0xee00
    NONE
    GATE reflect_08, 0xee00
    .rept 4
    NONE
    .endr
    GATE exception, 0xee00
    .rept 5
    NONE
    .endr
    GATE reflect_13, 0xee00
    NONE
    GATE reflect_15, 0xee00
    .rept 6
    NONE
    .endr
    GATE reflect_1c, 0xee00             /* the tick calls it */
idt_end:
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff            /* 4 GiB of code, data */
    .quad 0x00cf93000000ffff
    .word TSS_SIZE - 1, TSS_AT, 0x8900, 0
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt
idt_pointer:
    .word idt_end - idt - 1
    .long idt
forbidden:
    .asciz "FAIL an instruction that needs ring 0\ndone\n"

    END_OF_PROGRAM
