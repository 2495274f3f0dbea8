/* SPDX-License-Identifier: MIT */
/*
 * The handlers of v86_monitor.c's interrupt table, and its way into and out of
 * virtual-8086 mode.
 */
#include "v86.h"

#define DATA32      0x10
#define CODE16      0x20

    .section .note.GNU-stack, "", @progbits
    .text
    .code32
/* Each pushes an error code, if the processor does not, and its number. */
    .globl handlers
    .balign 8
handlers:
    .set n, 0
    .rept 256
    .balign 16
    .if !(n == 8 || (n >= 10 && n <= 14) || n == 17)
    pushl $0
    .endif
    pushl $n
    jmp handler
    .set n, n + 1
    .endr

handler:
    pushal
    movw $DATA32, %ax
    movw %ax, %ds
    movw %ax, %es
    cld
    movl %esp, %eax
    call monitor
    popal
    addl $8, %esp
    iretl

/* NORETURN void enter(const struct frame *f): f lies at the stack's end. */
    .globl enter
enter:
    movl %eax, %esp
    popal
    addl $8, %esp
    iretl

/* NORETURN void leave(uint32_t ip, uint32_t sp): paging is off. */
    .globl leave
leave:
    movl %eax, %ebx
    movl %edx, %esp
    pushl $CODE16
    pushl $real_again
    lretl
