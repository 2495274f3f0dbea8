/* SPDX-License-Identifier: MIT */
/*
 * A service returns, and the CPU is as it was, but for the service's results.
 * Each service and IRQ of cpustate_table.S is called by each of its callers,
 * which differ in the limits of their segments (64 KiB, as after a reset, or
 * 4 GiB: big real mode), flags, stack, IDTR, A20 and watchpoints.  The call is
 * made twice: the first time nothing is called, and what is found then is what
 * has to be found the second time, and by hooks during it (cpustate_hooks.S).
 *
 * Limits are found out by touching memory behind them, where the CPU checks
 * that: the first line says whether.  Then a line for each call: "ok SERVICE,
 * CALLER" or "FAIL SERVICE, CALLER: REGISTER CAME not EXPECTED, ...".
 * tests/boot/test_cpustate.py runs it.
 *
 * Long because the run of a call, which has no stack to call anything on, is
 * one piece.
 */
#include "rm.h"
#include "../../src/core/layout.h"

/* In segment 0: what was found, what is to be found, which bits are results,
 * what a hook finds; FXSAVE images, and what is loaded before. */
#define CAME        0x1000
#define WANT        0x1100
#define FREE        0x1200
#define FOUND       0x1300
#define FX_CAME     0x1400
#define FX_WANT     0x1600
#define FX_LOADED   0x1800
#define FX_SIZE     512
#define YMM_LOADED  0x1a00                  /* YMM0-7 */
#define YMM_CAME    0x1b00                  /* their upper halves */
#define YMM_SIZE    256

/* Segments: the usual stack; DS, ES and what services read and write there; one
 * for a stack with little room; a second interrupt table. */
#define SEG_STACK   0x1000
#define SEG_ES      0x2000
#define SEG_DS      0x2100
#define SEG_TINY    0x3000
#define SEG_IVT     0x5000
#define GUARD       0x100                   /* bytes below the tiny stack */

/* Offsets in segment SEG_ES and SEG_DS */
#define MOVE_GDT    0x100
#define MAP_ENTRY   0x200
#define TEXT        0x300
#define FLAG_BYTE   0x380
#define VBE_INFO    0x400
#define SECTOR      0x800
#define HASHED      0x180                   /* bytes there: some blocks */
#define PIR_REQUEST 0xa00
#define PACKET      0x000                   /* these two in SEG_DS */
#define PARAMETERS  0x040

/* What is loaded before, where nothing hangs on it */
#define GDTR_LIMIT  0x6543
#define GDTR_BASE   0x12345678
#define CR0_SET     0x00050022              /* AM, WP, NE, MP */
#define CR0_TS      0x08
#define CR0_EM      0x04
#define CR2_LOADED  0x87654321
#define CR3_LOADED  0x00345000
#define CR4_SET     0x698           /* OSXMMEXCPT, OSFXSR, PGE, PSE, DE */
#define CR4_OSFXSR  0x200
#define CR4_OSXSAVE 0x40000
#define CPUID_AVX   0x14000000              /* and XSAVE: leaf 1, ECX */
#define XCR0_ALL    7                       /* x87, SSE, AVX */
#define DR6_LOADED  0xffff0ff1
#define DR0_LOADED  0xd0d1d2d3
#define DR7_LOADED  0x5ddf0400              /* for data; none is on */
#define DR6_HITS    0x0f
#define FLAG_IF     0x200

#define CODE16      0x08
#define SMALL       0x10
#define LARGE       0x18
#define CODE16_LARGE 0x20
#define CODE32      0x28
#define LIMIT_SMALL 0xffff
#define LIMIT_LARGE 0xffffffff

/* Of the records in the table */
#define CALLER_BIG      20
#define CALLER_FLAGS    24
#define CALLER_SS       28
#define CALLER_ESP      32
#define CALLER_OPTIONS  36
#define CALLER_DR0      40
#define CALLER_DR7      44
#define CALLER_SIZE     48
#define BIG_CS      1
#define BIG_DS      2
#define BIG_ES      4
#define BIG_SS      8
#define BIG_FS      16
#define BIG_GS      32
#define OWN_IDT     1
#define CLOSED_A20  2
#define SET_TS      4
#define GUARDED     8
#define HITS        16                      /* of a watchpoint, maybe */
#define COPY_SHIFT  5                       /* two bits */
#define COPY_BITS   3
#define COPY(n)     ((n) << COPY_SHIFT)
#define NO_SSE      128                     /* OSFXSR clear, EM set */
#define XSAVE_ON    0x100                   /* OSXSAVE set, where there is AVX */
#define XCR0_SHIFT  9                       /* two bits: of XCR0, SSE and AVX */
#define XCR0(n)     (XSAVE_ON | (n) << XCR0_SHIFT)

