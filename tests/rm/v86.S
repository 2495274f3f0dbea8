/* SPDX-License-Identifier: MIT */
/*
 * Between the guest and its monitor: from real mode to virtual-8086 mode and
 * back, the monitor's handlers, and the guest's calls of interrupts.
 */
#include "v86.h"

#define CODE32      0x08
#define DATA32      0x10
#define TSS         0x18
#define CODE16      0x20
#define DATA16      0x28
#define PORT_A20    0x92

/* ---------------------------------------------------------------- the guest */
    .code16
/* void start(uint32_t mode): go on in virtual-8086 mode. */
    .globl start
start:
    pushal
    cli
    movl %eax, %edi
    inb $PORT_A20, %al
    orb $2, %al
    andb $0xfe, %al
    outb %al, $PORT_A20
    lgdtl gdt_pointer
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl $CODE32, $1f
    .code32
1:  movw $DATA32, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movzwl %sp, %ebp
    movl %edi, %ebx
    movl $monitor_load, %esi
    movl $monitor_start, %edi
    movl $monitor_dwords, %ecx
    rep movsl
    movl $monitor_bss, %edi
    movl $monitor_bss_dwords, %ecx
    xorl %eax, %eax
    rep stosl
    movl %ebx, %eax
    movl %ebp, %edx
    movl $started, %ecx
    movl $MONITOR_STACK, %esp
    jmp monitor_main
    .code16
started:
    popal
    retl

/* void stop(void): go on in real mode. */
    .globl stop
stop:
    pushal
    movw $CALL_STOP, %ax
    int $CALL_MONITOR
    cli                             /* in real mode now */
    popal
    sti
    retl

/* Where the monitor comes to after CALL_STOP: BX, SP are the guest's IP, SP. */
    .globl real_again
real_again:
    movw $DATA16, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw %ax, %fs
    movw %ax, %gs
    movl %cr0, %eax
    andb $0xfe, %al
    movl %eax, %cr0
    ljmp $0, $1f
1:  xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw %ax, %fs
    movw %ax, %gs
    lidtl real_idt
    jmpw *%bx
real_idt:
    .word 0x3ff
    .long 0

/* struct regs, v86_guest.h */
#define REG_DS      0
#define REG_ES      2
#define REG_FS      4
#define REG_GS      6
#define REG_EAX     8
#define REG_EBX     12
#define REG_ECX     16
#define REG_EDX     20
#define REG_ESI     24
#define REG_EDI     28
#define REG_EBP     32
#define REG_FLAGS   36
#define REG_FAULT   40

/* void service(uint32_t number, struct regs *r): the software interrupt with
 * these registers; those that came back.  Hooks may use it within itself. */
    .globl service
service:
    pushal
    pushw %fs
    pushw %gs
    movl %eax, %ecx
    movl $0, REG_FAULT(%edx)
    xorl %eax, %eax
    cmpb $0, virtual
    je 1f
    pushw %cx
    movw $CALL_GUARD, %ax
    movw $faulted, %bx
    movw %sp, %cx
    subw $6, %cx                    /* where regs * will be, below this */
    int $CALL_MONITOR
    popw %cx
1:  pushl %eax                      /* the guard of a call around this one */
    pushl %edx
    pushw $came_back
    movw %cx, %bx
    addw %cx, %bx
    addw %cx, %bx
    addw $stubs, %bx
    pushw %bx
    pushw REG_DS(%edx)
    pushl REG_FLAGS(%edx)
    pushw REG_ES(%edx)
    pushw REG_FS(%edx)
    pushw REG_GS(%edx)
    pushl REG_EAX(%edx)
    pushl REG_EBX(%edx)
    pushl REG_ECX(%edx)
    pushl REG_EDX(%edx)
    pushl REG_ESI(%edx)
    pushl REG_EDI(%edx)
    pushl REG_EBP(%edx)
    popl %ebp
    popl %edi
    popl %esi
    popl %edx
    popl %ecx
    popl %ebx
    popl %eax
    popw %gs
    popw %fs
    popw %es
    popfl
    popw %ds
    ret                             /* to the stub, then to came_back */
came_back:
    pushfl
    pushl %ebp
    pushl %edi
    pushl %esi
    pushl %edx
    pushl %ecx
    pushl %ebx
    pushl %eax
    pushw %gs
    pushw %fs
    pushw %es
    pushw %ds
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    cld
    movl 40(%esp), %edi
    movl %esp, %esi
    movl $10, %ecx
    addr32 rep movsl
    addw $40, %sp
    jmp 1f
faulted:
    popl %edx
    pushl %edx
    movl $1, REG_FAULT(%edx)
1:  popl %edx
    popl %ecx
    cmpb $0, virtual
    je 2f
    movw %cx, %bx
    shrl $16, %ecx
    movw $CALL_GUARD, %ax
    int $CALL_MONITOR
2:  popw %gs
    popw %fs
    popal
    retl
stubs:
    .set n, 0
    .rept 256
    .byte 0xcd, n
    ret
    .set n, n + 1
    .endr

/* Hooks: HOOK calls a function in C, if the stack is the guest's, then goes on
 * with the handler before. */
.macro HOOK name function before
    .globl \name, \before
\name:
    pushal
    pushw %ds
    pushw %es
    pushw %fs
    xorw %ax, %ax
    movw %ss, %cx
    testw %cx, %cx
    jnz 1f
    movw %ax, %ds
    movw %ax, %es
    cld
    movzwl %sp, %esp
    calll \function
1:  popw %fs
    popw %es
    popw %ds
    popal
    ljmp *%cs:\before
\before:
    .long 0
.endm
    HOOK hook_1c on_tick old_1c
    HOOK hook_4a on_alarm old_4a

/* The mouse's handler, called far with four words. */
    .globl mouse_handler
mouse_handler:
    pushw %bp
    movw %sp, %bp
    pushw %ax
    movw 12(%bp), %ax               /* status */
    movw %ax, %cs:mouse_packet
    movw 10(%bp), %ax
    movw %ax, %cs:mouse_packet + 2
    movw 8(%bp), %ax
    movw %ax, %cs:mouse_packet + 4
    incw %cs:mouse_packets
    popw %ax
    popw %bp
    lretw
    .globl mouse_packet, mouse_packets
mouse_packet:
    .word 0, 0, 0
mouse_packets:
    .word 0

/* Is this virtual-8086 mode? */
    .globl virtual
virtual:
    .long 0

    .balign 8
    .globl gdt, gdt_tss
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff        /* 4 GiB of code, data */
    .quad 0x00cf93000000ffff
gdt_tss:
    .quad 0
    .quad 0x00009b000000ffff        /* 64 KiB for the way back */
    .quad 0x000093000000ffff
gdt_end:
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt
