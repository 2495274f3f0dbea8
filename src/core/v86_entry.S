/* SPDX-License-Identifier: MIT */
/*
 * The way of virtual-8086 callers into C and out of it, by SMI; and what they
 * get where there is no system management mode.  v86.h.
 *
 * The handler (smi.S) knows this code by the addresses behind each OUT.  An
 * SMI comes with the next instruction on a processor, and under QEMU's TCG at
 * the next jump.
 */
#include "core/asm.h"

#define ANY             0xff        /* all values of AH */
#define BDA_EQUIPMENT   0x10
#define BDA_MEMORY      0x13
#define BDA_SHIFTS      0x17
#define BDA_KEYS_HEAD   0x1a
#define BDA_KEYS_TAIL   0x1c
#define BDA_KEYS_START  0x80
#define BDA_KEYS_END    0x82

/* Raise the SMI.  It comes at one of the next three instructions, from name on;
 * then the handler decides where it goes on. */
.macro smi name:req
    outb %al, $SMI_PORT
    .globl \name
\name:
    .byte 0xeb, 0, 0xeb, 0          /* two short jumps: SMI_COMES bytes */
.endm

    .section .fixed16, "ax", @progbits
    .code16

/* From int_common.  On the stack: the number, and the frame.  An SMI that is
 * served goes on in v86_enter; one that nobody takes, or without a free slot,
 * goes on here. */
    .globl v86_entry
v86_entry:
    pushw %bp
    movw %sp, %bp
    cmpw $0x09, 2(%bp)
    je irq1
    cmpw $0x74, 2(%bp)
    je irq12
    cmpw $0x70, 2(%bp)
    je irq8
    popw %bp
to_c:
    pushw %ax
    movb $SMI_COMMAND, %al
    smi v86_called
    popw %ax
    jmp v86_alone

/*
 * IRQs.  What monitors show their guests instead of the devices, the keyboard
 * controller and the 8259s, is asked from here, where they see it; C gets the
 * byte.  A byte that a hook in front has read is given again.
 */
.macro call_c number:req
    pushfw                          /* as INT does */
    pushw %cs
    callw 17f
    jmp 18f
17: pushw $\number
    jmp to_c
18:
.endm
#define BYTE_OF_MOUSE   0x21        /* output buffer full, and AUX */

irq1:
    pushw %ax
    inb $PORT_PS2_STATUS, %al
    andb $BYTE_OF_MOUSE, %al
    cmpb $BYTE_OF_MOUSE, %al
    je irq_end1
    inb $PORT_PS2_DATA, %al
    call_c ENTRY_KEY
irq_end1:
    movb $PIC_EOI, %al
    outb %al, $PORT_PIC1
    popw %ax
    popw %bp
    addw $2, %sp
    iretw
irq12:
    pushw %ax
    inb $PORT_PS2_STATUS, %al
    andb $BYTE_OF_MOUSE, %al
    cmpb $(BYTE_OF_MOUSE & ~PS2_AUX), %al
    je irq_end2
    inb $PORT_PS2_DATA, %al
    call_c ENTRY_MOUSE
    jmp irq_end2
irq8:
    pushw %ax
    call_c ENTRY_CLOCK
irq_end2:
    movb $PIC_EOI, %al
    outb %al, $PORT_PIC2
    jmp irq_end1

/* Where callers and what they call go on.  On the stack: DS, ES, and a frame
 * for IRET. */
    .globl v86_done
v86_done:
    popw %ds
    popw %es
    iretw

/* The service asks to be called again, when an interrupt has come.  On the
 * stack: AX, the number, the frame. */
    .globl v86_again
v86_again:
    sti
    hlt
    popw %ax
    jmp int_common

/* Where what v86_call_out() has called returns to.  On the stack: its token. */
    .globl v86_returned
v86_returned:
    pushfw
    cli
    cld
    pushl %eax
1:  pushw %bp
    movw %sp, %bp
    movl 8(%bp), %eax
    popw %bp
    smi v86_back
    sti                             /* SMIs are off, or the slot was given to */
    hlt                             /* another call (smi.S): no way on */
    cli
    jmp 1b

/* Called far: let the caller's monitor bring the page of ES:DI. */
    .globl v86_touch, v86_touch_write
v86_touch:
    movb %es:(%di), %al
    lretw
v86_touch_write:
    lock
    orb $0, %es:(%di)
    lretw

/* Called far: the gate at port 92h, as the caller's monitor shows it.
 * in: AL: 0 close, 1 open, 2 leave it.  out: AL: 1 it is open. */
    .globl v86_gate
v86_gate:
    movb %al, %ah
    inb $PORT_A20, %al
    cmpb $2, %ah
    je 1f
    shlb $1, %ah
    andb $0xfc, %al                 /* bit 0 would reset the machine */
    orb %ah, %al
    outb %al, $PORT_A20
1:  shrb $1, %al
    andb $1, %al
    lretw

/* ------------------------------------------------------------------------
 * Without system management mode: services that need no C.  The others are
 * refused.  On the stack: the number, and the frame.
 */
v86_alone:
    pushw %bp
    pushw %ds
    pushl %esi
    movw %sp, %bp
    movw $0x40, %si
    movw %si, %ds
    pushl $F(alone_table)
    popl %esi