#define SERVICE_STUB    28
#define SERVICE_PREPARE 30
#define SERVICE_FLAGS   32
#define SERVICE_IN      36                  /* EAX to EBP */
#define SERVICE_FREE    64                  /* of EAX to EDI, and ES */
#define SERVICE_SIZE    92

/* Fields of CAME and WANT, 32 bits each, in the order of the names below */
#define F(n)        (CAME + 4 * (n))
#define F_FLAGS     8
#define F_DS        9
#define F_ES        10
#define F_CR0       14
#define F_DR0       18
#define F_DR6       22
#define F_DR7       23
#define F_GDTR      24
#define F_IDTR      26
#define F_LIMIT_CS  28
#define F_LIMIT_DS  29
#define F_A20       34
#define F_MASKS     35
#define F_SERVICE   36
#define F_MISSED    37
#define F_STACK     38
#define F_FPU       39
#define F_HOOK      40                      /* F_DR7 and on, in a hook */
#define F_HOOK_ESP  51                      /* its upper half */
#define F_XCR0      52
#define F_YMM       53
#define FIELDS      54
#define NAME_SIZE   16

main:
    cli
    call set_up
    movw $callers, caller
    movw $services, service
    movb $1, null
    call run
    movw $checked_text, %si
    cmpl $LIMIT_SMALL, F(F_LIMIT_DS)
    je 1f
    movb $0, limits_checked
    movw $unchecked_text, %si
1:  call say
2:  movw caller, %bx
    cmpb $0, (%bx)
    je finish
    movw $services, service
3:  movw service, %bx
    cmpb $0, (%bx)
    je 4f
    call one_case
    addw $SERVICE_SIZE, service
    jmp 3b
4:  addw $CALLER_SIZE, caller
    jmp 2b

checked_text:
    .asciz "limits are checked\n"
unchecked_text:
    .asciz "limits are not checked\n"

one_case:
    movb $1, null
    call prepare
    call run
    movw caller, %bx
    movl CALLER_FLAGS(%bx), %eax            /* the IF that run left out */
    andl $FLAG_IF, %eax
    orl %eax, F(F_FLAGS)
    call check_set_up
    movw $CAME, %si
    movw $WANT, %di
    movw $FIELDS, %cx
    rep movsl
    movw $FX_CAME, %si
    movw $FX_WANT, %di
    movw $FX_SIZE / 4, %cx
    rep movsl
    call hooks_find_it
    movb $0, null
    call prepare
    call run
    call compare
    movb $1, null
prepare:
    movl $0, missed
    movb $0, seen
    movw service, %bx
    jmp *SERVICE_PREPARE(%bx)

/* ------------------------------------------------------------------- a call */

.macro LIMIT seg, bit
    movw $SMALL, %ax
    testb $\bit, %cl
    jz 771f
    movw $LARGE, %ax
771:
    movw %ax, %\seg
.endm

/* The limit of %\seg: of offsets just behind 64 KiB and near 4 GiB, which can
 * be read?  A fault goes on at label 771.  EAX, EBX, CL are lost. */
.macro PROBE seg, where
    movw $771f, %cs:after_fault
    movl $LIMIT_SMALL, %eax
    movl $0x10000, %ebx
    movb %\seg:(%ebx), %cl
    movl $0xfff00000, %eax                  /* neither this nor that */
    movl $0xfffff000, %ebx
    movb %\seg:(%ebx), %cl
    movl $LIMIT_LARGE, %eax
771:
    movl %eax, %cs:\where
.endm

/* Call the service (or nothing, when null is set) as the caller; all that is
 * found behind it is in CAME.  Clobbers all; limits are anything. */
run:
    sti                                     /* what waits comes now */
    nop
    cli
    movl %esp, own_esp
    movw service, %si
    movw SERVICE_STUB(%si), %ax
    movw caller, %bx
    movl CALLER_FLAGS(%bx), %edx
    cmpb $0, null
    je 1f
    andl $~FLAG_IF, %edx
    movw $returned, %ax
1:  movw %ax, stub
    sete calling
    movl %edx, in_flags
    call fill_guard

    lgdtl own_gdt
    movw CALLER_BIG(%bx), %cx
    call load_ymm
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    testb $BIG_CS, %cl
    jz 1f
    ljmp $CODE16_LARGE, $2f
1:  ljmp $CODE16, $2f
2:  call copy_resident
    LIMIT es, BIG_ES
    LIMIT ss, BIG_SS
    LIMIT fs, BIG_FS
    LIMIT gs, BIG_GS
    LIMIT ds, BIG_DS
    movl %cr0, %eax
    andb $0xfe, %al
    movl %eax, %cr0
    ljmp $0, $1f
1:  xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x3333, %ax
    movw %ax, %fs
    movw $0x4444, %ax
    movw %ax, %gs

    fxrstor FX_LOADED
    movl CALLER_DR0(%bx), %eax
    movl %eax, %dr0
    movl $DR0_LOADED + 1, %eax
    movl %eax, %dr1
    incl %eax
    movl %eax, %dr2
    incl %eax
    movl %eax, %dr3
    movl $DR6_LOADED, %eax
    movl %eax, %dr6
    movl CALLER_DR7(%bx), %eax
    movl %eax, %dr7
    movl $CR2_LOADED, %eax
    movl %eax, %cr2
    movl $CR3_LOADED, %eax
    movl %eax, %cr3
    movw CALLER_OPTIONS(%bx), %cx
    movl %cr0, %eax
    orl $CR0_SET, %eax
    testb $SET_TS, %cl
    jz 1f
    orb $CR0_TS, %al
1:  testb $NO_SSE, %cl
    jz 1f
    orb $CR0_EM, %al
    movl %cr4, %edx
    andl $~CR4_OSFXSR, %edx
    movl %edx, %cr4
1:  movl %eax, %cr0
    call load_xcr0
    lgdtl loaded_gdtr
    testb $OWN_IDT, %cl
    jz 1f
    lidtl own_idtr
1:  testb $CLOSED_A20, %cl
    jz 1f
    inb $0x92, %al
    andb $0xfc, %al
    outb %al, $0x92

1:  movw CALLER_SS(%bx), %ss
    movl CALLER_ESP(%bx), %esp
    movw $SEG_ES, %ax
    movw %ax, %es
    movl SERVICE_IN(%si), %eax
    movl SERVICE_IN + 4(%si), %ebx
    movl SERVICE_IN + 8(%si), %ecx
    movl SERVICE_IN + 12(%si), %edx
    movl SERVICE_IN + 20(%si), %edi
    movl SERVICE_IN + 24(%si), %ebp
    movl SERVICE_IN + 16(%si), %esi
    pushw $SEG_DS
    popw %ds
    pushl %cs:in_flags
    popfl
    jmp *%cs:stub

/* All stubs end here. */
returned:
    pushfl
    popl %cs:F(F_FLAGS)
    cli
    cld
    movb $0, %cs:calling
    movl %eax, %cs:F(0)
    movl %ebx, %cs:F(1)
    movl %ecx, %cs:F(2)
    movl %edx, %cs:F(3)
    movl %esi, %cs:F(4)
    movl %edi, %cs:F(5)
    movl %ebp, %cs:F(6)
    movl %esp, %cs:F(7)
    sgdtl %cs:table_register
    movl %cs:table_register + 2, %eax
    movl %eax, %cs:F(F_GDTR)
    movzwl %cs:table_register, %eax
    movl %eax, %cs:F(F_GDTR + 1)
    sidtl %cs:table_register
    movl %cs:table_register + 2, %eax
    movl %eax, %cs:F(F_IDTR)
    movzwl %cs:table_register, %eax
    movl %eax, %cs:F(F_IDTR + 1)
    xorl %eax, %eax                         /* a memory operand has 16 bits */
    movw %ds, %ax
    movl %eax, %cs:F(F_DS)
    movw %es, %ax
    movl %eax, %cs:F(F_ES)
    movw %ss, %ax
    movl %eax, %cs:F(11)
    movw %fs, %ax
    movl %eax, %cs:F(12)
    movw %gs, %ax
    movl %eax, %cs:F(13)
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %ss
    movl own_esp, %esp

    movl %cr0, %eax
    movl %eax, F(F_CR0)
    andb $~(CR0_EM | CR0_TS), %al
    movl %eax, %cr0
    movl %cr2, %eax
    movl %eax, F(15)
    movl %cr3, %eax
    movl %eax, F(16)
    movl %cr4, %eax
    movl %eax, F(17)
    orl $CR4_SET, %eax
    movl %eax, %cr4
    movl %dr0, %eax
    movl %eax, F(F_DR0)
    movl %dr1, %eax
    movl %eax, F(19)
    movl %dr2, %eax
    movl %eax, F(20)
    movl %dr3, %eax
    movl %eax, F(21)
    movl %dr6, %eax
    movl %eax, F(F_DR6)
    movl %dr7, %eax
    movl %eax, F(F_DR7)
    movl $DR7_LOADED, %eax
    movl %eax, %dr7
    fxsave FX_CAME
    PROBE cs, F(F_LIMIT_CS)
    PROBE ds, F(F_LIMIT_DS)
    PROBE es, F(30)
    PROBE ss, F(31)
    PROBE fs, F(32)
    PROBE gs, F(33)
    movw $0, after_fault
    lidtl usual_idtr
    xorw %ax, %ax
    movw %ax, %es
    call find_a20
    call find_pic
    call find_ymm
    movl missed, %eax
    movl %eax, F(F_MISSED)
    jmp check_guard

/* AVX is for protected mode, in QEMU for 32-bit code there.  EAX is lost. */
.macro IN_CODE32
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmp $CODE32, $772f
    .code32
772:
.endm
.macro IN_REAL_MODE
    ljmp $CODE16, $773f
    .code16
773:
    movl %cr0, %eax
    andb $0xfe, %al
    movl %eax, %cr0
    ljmp $0, $774f
774:
.endm

/*
 * YMM0-7 where there is AVX; FXRSTOR replaces their lower halves.  From real
 * mode, with own_gdt.  EAX, EDX are lost.
 */
.macro UPPER n, more:vararg
    vextractf128 $1, %ymm\n, YMM_CAME + 16 * \n
    .ifnb \more
    UPPER \more
    .endif
.endm
.macro WHOLE n, more:vararg
    vmovdqu YMM_LOADED + 32 * \n, %ymm\n
    .ifnb \more
    WHOLE \more
    .endif
.endm
load_ymm:
    cmpb $0, has_avx
    je 1f
    pushl %ecx
    call open_xcr0
    popl %ecx
    IN_CODE32
    WHOLE 0, 1, 2, 3, 4, 5, 6, 7
    IN_REAL_MODE
1:  ret

open_xcr0:
    movl %cr4, %eax
    orl $CR4_OSXSAVE, %eax
    movl %eax, %cr4
    movl $XCR0_ALL, %eax
    xorl %edx, %edx
    xorl %ecx, %ecx
    xsetbv
    ret

/* As the caller %bx has XCR0 and OSXSAVE.  EAX, EDX are lost. */
load_xcr0:
    cmpb $0, has_avx
    je 2f
    pushl %ecx
    movzwl CALLER_OPTIONS(%bx), %eax
    shrl $XCR0_SHIFT, %eax
    andl $XCR0_ALL >> 1, %eax
    leal 1(%eax, %eax), %eax
    xorl %edx, %edx
    xorl %ecx, %ecx
    xsetbv
    testw $XSAVE_ON, CALLER_OPTIONS(%bx)
    jnz 1f
    movl %cr4, %eax
    andl $~CR4_OSXSAVE, %eax
    movl %eax, %cr4
1:  popl %ecx
2:  ret

/* XCR0, and a sum over the upper halves.  EAX, ECX, EDX, SI are lost. */
find_ymm:
    xorl %eax, %eax
    movl %eax, F(F_XCR0)
    movl %eax, F(F_YMM)
    cmpb $0, has_avx
    je 2f
    movl %cr4, %eax
    orl $CR4_OSXSAVE, %eax
    movl %eax, %cr4
    xorl %ecx, %ecx
    xgetbv
    movl %eax, F(F_XCR0)
    call open_xcr0
    lgdtl own_gdt
    IN_CODE32
    UPPER 0, 1, 2, 3, 4, 5, 6, 7
    IN_REAL_MODE
    movw $YMM_CAME, %si
    xorl %eax, %eax
1:  roll $5, %eax
    addl (%si), %eax
    addw $4, %si
    cmpw $YMM_CAME + YMM_SIZE / 2, %si
    jb 1b
    movl %eax, F(F_YMM)
2:  ret

/* What the firmware can write, again 1 MiB higher, but for 1 or 2 more in each
 * dword: whoever finds out there whether A20 is closed may be misled.  In
 * protected mode; A20 is open.  EAX, EDI, DS, ES are lost. */
copy_resident:
    movb CALLER_OPTIONS(%bx), %al
    shrb $COPY_SHIFT, %al
    andb $COPY_BITS, %al
    movzbl %al, %eax
    jz 2f
    pushl %ecx
    movw $LARGE, %cx
    movw %cx, %es
    movl $DATA_START, %edi
1:  movl %es:(%edi), %ecx
    addl %eax, %ecx
    movl %ecx, %es:0x100000(%edi)
    addl $4, %edi
    cmpl $DATA_END, %edi
    jb 1b
    popl %ecx
2:  ret

/* Is A20 open?  It is when this returns. */
find_a20:
    movw $0xffff, %ax
    movw %ax, %gs
    xorl %ecx, %ecx
    incl a20_probe
    movl a20_probe, %eax
    cmpl %gs:a20_probe + 16, %eax
    jne 1f
    incl a20_probe
    movl a20_probe, %eax
    cmpl %gs:a20_probe + 16, %eax
    je 2f
1:  incw %cx
2:  movl %ecx, F(F_A20)
    inb $0x92, %al
    orb $2, %al
    andb $0xfe, %al
    outb %al, $0x92
    ret

find_pic:
    xorl %eax, %eax
    inb $0xa1, %al
    movb %al, %ah
    inb $0x21, %al
    movl %eax, F(F_MASKS)
    movb $0x0b, %al                         /* then reads are of what is */
    outb %al, $0x20                         /* in service */
    outb %al, $0xa0
    inb $0xa0, %al
    movb %al, %ah
    inb $0x20, %al
    movl %eax, F(F_SERVICE)
    ret

/* Nothing below the stack that has little room may change. */
fill_guard:
    pushw %ds
    pushw $SEG_TINY
    popw %ds
    xorw %di, %di
1:  movw $0x7b7b, (%di)
    addw $2, %di
    cmpw $GUARD, %di
    jb 1b
    popw %ds
    ret
check_guard:
    pushw $SEG_TINY
    popw %ds
    movw $GUARD, %di
1:  subw $2, %di
    js 2f
    cmpw $0x7b7b, (%di)
    je 1b
2:  addw $2, %di
    movzwl %di, %eax
    xorw %di, %di
    movw %di, %ds
    movl %eax, F(F_STACK)
    ret

/* #GP, #SS: behind the probe, if it was one. */
fault:
    cmpw $0, %cs:after_fault
    je unexpected
    pushl %eax
    pushw %bp
    movw %sp, %bp
    movw %cs:after_fault, %ax
    movw %ax, 6(%bp)
    popw %bp
    popl %eax
    iretw

/* It was the firmware's, or the stubs': nothing goes on after that. */
unexpected:
    popw %ax
    popw %bx
    xorw %cx, %cx
    movw %cx, %ds
    movw %cx, %ss
    movl own_esp, %esp
    movw $fail_text, %si
    call say_case
    movw $fault_text, %si
    call say
    pushw %ax
    movw %bx, %ax
    call say_word
    popw %ax
    call say_field
    movw $newline, %si
    call say
    jmp finish
fault_text:
    .asciz ": #GP, #SS or #UD at "

/* --------------------------------------------------------------- the report */

/* The limits and A20 before the call are those that the caller is to have. */
check_set_up:
    movw caller, %bx
    movw CALLER_BIG(%bx), %cx
    movw $F(F_LIMIT_CS), %di
1:  movl $LIMIT_SMALL, %eax
    shrw $1, %cx
    jnc 2f
    movl $LIMIT_LARGE, %eax
2:  cmpb $0, limits_checked
    je 3f
    cmpl (%di), %eax
    jne 4f
3:  addw $4, %di
    cmpw $F(F_A20), %di
    jb 1b
    testb $CLOSED_A20, CALLER_OPTIONS(%bx)
    sete %al
    cmpb %al, F(F_A20)
    je 5f
4:  movw $fail_text, %si
    call say_case
    movw $set_up_text, %si
    call say
    movl (%di), %eax
    call say_dword
    movw $newline, %si
    call say
5:  ret
set_up_text:
    .asciz ": not as it is to be before the call: "

compare:
    call what_may_change
    call compare_fpu
    movb $0, said
    xorw %bx, %bx
1:  movl F(0)(%bx), %eax
    xorl WANT(%bx), %eax
    movl FREE(%bx), %ecx
    notl %ecx
    testl %ecx, %eax
    jz 2f
    call differs
2:  addw $4, %bx
    cmpw $4 * FIELDS, %bx
    jb 1b
    cmpb $0, said
    jne 3f
    movw $ok_text, %si
    call say_case
3:  movw $newline, %si
    jmp say

differs:
    movw $comma, %si
    cmpb $0, said
    jne 1f
    movw $fail_text, %si
    call say_case
    movw $colon, %si
1:  movb $1, said
    call say
    movw %bx, %ax                           /* the name of field BX / 4 */
    imulw $NAME_SIZE / 4, %ax
    addw $names, %ax
    movw %ax, %si
    call say
    movw $space, %si
    call say
    movl F(0)(%bx), %eax
    call say_dword
    movw $not_text, %si
    call say
    movl WANT(%bx), %eax
    jmp say_dword
colon:
    .asciz ": "
comma:
    .asciz ", "
not_text:
    .asciz " not "

/* The bits of each field that are the service's results */
what_may_change:
    movw $FREE, %di
    movw $FIELDS, %cx
    xorl %eax, %eax
    rep stosl
    movw service, %si
    movzwl SERVICE_FLAGS(%si), %eax
    movl %eax, FREE + 4 * F_FLAGS
    movl SERVICE_FREE + 24(%si), %eax
    movl %eax, FREE + 4 * F_ES
    movw caller, %bx
    testb $HITS, CALLER_OPTIONS(%bx)
    jz 1f
    movb $DR6_HITS, FREE + 4 * F_DR6
1:  addw $SERVICE_FREE, %si
    movw $FREE, %di
    movw $6, %cx
    rep movsl
    ret

/* The place of the first difference is the field. */
compare_fpu:
    movl $FX_SIZE, WANT + 4 * F_FPU
    movw $FX_CAME, %si
    movw $FX_WANT, %di
    movw $FX_SIZE, %cx
    repe cmpsb
    je 1f
    incw %cx
1:  movl $FX_SIZE, %eax
    subw %cx, %ax
    movl %eax, F(F_FPU)
    ret

/* The word at %si, then which service and which caller */
say_case:
    call say
    movw service, %si
    call say
    movw $comma, %si
    call say
    movw caller, %si
    jmp say

say_dword:
    pushl %eax
    shrl $16, %eax
    call say_word
    popl %eax
    jmp say_word

.macro NAMES name, more:vararg
771:
    .asciz "\name"
    .fill NAME_SIZE - (. - 771b), 1, 0
    .ifnb \more
    NAMES \more
    .endif
.endm
names:
    NAMES EAX, EBX, ECX, EDX, ESI, EDI, EBP, ESP, EFLAGS
    NAMES DS, ES, SS, FS, GS, CR0, CR2, CR3, CR4
    NAMES DR0, DR1, DR2, DR3, DR6, DR7
    NAMES "GDTR base", "GDTR limit", "IDTR base", "IDTR limit"
    NAMES "CS limit", "DS limit", "ES limit", "SS limit"
    NAMES "FS limit", "GS limit", "A20", "8259 masks", "in service"
    NAMES "no IRQ", "below stack", "FPU byte"
    NAMES "hook DR7", "hook GDTR base", "hook GDTR limit", "hook IDTR base"
    NAMES "hook IDTR limit", "hook CS limit", "hook DS limit"
    NAMES "hook ES limit", "hook SS limit", "hook FS limit", "hook GS limit"
    NAMES "hook ESP / 64K", XCR0, "YMM upper sum"

/* ------------------------------------------------------------------- set-up */

.macro HOOK vec, handler, old
    .ifnb \old
    movl \vec * 4, %eax
    movl %eax, \old
    .endif
    movl $\handler, \vec * 4
.endm

set_up:
    HOOK 0x01, on_watched
    HOOK 0x06, fault
    HOOK 0x0c, fault
    HOOK 0x0d, fault
    HOOK 0x1c, on_tick
    HOOK 0x09, on_key, old_09
    HOOK 0x15, on_system, old_15
    HOOK 0x70, on_alarm, old_70
    HOOK 0x74, on_mouse, old_74
    call set_up_pnp
    call set_up_mouse
    cli
    call set_up_buffers
    pushw $SEG_IVT
    popw %es
    xorw %si, %si
    xorw %di, %di
    movw $0x100, %cx
    rep movsl
    pushw $0
    popw %es
    movl %cr4, %eax
    orl $CR4_SET, %eax
    movl %eax, %cr4
    fninit
    fxsave FX_LOADED
    movw $FX_LOADED + 32, %di               /* all registers of both kinds */
    movl $0x81234567, %eax
1:  movl %eax, (%di)
    addl $0x01010101, %eax
    addw $4, %di
    cmpw $FX_LOADED + 32 + 16 * 16, %di
    jb 1b
    movl $1, %eax
    cpuid
    andl $CPUID_AVX, %ecx
    cmpl $CPUID_AVX, %ecx
    sete has_avx
    movw $YMM_LOADED, %di
    movl $0x98765432, %eax
1:  movl %eax, (%di)
    imull $0x01234567, %eax
    incl %eax
    addw $4, %di
    cmpw $YMM_LOADED + YMM_SIZE, %di
    jb 1b
    movl $0x3820037f, FX_LOADED             /* precision lost, TOP is 7 */
    movb $0xff, FX_LOADED + 4
    movl $0x1fa0, FX_LOADED + 24            /* MXCSR: likewise */
    ret

/* The entry behind $PnP, which BBS 1.01 has a function of */
set_up_pnp:
    pushw %ds
    pushw $0xf000
    popw %ds
    xorw %si, %si
1:  cmpl $0x506e5024, (%si)
    je 2f
    addw $16, %si
    jnz 1b
    popw %ds
    ret
2:  movl 13(%si), %eax
    movl %eax, %cs:pnp_entry
    popw %ds
    ret

/* A mouse that is enabled, with a handler */
set_up_mouse:
    movw $0xc205, %ax
    movb $3, %bh
    int $0x15
    movw $0xc207, %ax
    movw $mouse_handler, %bx
    int $0x15
    movw $0xc200, %ax
    movb $1, %bh
    int $0x15
    ret

set_up_buffers:
    pushw %ds
    pushw $SEG_ES
    popw %ds
    movl $0x0800ffff, MOVE_GDT + 16         /* from 20800 to 20C00 */
    movl $0x00009302, MOVE_GDT + 20
    movl $0x0c00ffff, MOVE_GDT + 24
    movl $0x00009302, MOVE_GDT + 28
    movl $0x20434241, TEXT
    movl $0, PIR_REQUEST
    movl $SEG_ES << 16, PIR_REQUEST + 2
    pushw $SEG_DS
    popw %ds
    movl $0x00010010, PACKET                /* one sector, the first, to */
    movl $SEG_ES << 16 | SECTOR, PACKET + 4
    movl $0, PACKET + 8
    movl $0, PACKET + 12
    movw $30, PARAMETERS
    popw %ds
    ret

    .balign 8
own_gdt_table:
    .quad 0
    .quad 0x00009b000000ffff                /* 64 KiB of code at 0 */
    .quad 0x000093000000ffff                /* 64 KiB of data */
    .quad 0x008f93000000ffff                /* 4 GiB, SP has 16 bits */
    .quad 0x008f9b000000ffff                /* 4 GiB of code */
    .quad 0x00cf9b000000ffff                /* the same, 32-bit */
own_gdt:
    .word own_gdt - own_gdt_table - 1
    .long own_gdt_table
loaded_gdtr:
    .word GDTR_LIMIT
    .long GDTR_BASE
usual_idtr:
    .word 0x3ff
    .long 0
own_idtr:
    .word 0x3ff
    .long SEG_IVT << 4
table_register:
    .word 0
    .long 0

    .balign 4
own_esp:
    .long 0
in_flags:
    .long 0
a20_probe:
    .long 0
missed:
    .long 0
old_09:
    .long 0
old_15:
    .long 0
old_70:
    .long 0
old_74:
    .long 0
pnp_entry:
    .long 0
spare:
    .long 0
patience:
    .long 0
caller:
    .word 0
service:
    .word 0
stub:
    .word 0
after_fault:
    .word 0
has_avx:
    .byte 0
limits_checked:
    .byte 1
null:
    .byte 0
calling:
    .byte 0
said:
    .byte 0
seen:
    .byte 0

#include "cpustate_table.S"
#include "cpustate_hooks.S"

    END_OF_PROGRAM
