/* SPDX-License-Identifier: MIT */
/*
 * SMIs on the second processor.  A program that owns the machine has put code
 * where a processor looks for its handler after a reset, 38000h: it must not
 * run, since it would see SMRAM.
 */
#include "rm.h"

#define LAPIC_ICR       0xfee00300
#define ICR_INIT        0x000c4500      /* to all but the sender */
#define ICR_STARTUP     0x000c4609      /* at 9000h */
#define ICR_SMI         0x000c4200
#define STARTED         0x500           /* the second processor's marks */
#define FOREIGN         0x504
#define SMI_PORT        0xb2

main:
    movl $0, STARTED
    movl $0, FOREIGN
    movw $foreign, %si
    movw $0x3800, %ax
    movw %ax, %es
    xorw %di, %di
    movw $(foreign_end - foreign), %cx
    rep movsb
    movw $second, %si
    movw $0x900, %ax
    movw %ax, %es
    xorw %di, %di
    movw $(second_end - second), %cx
    rep movsb
    xorw %ax, %ax
    movw %ax, %es
    cli
    lgdtl gdt_pointer
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    movw $8, %bx
    movw %bx, %fs
    andb $0xfe, %al
    movl %eax, %cr0
    sti
    movl $LAPIC_ICR, %ebx
    movl $ICR_INIT, %fs:(%ebx)
    call wait_tick
    movl $ICR_STARTUP, %fs:(%ebx)
    call wait_tick
    call wait_tick
    cmpl $2, STARTED
    CHECK e, "the second processor has run"
    cmpl $0, FOREIGN
    CHECK e, "no foreign code runs by port B2h"
    movl $0, FOREIGN
    movl $ICR_SMI, %fs:(%ebx)
    call wait_tick
    cmpl $0, FOREIGN
    CHECK e, "no foreign code runs by the local APIC's SMI"
    jmp finish

wait_tick:
    movl 0x46c, %eax
1:  hlt
    cmpl 0x46c, %eax
    je 1b
    ret

/* At 9000h, on the second processor */
second:
    xorw %ax, %ax
    movw %ax, %ds
    movl $1, STARTED
    movw $16, %cx
1:  movb %cl, %al
    outb %al, $SMI_PORT
    jmp 2f
2:  jmp 3f
3:  loop 1b
    movl $2, STARTED
4:  cli
    hlt
    jmp 4b
second_end:

/* At 38000h */
foreign:
    xorw %ax, %ax
    movw %ax, %ds
    movw $1, FOREIGN
    rsm
foreign_end:

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf93000000ffff
gdt_pointer:
    .word 15
    .long gdt

    END_OF_PROGRAM
