/* SPDX-License-Identifier: MIT */
/*
 * All code that cannot be C: the reset vector, the entries of the real-mode
 * services, and the way from C to real mode and back.
 *
 * Everything here is in section .fixed16, which the linker script keeps in
 * the F segment, so that 16-bit code is reached as F000:offset.
 *
 * Intel SDM volume 3, 9.1.4 (first instruction) and 9.9 (mode switches).
 *
 * Long because its offsets must lie in one section, in the F segment.
 */
#include "core/asm.h"
#include "generated/version.h"

#define RAM_PROBED      (RAM_LEAST - 4)
#define PORT_DEBUG      0x402
#define ID_I440FX       0x12378086
#define ID_Q35          0x29c08086
#define TICKS_A_DAY     0x1800b0
#define MODEL_AT        0xfc
#define LAST_BYTES      0xfffffff0      /* of the image below 4 GiB */

    .section .fixed16, "ax", @progbits

/* ------------------------------------------------------------------------
 * Reset.  Entered at F000:FFF0 with the code segment's base at FFFF0000, so
 * the code runs from the ROM window below 4 GiB.  Until the copies below are
 * done nothing in RAM is relied on (not even a stack is there) and no far jump
 * with a real-mode segment is made: what lies in F0000 then belongs to
 * whoever ran before.  So does the interrupt table at 0, which an NMI would be
 * looked up in: there is none (null_idt) before interrupts_init(), so that
 * an interrupt or exception shuts the CPU down, which is a reset.
 * in: nothing.  out: C function start(host bridge's vendor and device), 32-bit
 * flat, on the resident stack.
 */
    .code16
reset16:
    cli
    cld
    movl %cr0, %eax
    testl $0x60000000, %eax         /* CD and NW: set by a reset only; a */
    jz reset_soft                   /* jump from software gets a real one */

    /* Which host bridge: asked once, kept in EBP up to start(). */
    movl $0x80000000, %eax
    movw $0xcf8, %dx
    outl %eax, %dx
    movw $0xcfc, %dx
    inl %dx, %eax
    movl %eax, %ebp

    /* QEMU's reset clears ICH9's SMI_EN, but its SMI timers run on (9.2 and
     * newer).  They look at SMI_EN when GEN_PMCON_3 is written: the quickest
     * way to stop them.  Until then, code of an earlier OS can run
     * (docs/threat-model.md). */
    cmpl $ID_Q35, %eax
    jne 1f
    movl $0x8000f8a4, %eax
    movw $0xcf8, %dx
    outl %eax, %dx
    movw $0xcfc, %dx
    xorl %eax, %eax
    outb %al, %dx
1:
    movl %cr0, %eax
    addr32 lgdtl %cs:F(rom_gdt_pointer)
    andl $0x1fffffff, %eax          /* caches on, paging off */
    orb $1, %al
    movl %eax, %cr0
    ljmpl $SEL_CODE32, $(reset32 + ROM_OFFSET)

/* Select configuration register %esi (CF8h format): %dx is its port.  A macro,
 * since there is no stack yet.  Clobbers %eax. */
.macro config_select
    movl %esi, %eax
    andb $0xfc, %al
    movw $0xcf8, %dx
    outl %eax, %dx
    movl %esi, %edx
    andl $3, %edx
    orl $0xcfc, %edx
.endm

/* Write %ebx to it.  Clobbers %eax, %edx. */
.macro config_write
    config_select
    movl %ebx, %eax
    outl %eax, %dx
.endm

    .code32
reset32:
    movl $SEL_DATA32, %eax
    movw %ax, %ds
    movw %ax, %es
    movl $SEL_DATA16, %eax          /* flat limits stay in real mode, too: */
    movw %ax, %fs                   /* PMM 1.01, 2.1.2 */
    movw %ax, %gs
    movb $2, %al                    /* not bit 0, which resets the machine; */
    outb %al, $PORT_A20             /* a reset has cleared the others */

    /* Where its PAM and SMRAM registers are. */
    movl $0x80000058, %esi          /* i440FX: DRAM timing, PAM0; SMRAM */
    movl $0x80000072, %edi
    cmpl $ID_I440FX, %ebp
    je 1f
    movl $0x80000090, %esi          /* Q35 */
    movl $0x8000009d, %edi
    cmpl $ID_Q35, %ebp
    jne unknown_board
1:
    /* POST lies in the third and fourth MiB.  Not asked of CMOS, where an
     * earlier OS could have said no; what was there comes back, since after
     * a suspend it is still wanted. */
    movl RAM_PROBED, %ebx
    movl %ebx, %ecx
    notl %ecx
    movl %ecx, RAM_PROBED
    cmpl %ecx, RAM_PROBED
    jne too_little
    movl %ebx, RAM_PROBED
    /* RAM, read and write: the first register for F0000-FFFFF, six for
     * C0000-EFFFF, with the byte before or behind them as a reset leaves it. */
    movl $0x33333330, %ebx
    movl $0x00333333, %ecx          /* Q35: 90-96, and 97 (legacy access) */
    cmpl $ID_Q35, %ebp
    je 2f
    shll $8, %ebx                   /* i440FX: 58 (DRAM timing), and 59-5F */
    orl $0x33000000, %ecx
2:  config_write
    addl $4, %esi
    movl %ecx, %ebx
    config_write
    /* SMRAM closed: A0000 is the display.  Mostly it is, and QEMU computes its
     * memory map anew for a write. */
    movl %edi, %esi
    movb $0x02, %bl
    config_select
    inb %dx, %al
    cmpb %bl, %al
    je 3f
    movb %bl, %al
    outb %al, %dx
3:

    /* The shadow, without the zone for tables: after a suspend they are
     * still wanted (start() clears it on every other path). */
    movl $(resident_start + ROM_OFFSET), %esi
    movl $resident_start, %edi
    movl $resident_dwords, %ecx
    rep movsl
    movl $(fixed_start + ROM_OFFSET), %esi
    movl $fixed_start, %edi
    movl $fixed_dwords, %ecx
    rep movsl
    movl $0x00e05bea, 0xffff0       /* ljmpw $0xf000, $0xe05b: see below */
    movb $0xf0, 0xffff4
    movl $SEL_DATA32, %eax
    movw %ax, %ss
    movl $STACK_TOP, %esp
    lgdtl gdt_pointer
    movl %ebp, %eax
    ljmpl $SEL_CODE32, $start

too_little:
    movl $(memory_text + ROM_OFFSET), %esi
    movl $(memory_text_end - memory_text), %ecx
    jmp 1f
unknown_board:
    movl $(board_text + ROM_OFFSET), %esi
    movl $(board_text_end - board_text), %ecx
1:  movw $PORT_DEBUG, %dx
    rep outsb
3:  hlt
    jmp 3b

board_text:
    .ascii "KeelBIOS: the host bridge is neither an i440FX nor a Q35; "
    .ascii "this machine type is not supported (use -M pc or -M q35). "
    .ascii "Stopped.\n"
board_text_end:
memory_text:
    .ascii "KeelBIOS: 4 MiB of memory are the least (-m 4M). Stopped.\n"
memory_text_end:

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff        /* SEL_CODE32 */
    .quad 0x00cf93000000ffff        /* SEL_DATA32 */
    .quad 0x00009b0f0000ffff        /* SEL_CODE16: base F0000, 64 KiB */
    .quad 0x008f93000000ffff        /* SEL_DATA16: limit 4 GiB, 16-bit SP */
    .quad 0x000093000000ffff        /* SEL_DATA64K */
    .quad 0x008f9b0f0000ffff        /* SEL_CODE16_LARGE */
gdt_end:
    .word 0
    .globl gdt_pointer
gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt
    .word 0
rom_gdt_pointer:
    .word gdt_end - gdt - 1
    .long gdt + ROM_OFFSET

/* The mode switches.  From 32-bit code to real mode with CS F000, interrupts
 * off.  in: EAX, ECX, ESI, EDI: descriptors with the limits that CS, DS, ES, SS
 * keep there; the bases of the latter three are the caller's to load.  FS and
 * GS are never touched.  EAX is lost. */
.macro to_real_mode
    pushl %eax
    pushl $F(11f)
    lretl
    .code16
11: movw %cx, %ds
    movw %si, %es
    movw %di, %ss
    movzwl %sp, %esp
    movl %cr0, %eax
    andb $0xfe, %al
    movl %eax, %cr0
    ljmpl $0xf000, $F(12f)
12:
.endm
/* The limits for code that has not been anywhere before: 4 GiB for data, as PMM
 * 1.01, 2.1.2 wants them for option ROMs. */
.macro limits_of_post
    movl $SEL_CODE16, %eax
    movl $SEL_DATA16, %ecx
    movl %ecx, %esi
    movl %ecx, %edi
.endm
/* Those of the caller whose entry's frame is at \at. */
.macro limits_of_caller at:req
    movzwl ENTRY_SEL_CS(\at), %eax
    movzwl ENTRY_SEL_DS(\at), %ecx
    movzwl ENTRY_SEL_ES(\at), %esi
    movzwl ENTRY_SEL_SS(\at), %edi
.endm
/* And from real mode to flat 32-bit code; the caller loads ESP. */
.macro to_protected_mode
    addr32 lgdtl %cs:F(gdt_pointer)
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl $SEL_CODE32, $11f
    .code32
11: movl $SEL_DATA32, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
.endm

/* ------------------------------------------------------------------------
 * Entries of the services.  An interrupt entry pushes its number on the
 * caller's stack; int_common takes it and the return frame from there (18
 * bytes of the caller's stack are used in all), builds a struct bregs on the
 * resident stack and calls real_dispatch(bregs, number) in C.
 */
    .code16
.macro ENTRY vec
    .globl entry_\vec
entry_\vec:
    pushw $0x\vec
    jmp int_common
.endm

    ENTRY 09
    ENTRY 10
    ENTRY 11
    ENTRY 12
    ENTRY 13
    ENTRY 14
    ENTRY 15
    ENTRY 16
    ENTRY 17
    ENTRY 18
    ENTRY 19
    ENTRY 1a
    ENTRY 70
    ENTRY 74

/* Called far instead: the frame gets flags and becomes an interrupt's, but
 * for the order, which int_common knows from ENTRY_FAR. */
    .globl entry_pmm, entry_pnp, int_common
entry_pmm:
    pushfw
    pushw $ENTRY_PMM
    jmp int_common
entry_pnp:
    pushfw
    pushw $ENTRY_PNP
    jmp int_common

/* Does a segment's limit reach the end of the address space?  Its descriptor
 * goes into the frame at BX: large, or small when limit_fault skips the
 * instruction that says so.  AX, ESI are lost. */
.macro limit_try seg:req base:req field:req large:req small:req
    movl $F(14f), %esi
    movw $\small, \field(%bx)
    addr32 movb %\seg:(LAST_BYTES - \base), %ah
    movw $\large, \field(%bx)
14:
.endm

int_common:
    cli
    cld
    pushl %eax
    pushl %ebx
    pushw %ds
    smsw %ax
    testb $1, %al
    jnz in_v86
    movw $(DATA_START >> 4), %ax
    movw %ax, %ds
    /* Where the caller's stack ends, as a place on ours: by its linear address,
     * since other segments reach ours, and E000 reaches more than ours. */
    movw %ss, %ax
    movzwl %ax, %eax
    shll $4, %eax
    movzwl %sp, %ebx
    leal -DATA_START(%eax, %ebx), %eax
    leal (DATA_START + ENTRY_TAKEN)(%eax), %ebx
    addr32 movl %ebx, D(entry_caller_stack)
    /* Ours has its free end at rt_sp.  A caller that is in the free part, or in
     * what was left to it (STACK_CALLEE), is continued below its own end.
     * Everybody else gets what is free: a caller that overwrites what is in use
     * has at most overwritten it by the 18 bytes above. */
    addr32 movl D(rt_sp), %ebx
    cmpl $STACK_SIZE, %ebx
    ja refuse_depth                 /* overwritten by an OS: not believed */
    cmpl $STACK_SIZE, %eax
    ja 1f
    subl $STACK_CALLEE, %eax
    cmpl %ebx, %eax
    jg 1f
    leal STACK_CALLEE(%eax), %ebx
1:  andw $0xfffc, %bx
    cmpw $(STACK_RESERVE + ENTRY_SIZE), %bx
    jb refuse_depth
    subw $ENTRY_SIZE, %bx
    movw %ss, ENTRY_SS(%bx)
    movl %ecx, BREG_ECX(%bx)
    movl %edx, BREG_EDX(%bx)
    movl %ebp, BREG_EBP(%bx)
    movl %esi, BREG_ESI(%bx)
    movl %edi, BREG_EDI(%bx)
    movw %es, BREG_ES(%bx)
    popw BREG_DS(%bx)
    popl BREG_EBX(%bx)
    popl BREG_EAX(%bx)
    popw %cx
    movw %cx, ENTRY_VECTOR(%bx)
    testb $(ENTRY_FAR >> 8), %ch
    jnz 2f
    popw BREG_IP(%bx)
    popw BREG_CS(%bx)
    popw BREG_FLAGS(%bx)
    jmp 3f
2:  popw BREG_FLAGS(%bx)
    popw BREG_IP(%bx)
    popw BREG_CS(%bx)
3:  movl %esp, ENTRY_ESP(%bx)
    movzwl %bx, %ebx
    movw %ds, %ax
    movw %ax, %ss                   /* the CPU lets no NMI in between */
    movl %ebx, %esp
    movw %ax, %es
    sgdtl ENTRY_GDTR(%bx)
    movl %dr7, %eax                 /* a watchpoint's exception would find no */
    movl %eax, ENTRY_DR7(%bx)       /* handler in protected mode */
    testb $0xff, %al
    jz 1f
    xorb %al, %al
    movl %eax, %dr7
    /* Limits cannot be read here, only tried: by a byte that is always there,
     * the image's last ones below 4 GiB.  All four bases are known. */
1:  sidtl ENTRY_IDTR(%bx)
    addr32 lidtl %cs:F(limit_idt_pointer)
    limit_try ds, DATA_START, ENTRY_SEL_DS, SEL_DATA16, SEL_DATA64K
    limit_try es, DATA_START, ENTRY_SEL_ES, SEL_DATA16, SEL_DATA64K
    limit_try ss, DATA_START, ENTRY_SEL_SS, SEL_DATA16, SEL_DATA64K
    limit_try cs, 0xf0000, ENTRY_SEL_CS, SEL_CODE16_LARGE, SEL_CODE16
    lidtl ENTRY_IDTR(%bx)
    to_protected_mode
    leal DATA_START(%ebx), %esp
    a20_open
    movl %ecx, ENTRY_A20(%esp)
    movl rt_entry, %eax
    movl %eax, ENTRY_OUTER(%esp)
    movl %esp, rt_entry
    xorl %eax, %eax
    movl %eax, v86_call             /* memory is where it seems to be */
    movl %eax, low_page
    movzwl ENTRY_VECTOR(%esp), %edx
    movl %esp, %eax                 /* struct bregs * */
    call real_dispatch

    movl %esp, %ebx
    movl ENTRY_OUTER(%ebx), %eax
    movl %eax, rt_entry
    cmpl $0, ENTRY_A20(%ebx)
    je 5f
    xorl %eax, %eax
    outb %al, $PORT_A20
5:  limits_of_caller %ebx
    subl $DATA_START, %ebx
    to_real_mode
    movw $(DATA_START >> 4), %ax
    movw %ax, %ds
    lgdtl ENTRY_GDTR(%bx)
    movw ENTRY_SS(%bx), %ss
    movl ENTRY_ESP(%bx), %esp
    movl ENTRY_DR7(%bx), %eax       /* watched may be this frame */
    testb $0xff, %al
    jz 1f
    movl %eax, %dr7
1:  movl BREG_ECX(%bx), %ecx
    movl BREG_EDX(%bx), %edx
    movl BREG_EBP(%bx), %ebp
    movl BREG_ESI(%bx), %esi
    movl BREG_EDI(%bx), %edi
    movw BREG_ES(%bx), %es
    pushw BREG_FLAGS(%bx)           /* for those who called far, too */
    pushw BREG_CS(%bx)
    pushw BREG_IP(%bx)
    movl BREG_EAX(%bx), %eax
    pushw BREG_DS(%bx)
    movl BREG_EBX(%bx), %ebx
    popw %ds
    iretw

/* #GP or #SS of a limit_try: goes on at SI. */
limit_fault:
    pushw %bp
    movw %sp, %bp
    movw %si, 2(%bp)
    popw %bp
    iretw
limit_idt:
    .zero 2 * 4
    .long F000(entry_iret)          /* an NMI; it is not needed for anything */
    .zero 9 * 4
    .long F000(limit_fault)         /* #SS */
    .long F000(limit_fault)         /* #GP */
limit_idt_pointer:
    .word . - limit_idt - 1
    .long limit_idt

/* A caller in virtual-8086 mode goes on in v86_entry.S, with its registers as
 * they came.  On the stack: DS, EBX, EAX; then the number, and the frame. */
in_v86:
    popw %ds
    popl %ebx
    popl %eax
    jmp v86_entry

/* Calls are nested deeper than the stack allows: refused.  On the stack as
 * before. */
refuse_depth:
    popw %ds
    popl %ebx
    popl %eax

/* A call that nobody can serve: AH=86h and CF.  An IRQ is acknowledged, and its
 * byte lost.  On the stack: the number, and the frame. */
    .globl refuse
refuse:
    pushw %bp
    movw %sp, %bp
    cmpw $0x09, 2(%bp)
    je 2f
    cmpw $0x70, 2(%bp)
    je 3f
    cmpw $0x74, 2(%bp)
    je 4f
    movb $0x86, %ah
    testb $(ENTRY_FAR >> 8), 3(%bp)
    jnz 1f
    orw $1, 8(%bp)
    popw %bp
    addw $2, %sp
    iretw
1:  orw $1, 4(%bp)
    popw %bp
    addw $2, %sp
    popfw
    lretw
2:  pushw %ax
    inb $PORT_PS2_STATUS, %al
    testb $PS2_AUX, %al
    jnz 5f
    inb $PORT_PS2_DATA, %al
5:  popw %ax
    popw %bp
    addw $2, %sp
    jmp entry_irq1
4:  pushw %ax
    inb $PORT_PS2_STATUS, %al
    testb $PS2_AUX, %al
    jz 5f
    inb $PORT_PS2_DATA, %al
5:  popw %ax
3:  popw %bp
    addw $2, %sp
    jmp entry_irq2

/* ------------------------------------------------------------------------
 * Handlers that must also work in virtual-8086 mode: assembly only.
 */
    .globl entry_08, entry_iret, entry_irq1, entry_irq2
/* IRQ 0: the tick. */
entry_08:
    pushw %ds
    pushl %eax
    movw $0x40, %ax
    movw %ax, %ds
    movl BDA_TICKS, %eax
    incl %eax
    cmpl $TICKS_A_DAY, %eax
    jb 1f
    xorl %eax, %eax
    movb $1, BDA_MIDNIGHT
1:  movl %eax, BDA_TICKS
    int $0x1c
    cli
    movb $PIC_EOI, %al
    outb %al, $PORT_PIC1
    popl %eax
    popw %ds
entry_iret:
    iretw

/* An IRQ that nobody serves, on the second (2) or first (1) 8259: only one
 * that is really in service gets an EOI, a spurious one (7, 15) does not. */
entry_irq2:
    pushw %ax
    movb $0x0b, %al                 /* read the in-service register */
    outb %al, $PORT_PIC2
    inb $PORT_PIC2, %al
    testb %al, %al
    jz 1f
    movb $PIC_EOI, %al
    outb %al, $PORT_PIC2
1:  movb $PIC_EOI, %al              /* the cascade was in service anyway */
    outb %al, $PORT_PIC1
    popw %ax
    iretw
entry_irq1:
    pushw %ax
    movb $0x0b, %al
    outb %al, $PORT_PIC1
    inb $PORT_PIC1, %al
    testb %al, %al
    jz 1f
    movb $PIC_EOI, %al
    outb %al, $PORT_PIC1
1:  popw %ax
    iretw

/* ------------------------------------------------------------------------
 * void real_call(struct bregs *r, uint32_t kind): from C into real mode.
 * kind 0: far call of r->cs:ip; 1: the same with an interrupt's frame.
 * The registers of *r are copied to the resident stack, on which the callee
 * runs; nested entries find their place below STACK_CALLEE bytes (rt_sp).
 */
    .code32
    .globl real_call
real_call:
    pushl %ebx
    pushl %esi
    pushl %edi
    pushl %ebp
    pushl rt_entry
    pushl rt_sp
    pushl %eax                      /* where the results go */
    subl $BREG_SIZE, %esp
    movl %eax, %esi
    movl %esp, %edi
    movl $(BREG_SIZE / 4), %ecx
    rep movsl
    leal -(STACK_CALLEE + DATA_START)(%esp), %eax
    movl %eax, rt_sp
    movl %edx, %ebx
    movl rt_entry, %ebp             /* what interrupts a service finds the */
    testl %ebp, %ebp                /* caller's limits, GDTR and DR7 */
    jz 1f
    limits_of_caller %ebp
    jmp 2f
1:  limits_of_post
2:  subl $DATA_START, %ebp
    to_real_mode
    movw $(DATA_START >> 4), %ax
    movw %ax, %ss
    testl %ebp, %ebp
    js 2f
    lgdtl %ss:ENTRY_GDTR(%bp)
    movl %ss:ENTRY_DR7(%bp), %eax
    testb $0xff, %al
    jz 2f
    movl %eax, %dr7
2:  movw %sp, %bp
    testw %bx, %bx
    jz 3f
    pushw BREG_FLAGS(%bp)           /* for the callee's IRET */
3:  pushw %cs
    movl $F(real_return), %eax
    pushw %ax
    pushw BREG_FLAGS(%bp)
    pushw BREG_CS(%bp)
    pushw BREG_IP(%bp)
    movw BREG_DS(%bp), %ds
    movw BREG_ES(%bp), %es
    movl BREG_EDI(%bp), %edi
    movl BREG_ESI(%bp), %esi
    movl BREG_EBX(%bp), %ebx
    movl BREG_EDX(%bp), %edx
    movl BREG_ECX(%bp), %ecx
    movl BREG_EAX(%bp), %eax
    movl BREG_EBP(%bp), %ebp
    iretw

real_return:
    movzwl %sp, %esp                /* keeps the flags */
    movl %ebp, %ss:BREG_EBP(%esp)
    pushfw
    cli
    cld
    movl %esp, %ebp
    popw BREG_FLAGS + 2(%bp)
    leal 2(%ebp), %ebp
    movw %ds, BREG_DS(%bp)
    movw %es, BREG_ES(%bp)
    movl %edi, BREG_EDI(%bp)
    movl %esi, BREG_ESI(%bp)
    movl %ebx, BREG_EBX(%bp)
    movl %edx, BREG_EDX(%bp)
    movl %ecx, BREG_ECX(%bp)
    movl %eax, BREG_EAX(%bp)
    /* A watchpoint that is set or cleared now, by a debugger that a key has
     * called, is the caller's from now on; not in protected mode. */
    movl %dr7, %eax
    addr32 movl %ss:D(rt_entry), %esi
    testl %esi, %esi
    jz 1f
    addr32 movl %eax, %ss:(ENTRY_DR7 - DATA_START)(%esi)
1:  testb $0xff, %al
    jz 2f
    xorb %al, %al
    movl %eax, %dr7
2:  to_protected_mode
    leal DATA_START(%ebp), %esp
    a20_open                        /* a loader may have closed the gate */
    movl %esp, %esi
    movl BREG_SIZE(%esp), %edi
    movl $(BREG_SIZE / 4), %ecx
    rep movsl
    addl $(BREG_SIZE + 4), %esp
    popl rt_sp
    popl rt_entry
    popl %ebp
    popl %edi
    popl %esi
    popl %ebx
    ret

/* ------------------------------------------------------------------------
 * void real_jump(const struct bregs *r, uint32_t stack): to real mode for
 * good, with SS = 0 and SP = stack, interrupts as r->flags says.
 */
    .globl real_jump
real_jump:
    movl $STACK_TOP, %esp           /* empty: nobody comes back */
    subl $BREG_SIZE, %esp
    leal BREG_SIZE - 4(%eax), %esi  /* downwards: *r may overlap the copy */
    leal BREG_SIZE - 4(%esp), %edi  /* from below */
    movl $(BREG_SIZE / 4), %ecx
    std
    rep movsl
    cld
    movl %esp, %ebp
    subl $DATA_START, %ebp
    movl $(STACK_TOP - DATA_START), rt_sp
    movl $0, rt_entry
    limits_of_post
    to_real_mode
    xorw %ax, %ax
    movw %ax, %ss
    movl %edx, %esp
    movw $(DATA_START >> 4), %ax
    movw %ax, %ds
    movw %bp, %bx
    pushw BREG_FLAGS(%bx)
    pushw BREG_CS(%bx)
    pushw BREG_IP(%bx)
    movw BREG_ES(%bx), %es
    movl BREG_EDI(%bx), %edi
    movl BREG_ESI(%bx), %esi
    movl BREG_EBP(%bx), %ebp
    movl BREG_EDX(%bx), %edx
    movl BREG_ECX(%bx), %ecx
    movl BREG_EAX(%bx), %eax
    pushw BREG_DS(%bx)
    movl BREG_EBX(%bx), %ebx
    popw %ds
    iretw

/* void real_end_call(void): return from the innermost real_call() that is in
 * progress.  Its frame is where rt_sp says; its registers stay as they were
 * given.  in: 32-bit flat.  out: as real_call returns; EAX, ECX, EDX lost. */
    .code32
    .globl real_end_call
real_end_call:
    movl rt_sp, %eax
    leal (STACK_CALLEE + DATA_START)(%eax), %esp
    addl $(BREG_SIZE + 4), %esp     /* the copy, and where results would go */
    popl rt_sp
    popl rt_entry
    popl %ebp
    popl %edi
    popl %esi
    popl %ebx
    ret

/* void real_restart(void (*fn)(void)): go on in C with an empty stack. */
    .code32
    .globl real_restart
real_restart:
    movl $STACK_TOP, %esp
    movl $(STACK_TOP - DATA_START), rt_sp
    movl $0, rt_entry
    pushl $0
    jmp *%eax

    .code16
/* What yield() calls: interrupts are let in for one instruction, or until
 * one comes. */
    .globl yield_16, yield_halt_16
yield_16:
    sti
    nop
    cli
    lretw
yield_halt_16:
    sti
    hlt
    cli
    lretw

/* ------------------------------------------------------------------------
 * The last 48 bytes.  Reset enters the last 16 in the ROM window, with CS base
 * FFFF0000 and selector F000.  Software that wants a reboot comes to FFFF:0000
 * or F000:FFF0 in the shadow: a real reset is what it gets (E05B, where
 * reset32 puts a far jump in the shadow; a near one would leave it from
 * FFFF:0000).  A far jump in the ROM would end in RAM.
 */
    .section .resetvec, "ax", @progbits
    .code16
resetvec:
null_idt:
    .word 0
    .long 0
reset_hard:
    lidtw %cs:(0xffd0)              /* null_idt: asserted by the link */
    jmp reset16

    .org resetvec + 0x10
    .globl reset_soft
reset_soft:
    movw $0xcf9, %dx
    movb $0x02, %al
    outb %al, %dx
    movb $0x06, %al
    outb %al, %dx
    movb $0xfe, %al                 /* no CF9h: the keyboard controller */
    outb %al, $0x64
1:  hlt
    jmp 1b

    .org resetvec + 0x20
    .globl reset_vector
reset_vector:
    jmp reset_hard
    .org resetvec + 0x25
    .ascii KEEL_DATE                /* FFFF5h: MM/DD/YY */
    .byte 0
    .byte MODEL_AT                  /* FFFFEh */
    .byte 0
