/* SPDX-License-Identifier: MIT */
/*
 * Boot sector of the test agent (agent.c): loads the rest from the disk that
 * it was booted from, opens A20, enters 32-bit flat mode and calls it.
 */
#define SECTORS     24              /* behind this one; agent.py checks */
#define MAP         0x6000          /* the length of what E820h gave, and that */
#define MAP_ENTRY   24

#define ENTRY_AT_8  wake            /* 7C08h: agent.py's waking vector */
#include "start.h"
    cld
    movb $0x42, %ah
    movw $packet, %si
    int $0x13
    jc failed
    movw $MAP + 2, %di
    xorl %ebx, %ebx
1:  movl $0xe820, %eax
    movl $MAP_ENTRY, %ecx
    movl $0x534d4150, %edx
    int $0x15
    jc 2f
    addw $MAP_ENTRY, %di
    testl %ebx, %ebx
    jnz 1b
2:  subw $MAP + 2, %di
    movw %di, MAP
wake:
    xorw %ax, %ax
    movw %ax, %ds
    inb $0x92, %al
    andb $0xfe, %al
    orb $2, %al
    outb %al, $0x92
    cli
    lgdt gdt_pointer
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmp $8, $flat

failed:
    movw $0x402, %dx
    movw $text, %si
2:  lodsb
    outb %al, %dx
    testb %al, %al
    jnz 2b
3:  hlt
    jmp 3b

    .code32
flat:
    movw $16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x7c00, %esp
    call agent_main
4:  hlt
    jmp 4b

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
gdt_pointer:
    .word 23
    .long gdt
packet:
    .byte 16, 0
    .word SECTORS, 0x7e00, 0
    .long 1, 0
text:
    .asciz "FAIL load\n"

    .org 510
    .word 0xaa55
