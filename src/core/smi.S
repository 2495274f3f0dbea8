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
#include "core/asm.h"

#define S(offset)       (SMBASE + 0x8000 + (offset))    /* of the saved state */
#define AT(symbol)      (SMM_CODE + (symbol) - smi_start)
#define FLAGS_VM        0x20000
#define REVISION_AMD64  0x64            /* low byte, at 7EFCh */

/* A map: where each register is saved */
#define MAP_EIP         0
#define MAP_FLAGS       4
#define MAP_CS          8
#define MAP_ECX         12
#define MAP_EBX         16
#define MAP_EDX         20
#define MAP_ESP         24
#define MAP_EAX         28              /* the first of eight ... */
#define MAP_STEP        32              /* ... this far apart */
#define MAP_OTHERS      36              /* CR0, CR3, CR4, SS, DS, ES */
#define REGISTERS       8
#define OTHERS          6

/* struct v86_box, v86.c: the eight, the others, then these */
#define BOX_SLOT        ((REGISTERS + OTHERS) * 4)
#define BOX_EIP         (BOX_SLOT + 4)

/* struct smm_slot, hw/smm.c */
#define SLOT_STATE      SMM_SLOTS
#define SLOT_FREE       0
#define SLOT_IN_C       1
#define SLOT_OUT        2               /* C waits for what it has called */
#define SLOT_ESP        (SMM_SLOTS + 4)     /* C's, then */
#define SLOT_TOKEN      (SMM_SLOTS + 8)     /* what comes back; they count up */
#define SLOT_STACK      (SMM_SLOTS + 12)    /* its end */
#define SLOTS_SIZE      (V86_SLOTS * SMM_SLOT_SIZE)
#define STATE_SHIFT     5               /* SMM_SAVED_SIZE / SMM_SLOT_SIZE */
#define REFUSED_MAX     1000            /* in a row, nobody coming back */

/* A register of whoever was interrupted, by the map at EBP.  ESI is lost. */
.macro saved_get field:req, to:req
    addr32 movl \field(%ebp), %esi
    addr32 movl (%esi), \to
.endm
.macro saved_set field:req, from:req
    addr32 movl \field(%ebp), %esi
    addr32 movl \from, (%esi)
.endm
/* A whole state, from ESI to EDI; ECX is lost. */
.macro state_copy
    movl $(SMM_SAVED_SIZE / 4), %ecx
    addr32 rep movsl
.endm
/* Where the state of the slot at EBX is kept. */
.macro state_of_slot to:req
    movl %ebx, \to
    shll $STATE_SHIFT, \to
    addl $SMM_STATES, \to
.endm

    .section .text.smi, "ax", @progbits
    .code16
    .globl smi_start, smi_end
smi_start:
    movl $AT(map_p6), %ebp
    addr32 cmpb $REVISION_AMD64, S(0x7efc)
    jne 1f
    movl $AT(map_amd64), %ebp
1:  saved_get MAP_FLAGS, %ecx
    saved_get MAP_CS, %eax
    saved_get MAP_EIP, %edx
    testl $FLAGS_VM, %ecx
    jz from_flat

    /* Virtual-8086 mode: the BIOS' own entry, or its callee's return? */
    cmpw $0xf000, %ax
    jne 9f
    movl %edx, %eax
    subl $F(v86_called), %eax
    cmpl $SMI_COMES, %eax
    jbe from_entry
    subl $F(v86_back), %edx
    cmpl $SMI_COMES, %edx
    ja 9f

    /* The return: whose token is it? */
    saved_get MAP_EAX, %eax
    xorl %ebx, %ebx
2:  addr32 cmpl $SLOT_OUT, SLOT_STATE(%ebx)
    jne 3f
    addr32 cmpl %eax, SLOT_TOKEN(%ebx)
    jne 3f
    addr32 movl SLOT_ESP(%ebx), %esp
    movl $v86_came_back, %edx
    jmp to_c
3:  addl $SMM_SLOT_SIZE, %ebx
    cmpl $SLOTS_SIZE, %ebx
    jb 2b
9:  rsm

/*
 * A new call gets a free slot.  Without one it is refused, but not for ever: a
 * program that has ended inside a call (a DOS box that was closed) does not
 * come back for its slot.  When many calls in a row find none, and nobody comes back
 * meanwhile, the call that has been out the longest has lost its slot.
 */
from_entry:
    addr32 cmpl $0, SMM_FLAT_KNOWN
    je 9b
    movl $-1, %eax                  /* the lowest token so far, whose is EBX */
    xorl %edi, %edi
2:  addr32 cmpl $SLOT_FREE, SLOT_STATE(%edi)
    je 4f
    addr32 cmpl $SLOT_OUT, SLOT_STATE(%edi)
    jne 3f
    addr32 cmpl %eax, SLOT_TOKEN(%edi)
    jae 3f
    addr32 movl SLOT_TOKEN(%edi), %eax
    movl %edi, %ebx
3:  addl $SMM_SLOT_SIZE, %edi
    cmpl $SLOTS_SIZE, %edi
    jb 2b
    addr32 incl SMM_REFUSED
    addr32 cmpl $REFUSED_MAX, SMM_REFUSED
    jb 9b
    cmpl $-1, %eax                  /* all are in C: another processor's SMI */
    je 9b
    movl %ebx, %edi
