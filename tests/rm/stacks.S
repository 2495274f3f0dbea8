/* SPDX-License-Identifier: MIT */
/*
 * Services called with stacks that lie in the firmware's own resident stack
 * (E0000-E3FFF), or beside it, by segment E000 and by others.  A service
 * answers or refuses (AH=86h, CF), and writes to nothing around that stack but
 * its variables, and to none of what is in use there.
 *
 * A line for each call: "ok SS SP NUMBER served|refused", and behind it "FAIL
 * changed SEGMENT OFFSET" when memory was.  tests/boot/test_services.py runs
 * it.
 */
#include "rm.h"

#define TAKEN       18                  /* bytes that a call uses of a stack */
#define BUFFER      0x9000              /* in segment 0: what is read */
#define COPY        0x2000              /* segments: memory as it was ... */
#define MASK        0x4000              /* ... and dwords that may change */
#define HOOK_COPY   0x5000              /* of what is in use in the hook */
#define VARIABLES   0xe400

main:
    call open_memory
    /* What the services change in memory of theirs, from a usual stack. */
    call take_copy
    movw $3, %cx
1:  pushw %cx
    movw $own_stack, %bx
    call all_services
    popw %cx
    loop 1b
    movb $0x86, %ah                     /* 1 ms: the clock's, which others look */
    xorw %cx, %cx                       /* at only when they have to wait */
    movw $1000, %dx
    int $0x15
    movw $mark, compared
    call compare
    movw $differs, compared

    movw $stacks, %bx
1:  cmpw $0, (%bx)
    je 2f
    call all_services
    addw $4, %bx
    jmp 1b

    /* The same while a call waits, from its INT 1Ch. */
2:  cli
    movw $hook, 0x1c * 4
    movw $0, 0x1c * 4 + 2
    movb $0x86, %ah
    movw $3, %cx                        /* 0.2 s, four ticks */
    movw $0, %dx
    stc
    int $0x15
    CHECK nc, "the wait is served"
    cmpw $0, hook_sp
    CHECK ne, "its interrupts came"
    jmp finish

/* SS, SP: the usual one; those in and beside the firmware's; 0. */
own_stack:
    .word 0x1000, 0xff00
stacks:
    .word 0xe000, 0x0000
    .word 0xe000, 0x0010
    .word 0xe000, 0x0012
    .word 0xe000, 0x0800
    .word 0xe000, 0x1400
    .word 0xe000, 0x1447
    .word 0xe000, 0x2001
    .word 0xe000, 0x3ffe
    .word 0xe000, 0x4000
    .word 0xe000, 0x4001
    .word 0xe000, 0x4012
    .word 0xe000, 0x4013
    .word 0xe000, 0x4400
    .word 0xe000, 0x4810
    .word 0xe000, 0x7ffe
    .word 0xe000, 0x8000
    .word 0xe000, 0xfffe
    .word 0xdfff, 0x4010
    .word 0xdfff, 0x0020
    .word 0xd800, 0xc000
    .word 0xd800, 0xffff
    .word 0xd001, 0xfffe
    .word 0xe100, 0x3000
    .word 0xe100, 0x2fff
    .word 0xe200, 0x6000
    .word 0xe3ff, 0x0012
    .word 0xe3ff, 0x0024
    .word 0xe400, 0x2000
    .word 0

/* ------------------------------------------------------------------ calls */

/* Each service with the stack at (%bx), and what it did to memory. */
all_services:
    pushaw
    movw $services, %si
1:  movw (%si), %dx
    testw %dx, %dx
    jz 2f
    call take_copy
    call save_taken
    movw %dx, %di
    call on_stack
    call put_back_taken
    call report
    call compare
    addw $4, %si
    jmp 1b
2:  popaw
    ret

/* Where the call is, then its number as it is written. */
services:
    .word read_sector, 0x13
    .word memory_size, 0x15
    .word look_for_key, 0x16
    .word pci_bios, 0x1a
    .word 0

/* Jump to %di on the stack at (%bx); it comes back to back. */
on_stack:
    pushaw
    pushw %ds
    pushw %es
    movw %ss, own_ss
    movw %sp, own_sp
    cli
    movw (%bx), %ss
    movw 2(%bx), %sp
    jmp *%di
back:
    setc %cs:carry
    movb %ah, %cs:answer
    movw %cs:own_ss, %ss
    movw %cs:own_sp, %sp
    popw %es
    popw %ds
    popaw
    ret

read_sector:
    movw $0x0201, %ax
    movw $0x0001, %cx
    movb $0, %dh
    movb boot_drive, %dl
    movw $BUFFER, %bx
    movw $0, BUFFER + 510
    stc
    int $0x13
    jc 1f
    cmpw $0xaa55, %cs:BUFFER + 510
1:  sete %cs:right
    jmp back
memory_size:
    movw $0xe801, %ax
    stc
    int $0x15
    jc 1f
    cmpw $0x3c00, %cx
1:  sete %cs:right
    jmp back
look_for_key:
    movb $0x01, %ah
    clc
    int $0x16
    sete %cs:right
    jmp back
pci_bios:
    movw $0xb101, %ax
    stc
    int $0x1a
    jc 1f
    cmpl $0x20494350, %edx
1:  sete %cs:right
    jmp back

/* The line for the call with the stack at (%bx), service (%si). */
report:
    pushaw
    movw $ok_text, %di
    movw $served_text, %bp
    cmpb $1, right
    je 1f
    movw $refused_text, %bp
    cmpb $1, carry
    jne 2f
    cmpb $0x86, answer
    je 1f
2:  movw $fail_text, %di
1:  call begin_line
    movw %bp, %si
    call say
    popaw
    ret
begin_line:
    pushw %si
    movw %di, %si
    call say
    movw (%bx), %ax
    call say_word
    movw 2(%bx), %ax
    call say_field
    popw %si
    pushw %si
    movw 2(%si), %ax
    call say_field
    popw %si
    ret
served_text:
    .asciz " served\n"
refused_text:
    .asciz " refused\n"

/* The bytes that the call itself uses, which the caller loses. */
save_taken:
    pushaw
    pushw %es
    call taken_place
1:  movb %es:(%di), %al
    movb %al, taken(%bp)
    incw %di
    incw %bp
    loop 1b
    jmp 2f
put_back_taken:
    pushaw
    pushw %es
    call taken_place
1:  movb taken(%bp), %al
    movb %al, %es:(%di)
    incw %di
    incw %bp
    loop 1b
2:  popw %es
    popaw
    ret
taken_place:
    movw (%bx), %es
    movw 2(%bx), %di
    subw $TAKEN, %di
    movw $TAKEN, %cx
    xorw %bp, %bp
    ret

/* ----------------------------------------------------------------- memory */

/* D8000-EFFFF can be written to, as an OS can make it: stacks there work. */
open_memory:
    movl $0x80000000, %eax              /* which host bridge */
    movw $0xcf8, %dx
    outl %eax, %dx
    movw $0xcfc, %dx
    inl %dx, %eax
    movl $0x8000005d, %ebx              /* i440FX: PAM4 to PAM6 */
    cmpl $0x12378086, %eax
    je 1f
    movl $0x80000094, %ebx              /* Q35 */
1:  movw $3, %cx
2:  movl %ebx, %eax
    andb $0xfc, %al
    movw $0xcf8, %dx
    outl %eax, %dx
    movw %bx, %dx
    andw $3, %dx
    orw $0xcfc, %dx
    movb $0x33, %al
    outb %al, %dx
    incl %ebx
    loop 2b
    ret

/* DE000-DFFFF and E4000-EFFFF: segments and paragraphs, one behind the other in
 * the copy. */
areas:
    .word 0xde00, 0x0200, 0xe400, 0x0c00, 0

take_copy:
    pushaw
    movb $0, said
    pushw %ds
    pushw %es
    movw $COPY, %dx
    movw $areas, %bx
1:  movw %cs:(%bx), %ax
    testw %ax, %ax
    jz 2f
    movw %ax, %ds
    movw %dx, %es
    movw %cs:2(%bx), %cx
    addw %cx, %dx
    shlw $2, %cx
    xorw %si, %si
    xorw %di, %di
    rep movsl
    addw $4, %bx
    jmp 1b
2:  popw %es
    popw %ds
    popaw
    ret

/* Call (compared) for each dword that differs from the copy. */
compare:
    pushaw
    pushw %ds
    pushw %es
    movw $COPY, %dx
    movw $areas, %bp
1:  movw %cs:(%bp), %ax
    testw %ax, %ax
    jz 2f
    movw %ax, %es
    movw %dx, %ds
    movw %cs:2(%bp), %cx
    addw %cx, %dx
    shlw $2, %cx
    xorw %si, %si
    xorw %di, %di
3:  repe cmpsl
    je 4f
    call *%cs:compared
    testw %cx, %cx
    jnz 3b
4:  addw $4, %bp
    jmp 1b
2:  popw %es
    popw %ds
    popaw
    ret
compared:
    .word mark

/* At %es:-4(%di) is a dword that services change: from here on it may. */
mark:
    pushaw
    pushw %ds
    movw $MASK, %ax
    movw %ax, %ds
    movw %es, %ax
    cmpw $VARIABLES, %ax
    jne 1f
    movl $1, -4(%di)
1:  popw %ds
    popaw
    ret

/* It changed and may not: a line, for the first of a call. */
differs:
    pushaw
    pushw %ds
    movw $MASK, %ax
    movw %ax, %ds
    movw %es, %ax
    cmpw $VARIABLES, %ax
    jne 1f
    cmpl $1, -4(%di)
    je 2f
1:  pushw $0
    popw %ds
    cmpb $0, said
    jne 2f
    movb $1, said
    subw $4, %di
    movw %di, changed_at
    movw $changed_text, %si
    call say_changed
2:  popw %ds
    popaw
    ret
say_changed:
    call say
    call say_word
    movw changed_at, %ax
    call say_field
    movw $newline, %si
    jmp say
changed_text:
    .asciz "FAIL changed "

/* ------------------------------------------------- while a service waits */

/* INT 1Ch, on the firmware's stack: all above this is in use. */
hook:
    pushaw
    pushw %ds
    pushw %es
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    cld
    cmpw $0, hook_sp
    jne 2f
    movw %sp, hook_sp
    movw %ss, %ax
    cmpw $0xe000, %ax
    CHECK e, "the hook is on the firmware's stack"
    movw $hook_stacks, %bx
1:  cmpw $0, (%bx)
    je 3f
    call hook_services
    addw $4, %bx
    jmp 1b
3:  movw %sp, %ax                       /* as handlers do: on this stack */
    subw $0x80, %ax
    movw %ax, hook_own + 2
    movw $hook_own, %bx
    call hook_services
2:  popw %es
    popw %ds
    popaw
    iretw

hook_stacks:
    .word 0xe000, 0x3ffe
    .word 0xe000, 0x3fd1
    .word 0xe000, 0x3f80
    .word 0xe3f0, 0x00c0
    .word 0xdfff, 0x4008
    .word 0xe000, 0x4000
    .word 0xe000, 0x8000
    .word 0x1000, 0xff00
    .word 0
hook_own:
    .word 0xe000, 0, 0
hook_sp:
    .word 0

/* As all_services, for what is in use of the stack. */
hook_services:
    pushaw
    pushw %es
    movw $hook_calls, %si
1:  movw (%si), %di
    testw %di, %di
    jz 2f
    call save_taken
    pushw %si
    pushw %di
    movw $HOOK_COPY, %ax
    movw %ax, %es
    movw hook_sp, %si
    movw %si, %di
    movw $0x4000, %cx
    subw %si, %cx
    rep movsb %ss:(%si), %es:(%di)
    popw %di
    popw %si
    call on_stack
    call put_back_taken
    call report
    pushw %si
    movw $HOOK_COPY, %ax
    movw %ax, %es
    movw hook_sp, %si
    movw %si, %di
    movw $0x4000, %cx
    subw %si, %cx
    repe cmpsb %es:(%di), %ss:(%si)
    je 3f
    movw %si, changed_at
    movw %ss, %ax
    movw $changed_text, %si
    call say_changed
3:  popw %si
    addw $4, %si
    jmp 1b
2:  popw %es
    popaw
    ret
hook_calls:
    .word look_for_key, 0x16
    .word memory_size, 0x15
    .word pci_bios, 0x1a
    .word 0

own_ss:
    .word 0
own_sp:
    .word 0
changed_at:
    .word 0
said:
    .byte 0
carry:
    .byte 0
right:
    .byte 0
answer:
    .byte 0
taken:
    .fill TAKEN, 1, 0

    END_OF_PROGRAM
