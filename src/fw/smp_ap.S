/* SPDX-License-Identifier: MIT */
/*
 * What the processors other than the first one do: write their MSRs, say that
 * they are there, stop.  Without a stack, so any number can do it at once.
 * Those that smp_begin() has work for do it before they stop, on a stack of
 * their own.
 *
 * Entered from the start-up page (smp.c) in real mode, interrupts off.
 */
#include "core/asm.h"
#include "core/layout.h"
#include "fw/smp_state.h"

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
    addr32 movl D(smp_msrs_now), %edi
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
    movl $1, %ebx
    lock
    addr32 xaddl %ebx, D(smp_next)
    addr32 cmpl D(smp_jobs), %ebx
    jae smp_stop
    addr32 lgdtl %cs:F(gdt_pointer)
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl $SEL_CODE32, $4f

    .code32
4:  movl $SEL_DATA32, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    imull $SMP_STACK, %ebx, %esp
    addl $SMP_STACKS + SMP_STACK, %esp
    movl %ebx, %eax
    call smp_worker
    ljmpl $SEL_CODE16, $F(5f)

    .code16
5:  movw $SEL_DATA64K, %ax                  /* as they have been */
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl %cr0, %eax
    andb $0xfe, %al
    movl %eax, %cr0
    ljmpl $0xf000, $F(smp_stop)

smp_stop:
    cli
    hlt
    jmp smp_stop
