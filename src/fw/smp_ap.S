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
#define CPUID_X2APIC        21              /* bit of leaf 1, ECX */
#define CPUID_TOPOLOGY      0xb             /* EDX: all of the APIC ID */
#define MSR_APIC_BASE       0x1b
#define APIC_BASE_X2APIC    (1 << 10)
#define XAPIC_IDS           0xff            /* that one means all */

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
    btl $CPUID_X2APIC, %ecx
    jnc 3f
    /* With an ID that does not fit eight bits it would answer to the messages
     * for another one (Intel SDM 3, 10.12.8.1). */
    xorl %eax, %eax
    cpuid
    cmpl $CPUID_TOPOLOGY, %eax
    jb 3f
    movl $CPUID_TOPOLOGY, %eax
    xorl %ecx, %ecx
    cpuid
    cmpl $XAPIC_IDS, %edx
    jb 3f
    movl $MSR_APIC_BASE, %ecx
    rdmsr
    orw $APIC_BASE_X2APIC, %ax
    wrmsr
3:  lock
    addr32 incl D(smp_ready)
4:  cli
    hlt
    jmp 4b
