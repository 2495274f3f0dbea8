/* SPDX-License-Identifier: MIT */
/*
 * What the processors other than the first one do: write their MSRs, say that
 * they are there, stop.  Without a stack, so any number can do it at once.
 *
 * Entered from the start-up page (smp.c) in real mode, interrupts off.
 */
#include "core/layout.h"
#include "fw/smp_state.h"

#define D(symbol)           ((symbol) - DATA_START)
#define CR0_CACHES_OFF      0x60000000      /* CD and NW, set by INIT */

    .section .fixed16, "ax", @progbits
    .code16
    .globl smp_ap
smp_ap:
    cli
    cld
    movw $(DATA_START >> 4), %ax
    movw %ax, %ds
    movl %cr0, %eax
    andl $~CR0_CACHES_OFF, %eax
    movl %eax, %cr0
    movl $D(smp_msrs), %esi
    addr32 movl D(smp_msr_count), %edi
1:  testl %edi, %edi
    jz 2f
    movl (%si), %ecx
    movl 4(%si), %eax
    movl 8(%si), %edx
    wrmsr
    addw $SMP_MSR_SIZE, %si
    decl %edi
    jmp 1b
2:  movl $1, %eax
    cpuid
    shrl $24, %ebx                          /* the APIC ID */
    lock
    addr32 btsl %ebx, D(smp_ids)
    lock
    addr32 incl D(smp_ready)
3:  cli
    hlt
    jmp 3b