1:  cmpb $0, %cs:(%si)
    je 3f
    pushw %ax
    movb %cs:(%si), %al
    cmpb %al, 8(%bp)
    popw %ax
    jne 2f
    cmpb %ah, %cs:1(%si)
    je 4f
    cmpb $ANY, %cs:1(%si)
    je 4f
2:  addw $4, %si
    jmp 1b
3:  popl %esi
    popw %ds
    popw %bp
    jmp refuse
4:  cmpb $0, 9(%bp)                 /* far: PMM, PnP */
    jne 3b
    movzwl %cs:2(%si), %esi
    addl $F(alone), %esi
    jmpw *%si
alone:

/* Back to the caller: DS, ESI, BP come back, the number goes; the flags are
 * ours. */
alone_done:
    popl %esi
    popw %ds
    popw %bp
    addw $2, %sp
    iretw

.macro ALONE number:req ah:req to:req
    .byte \number, \ah
    .word \to - alone
.endm
alone_table:
    ALONE 0x10, ANY, alone_video
    ALONE 0x11, ANY, alone_equipment
    ALONE 0x12, ANY, alone_memory
    ALONE 0x16, 0x00, alone_key
    ALONE 0x16, 0x01, alone_look
    ALONE 0x16, 0x02, alone_shifts
    ALONE 0x16, 0x10, alone_key
    ALONE 0x16, 0x11, alone_look
    ALONE 0x1a, 0x00, alone_ticks
    ALONE 0x1a, 0x01, alone_set_ticks
    .byte 0

alone_equipment:
    movw BDA_EQUIPMENT, %ax
    jmp alone_done
alone_memory:
    movw BDA_MEMORY, %ax
    jmp alone_done
alone_shifts:
    movb BDA_SHIFTS, %al
    jmp alone_done
alone_key:
    movw BDA_KEYS_HEAD, %si
    cmpw BDA_KEYS_TAIL, %si
    jne 1f
    sti
    hlt
    cli
    jmp alone_key
1:  movw (%si), %ax
    incw %si
    incw %si
    cmpw BDA_KEYS_END, %si
    jb 2f
    movw BDA_KEYS_START, %si
2:  movw %si, BDA_KEYS_HEAD
    jmp alone_done
alone_look:
    movw BDA_KEYS_HEAD, %si
    andb $~0x40, 14(%bp)            /* ZF: there is none */
    cmpw BDA_KEYS_TAIL, %si
    jne 1f
    orb $0x40, 14(%bp)
    sti                             /* who polls may never let them in */
    nop
    cli
    jmp alone_done
1:  movw (%si), %ax
    jmp alone_done
alone_ticks:
    movw BDA_TICKS, %dx
    movw BDA_TICKS + 2, %cx
    xorb %al, %al
    xchgb %al, BDA_MIDNIGHT
    movb $0, %ah
    jmp alone_done
alone_set_ticks:
    movw %dx, BDA_TICKS
    movw %cx, BDA_TICKS + 2
    movb $0, BDA_MIDNIGHT
    movb $0, %ah
    jmp alone_done
/* The display's ROM beneath the serial console.  Its address takes the place of
 * BP and the number, for LRET. */
alone_video:
    movw $(DATA_START >> 4), %si
    movw %si, %ds
    pushl %eax
    addr32 movl D(v86_video), %eax
    testl %eax, %eax
    jz 1f
    movw 6(%bp), %si
    movl %eax, 6(%bp)
    popl %eax
    movw %si, %bp
    popl %esi
    popw %ds
    lretw
1:  popl %eax
    jmp 3b

/* ------------------------------------------------------------------------
 * Where the handler lets C begin: flat, interrupts off, ESP the end of the
 * slot's stack; A20 may be closed.
 */
    .text
    .code32
    .globl v86_enter
v86_enter:
    a20_open                        /* before the stack, which A20 can hide */
    subl $V86_SIZE, %esp
    movl %ecx, ENTRY_A20(%esp)
    movl %esp, %eax
    call v86_begin
    movzwl ENTRY_VECTOR(%esp), %edx
    movl %esp, %eax                 /* struct bregs * */
    call real_dispatch
    movl %esp, %eax
    jmp v86_end

/* uint32_t smi_exchange(uint32_t what, uint32_t slot, uint32_t token): smi.h.
 * SMI_CALL_OUT comes back at v86_came_back. */
    .globl smi_exchange
smi_exchange:
    pushl %ebx
    pushl %esi
    pushl %edi
    pushl %ebp
    movl %edx, %ebx
    movl %ecx, %edx
    movl %eax, %ecx
smi_raise:
    movb $SMI_COMMAND, %al
    smi smi_raised
    xorl %eax, %eax
    cmpl $SMI_RETURN, %ecx
    jne 2f
    movl $STACK_TOP, %esp           /* this one's can be out of reach */
    call v86_lost
    .globl v86_came_back
v86_came_back:
    a20_open
    leal 1(%ecx), %eax
2:  popl %ebp
    popl %edi
    popl %esi
    popl %ebx
    ret

/* NORETURN void v86_leave(struct v86_call *c): to its caller, as the box says;
 * the A20 gate as it was. */
    .globl v86_leave
v86_leave:
    movl V86_SLOT(%eax), %ebx
    movl $SMI_RETURN, %ecx
    cmpl $0, ENTRY_A20(%eax)
    je smi_raise
    xorl %eax, %eax
    outb %al, $PORT_A20
    jmp smi_raise