4:  movl %edi, %ebx
    addr32 movl SLOT_STACK(%ebx), %esp
    movl $v86_enter, %edx

/* Keep the caller's state in the slot at EBX, and go on in C at EDX with this
 * ESP. */
to_c:
    addr32 movl $0, SMM_REFUSED
    addr32 movl $SLOT_IN_C, SLOT_STATE(%ebx)
    movl $SMM_SAVED, %esi
    state_of_slot %edi
    state_copy
    movl $v86_box, %edi
    addr32 movl MAP_EAX(%ebp), %esi
    movl $REGISTERS, %ecx
1:  addr32 movl (%esi), %eax
    addr32 stosl
    addr32 addl MAP_STEP(%ebp), %esi
    loop 1b
1:  addr32 movl MAP_OTHERS(%ebp, %ecx, 4), %esi
    addr32 movl (%esi), %eax
    addr32 stosl
    incw %cx
    cmpw $OTHERS, %cx
    jb 1b
    shrl $4, %ebx                   /* SMM_SLOT_SIZE: its number */
    addr32 movl %ebx, (%edi)        /* BOX_SLOT */
    movl $SMM_FLAT, %esi
    movl $SMM_SAVED, %edi
    state_copy
    saved_set MAP_ESP, %esp
    saved_set MAP_EIP, %edx
    rsm

/* The firmware's C: in ring 0, by its selector. */
from_flat:
    cmpw $SEL_CODE32, %ax
    jne 9f
    subl $smi_raised, %edx
    cmpl $SMI_COMES, %edx
    ja 9f
    saved_get MAP_ECX, %ecx
    cmpl $SMI_KEEP_STATE, %ecx
    je keep_state
    saved_get MAP_EBX, %ebx
    cmpl $V86_SLOTS, %ebx
    jae 9f
    shll $4, %ebx                   /* SMM_SLOT_SIZE */
    addr32 cmpl $SLOT_IN_C, SLOT_STATE(%ebx)
    jne 9f
    movl $SLOT_FREE, %edx
    cmpl $SMI_RETURN, %ecx
    je 1f
    cmpl $SMI_CALL_OUT, %ecx
    jne 9f
    saved_get MAP_EDX, %eax
    addr32 movl %eax, SLOT_TOKEN(%ebx)
    saved_get MAP_ESP, %eax
    addr32 movl %eax, SLOT_ESP(%ebx)
    movl $SLOT_OUT, %edx
1:  addr32 movl %edx, SLOT_STATE(%ebx)
    state_of_slot %esi
    movl $SMM_SAVED, %edi
    state_copy
    movl $v86_box, %esi
    addr32 movl MAP_EAX(%ebp), %edi
    movl $REGISTERS, %ecx
1:  addr32 lodsl
    addr32 movl %eax, (%edi)
    addr32 addl MAP_STEP(%ebp), %edi
    loop 1b
    addr32 movzwl v86_box + BOX_EIP, %eax
    saved_set MAP_EIP, %eax
9:  rsm

/* All other registers come from a state of C itself: hw/smm.c asks for this
 * once, before anybody else has run. */
keep_state:
    addr32 cmpl $0, SMM_FLAT_KNOWN
    jne 9b
    movl $SMM_SAVED, %esi
    movl $SMM_FLAT, %edi
    state_copy
    rsm

    .balign 4
map_amd64:
    .long S(0x7f78), S(0x7f70), S(0x7e10), S(0x7ff0), S(0x7fe0), S(0x7fe8)
    .long S(0x7fd8), S(0x7ff8), -8
    .long S(0x7f58), S(0x7f50), S(0x7f48), S(0x7e20), S(0x7e30), S(0x7e00)
map_p6:
    .long S(0x7ff0), S(0x7ff4), S(0x7fac), S(0x7fd4), S(0x7fdc), S(0x7fd8)
    .long S(0x7fe0), S(0x7fd0), 4
    .long S(0x7ffc), S(0x7ff8), S(0x7f14), S(0x7fb0), S(0x7fb4), S(0x7fa8)
smi_end:

/*
 * What runs at the first SMI, at 38000h: moves SMBASE.  It looks whether SMRAM
 * is what hw/smm.c has written there, and says so behind itself.  (Its own data
 * by linear addresses: Bochs has another base in CS.)
 */
#define HERE(symbol)    (SMBASE_RESET + 0x8000 + (symbol) - smi_move_start)
    .globl smi_move_start, smi_move_first, smi_move_done, smi_move_end
smi_move_start:
    addr32 movl SMM_CODE, %eax
    addr32 cmpl %eax, HERE(smi_move_first)
    jne 2f
    movl $(SMBASE_RESET + 0xff00), %ebx
    addr32 cmpb $REVISION_AMD64, SMBASE_RESET + 0xfefc
    je 1f
    movl $(SMBASE_RESET + 0xfef8), %ebx
1:  addr32 movl $SMBASE, (%ebx)
    addr32 movl $1, HERE(smi_move_done)
2:  rsm
    .balign 4
smi_move_first:
    .long 0                         /* the first bytes of the handler */
smi_move_done:
    .long 0
smi_move_end:
