/* SPDX-License-Identifier: MIT */
/*
 * The SMI handler: exchanges the state of a virtual-8086 caller for that of the
 * firmware's C, and back.  v86.h.
 *
 * It answers to the instructions behind the OUTs of v86_entry.S alone; every
 * other SMI ends at once.  What it decides by is in SMRAM.  From RAM it takes
 * registers and an offset in segment F000 for code in virtual-8086 mode, which
 * can load these itself.  Nothing else than itself runs in this mode.
 *
 * hw/smm.c copies it to SMM_CODE, where it begins in 16-bit code with all
 * segments' bases 0 but CS's, limits 4 GiB, and no stack.
 *
 * The state is where QEMU, KVM and Bochs save it: AMD64 Architecture
 * Programmer's Manual volume 2, 10.2.3, for CPUs with long mode; for others the
 * P6 family's (Intel SDM volume 3, table 31-1, and the descriptors' places,
 * which Intel does not publish).
 */
#include "core/layout.h"

#define S(offset)       (SMBASE + 0x8000 + (offset))    /* of the saved state */
#define AT(symbol)      (SMM_CODE + (symbol) - smi_start)
#define F(symbol)       ((symbol) - 0xf0000)
#define FLAGS_VM        0x20000

/* A map: where each register is saved */
#define MAP_EIP         0
#define MAP_FLAGS       4
#define MAP_CS          8
#define MAP_ECX         12
#define MAP_EBX         16
#define MAP_EDX         20
#define MAP_EAX         24              /* the first of eight ... */
#define MAP_STEP        28              /* ... this far apart */
#define MAP_ESP         32
#define MAP_CR0         36
#define MAP_CR3         40
#define MAP_CR4         44
#define MAP_SS          48
#define MAP_DS          52
#define MAP_ES          56

/* struct v86_box, v86.c */
#define BOX_EIP         32
#define BOX_CR0         36
#define BOX_CR3         40
#define BOX_CR4         44
#define BOX_SLOT        48
#define BOX_SS          52
#define BOX_DS          54
#define BOX_ES          56
#define BOX_ESP         16
#define REGISTERS       8

/* struct smm_slot */
#define SLOT_STATE      0
#define SLOT_FREE       0
#define SLOT_IN_C       1
#define SLOT_OUT        2               /* C waits for what it has called */
#define SLOT_ESP        4               /* C's, then */
#define SLOT_TOKEN      8               /* what comes back */
#define SLOT_STACK      12              /* its end: hw/smm.c */

    .section .text.smi, "ax", @progbits
    .code16
    .globl smi_start, smi_end
smi_start:
    movl $AT(map_p6), %ebp
    addr32 cmpb $0x64, S(0x7efc)
    jne 1f
    movl $AT(map_amd64), %ebp
1:  addr32 movl MAP_FLAGS(%ebp), %esi
    addr32 testl $FLAGS_VM, (%esi)
    addr32 movl MAP_CS(%ebp), %esi
    addr32 movw (%esi), %ax
    addr32 movl MAP_EIP(%ebp), %esi
    addr32 movl (%esi), %esi
    jz from_flat

    /* Virtual-8086 mode: the BIOS' own entry, or its callee's return? */
    cmpw $0xf000, %ax
    jne 9f
    movl %esi, %eax
    subl $F(v86_called), %eax
    cmpl $SMI_COMES, %eax
    jbe v86_calls
    movl %esi, %eax
    subl $F(v86_back), %eax
    cmpl $SMI_COMES, %eax
    ja 9f
    addr32 movl MAP_EAX(%ebp), %esi
    addr32 movl (%esi), %eax
    xorl %ebx, %ebx
2:  addr32 cmpl $SLOT_OUT, (SMM_SLOTS + SLOT_STATE)(%ebx)
    jne 3f
    addr32 cmpl %eax, (SMM_SLOTS + SLOT_TOKEN)(%ebx)
    jne 3f
    addr32 movl (SMM_SLOTS + SLOT_ESP)(%ebx), %esp
    movl $v86_came_back, %edx
    jmp to_c
3:  addl $SMM_SLOT_SIZE, %ebx
    cmpl $(V86_SLOTS * SMM_SLOT_SIZE), %ebx
    jb 2b
9:  rsm

v86_calls:
    addr32 cmpl $0, SMM_FLAT_KNOWN
    je 9b
    xorl %ebx, %ebx
2:  addr32 cmpl $SLOT_FREE, (SMM_SLOTS + SLOT_STATE)(%ebx)
    je 3f
    addl $SMM_SLOT_SIZE, %ebx
    cmpl $(V86_SLOTS * SMM_SLOT_SIZE), %ebx
    jb 2b
    rsm
3:  addr32 movl (SMM_SLOTS + SLOT_STACK)(%ebx), %esp
    movl $v86_enter, %edx

/* Keep the caller's state in the slot at EBX, and go on in C at EDX with this
 * ESP. */
to_c:
    addr32 movl $SLOT_IN_C, (SMM_SLOTS + SLOT_STATE)(%ebx)
    movl $SMM_SAVED, %esi
    movl %ebx, %edi
    shll $5, %edi                   /* SMM_SAVED_SIZE / SMM_SLOT_SIZE */
    addl $SMM_STATES, %edi
    movl $(SMM_SAVED_SIZE / 4), %ecx
    addr32 rep movsl
    movl $v86_box, %edi
    addr32 movl MAP_EAX(%ebp), %esi
    movl $REGISTERS, %ecx
1:  addr32 movl (%esi), %eax
    addr32 stosl
    addr32 addl MAP_STEP(%ebp), %esi
    loop 1b
    addr32 movl MAP_CR0(%ebp), %esi
    addr32 movl (%esi), %eax
    addr32 movl %eax, v86_box + BOX_CR0
    addr32 movl MAP_CR3(%ebp), %esi
    addr32 movl (%esi), %eax
    addr32 movl %eax, v86_box + BOX_CR3
    addr32 movl MAP_CR4(%ebp), %esi
    addr32 movl (%esi), %eax
    addr32 movl %eax, v86_box + BOX_CR4
    addr32 movl MAP_SS(%ebp), %esi
    addr32 movw (%esi), %ax
    addr32 movw %ax, v86_box + BOX_SS
    addr32 movl MAP_DS(%ebp), %esi
    addr32 movw (%esi), %ax
    addr32 movw %ax, v86_box + BOX_DS
    addr32 movl MAP_ES(%ebp), %esi
    addr32 movw (%esi), %ax
    addr32 movw %ax, v86_box + BOX_ES
    shrl $4, %ebx                   /* SMM_SLOT_SIZE */
    addr32 movl %ebx, v86_box + BOX_SLOT
    movl $SMM_FLAT, %esi
    movl $SMM_SAVED, %edi
    movl $(SMM_SAVED_SIZE / 4), %ecx
    addr32 rep movsl
    addr32 movl MAP_ESP(%ebp), %esi
    addr32 movl %esp, (%esi)
    addr32 movl MAP_EIP(%ebp), %esi
    addr32 movl %edx, (%esi)
    rsm

/* The firmware's C: in ring 0, by its selector. */
from_flat:
    cmpw $SEL_CODE32, %ax
    jne 9f
    subl $smi_raised, %esi
    cmpl $SMI_COMES, %esi
    ja 9f
    addr32 movl MAP_ECX(%ebp), %esi
    addr32 movl (%esi), %ecx
    cmpl $SMI_KEEP_STATE, %ecx
    je keep_state
    addr32 movl MAP_EBX(%ebp), %esi
    addr32 movl (%esi), %ebx
    cmpl $V86_SLOTS, %ebx
    jae 9f
    shll $4, %ebx
    addr32 cmpl $SLOT_IN_C, (SMM_SLOTS + SLOT_STATE)(%ebx)
    jne 9f
    movl $SLOT_FREE, %eax
    cmpl $SMI_RETURN, %ecx
    je 1f
    cmpl $SMI_CALL_OUT, %ecx
    jne 9f
    addr32 movl MAP_EDX(%ebp), %esi
    addr32 movl (%esi), %eax
    addr32 movl %eax, (SMM_SLOTS + SLOT_TOKEN)(%ebx)
    addr32 movl MAP_ESP(%ebp), %esi
    addr32 movl (%esi), %eax
    addr32 movl %eax, (SMM_SLOTS + SLOT_ESP)(%ebx)
    movl $SLOT_OUT, %eax
1:  addr32 movl %eax, (SMM_SLOTS + SLOT_STATE)(%ebx)
    movl %ebx, %esi
    shll $5, %esi
    addl $SMM_STATES, %esi
    movl $SMM_SAVED, %edi
    movl $(SMM_SAVED_SIZE / 4), %ecx
    addr32 rep movsl
    movl $v86_box, %esi
    addr32 movl MAP_EAX(%ebp), %edi
    movl $REGISTERS, %ecx
1:  addr32 lodsl
    addr32 movl %eax, (%edi)
    addr32 addl MAP_STEP(%ebp), %edi
    loop 1b
    addr32 movzwl v86_box + BOX_EIP, %eax
    addr32 movl MAP_EIP(%ebp), %esi
    addr32 movl %eax, (%esi)
9:  rsm

/* All other registers come from a state of C itself: hw/smm.c asks for this
 * once, before anybody else has run. */
keep_state:
    addr32 cmpl $0, SMM_FLAT_KNOWN
    jne 9b
    movl $SMM_SAVED, %esi
    movl $SMM_FLAT, %edi
    movl $(SMM_SAVED_SIZE / 4), %ecx
    addr32 rep movsl
    rsm

    .balign 4
map_amd64:
    .long S(0x7f78), S(0x7f70), S(0x7e10), S(0x7ff0), S(0x7fe0), S(0x7fe8)
    .long S(0x7ff8), -8, S(0x7fd8)
    .long S(0x7f58), S(0x7f50), S(0x7f48), S(0x7e20), S(0x7e30), S(0x7e00)
map_p6:
    .long S(0x7ff0), S(0x7ff4), S(0x7fac), S(0x7fd4), S(0x7fdc), S(0x7fd8)
    .long S(0x7fd0), 4, S(0x7fe0)
    .long S(0x7ffc), S(0x7ff8), S(0x7f14), S(0x7fb0), S(0x7fb4), S(0x7fa8)
smi_end:

/*
 * What runs at the first SMI, at 38000h: moves SMBASE.  It looks whether SMRAM
 * is what hw/smm.c has written there, and says so behind itself.
 */
    .globl smi_move_start, smi_move_done, smi_move_end
smi_move_start:
    movl $(SMM_CODE), %esi
    addr32 movl (%esi), %eax
    cmpl %eax, %cs:(0x8000 + smi_move_first - smi_move_start)
    jne 2f
    movl $SMBASE, %eax
    movw $0xff00, %bx
    cmpb $0x64, %cs:0xfefc
    je 1f
    movw $0xfef8, %bx
1:  movl %eax, %cs:(%bx)
    movl $1, %cs:(0x8000 + smi_move_done - smi_move_start)
2:  rsm
    .balign 4
    .globl smi_move_first
smi_move_first:
    .long 0                         /* the first bytes of the handler */
smi_move_done:
    .long 0
smi_move_end:
