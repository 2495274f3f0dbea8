/* SPDX-License-Identifier: MIT */
/*
 * Of cpustate.S: the hooks.  What comes while a service waits finds the limits,
 * DR7, GDTR and IDTR of the service's caller, and may leave other limits and
 * another GDTR behind: the caller does not get those.
 */

/* What a hook looks at: the fields from F_DR7 to the limits, and ESP. */
#define HOOK_FIELDS (F_XCR0 - F_HOOK)
#define IN_HOOK(n)  (FOUND + 4 * ((n) - F_DR7))

/* WANT is what was found without a call: hooks are to find the same. */
hooks_find_it:
    movw $WANT + 4 * F_DR7, %si
    movw $WANT + 4 * F_HOOK, %di
    movw $HOOK_FIELDS, %cx
    rep movsl
    movw $WANT + 4 * F_DR7, %si
    movw $F(F_HOOK), %di
    movw $HOOK_FIELDS, %cx
    rep movsl
    xorl %eax, %eax
    movl %eax, WANT + 4 * F_HOOK_ESP
    movl %eax, F(F_HOOK_ESP)
    ret

/* In a hook: note what is not as the caller had it.  Nothing is noted when a
 * hook has just gone that spoiled it: two may come in one go, and each return
 * to the firmware's C loads another GDTR than that.  Any limits; all registers
 * stay.  16 bytes of stack: a hook may be on one with little room. */
look:
    movl %eax, %cs:kept_eax
    movl %ebx, %cs:kept_ebx
    movl %ecx, %cs:kept_ecx
    cmpb $0, %cs:calling
    je 3f
    movl %dr7, %eax
    xorl %cs:change_dr7, %eax
    movl %eax, %cs:IN_HOOK(F_DR7)
    sgdtl %cs:table_register
    movl %cs:table_register + 2, %eax
    cmpl $own_gdt_table, %eax
    je 3f
    movl %eax, %cs:IN_HOOK(F_GDTR)
    movzwl %cs:table_register, %eax
    movl %eax, %cs:IN_HOOK(F_GDTR + 1)
    sidtl %cs:table_register
    movl %cs:table_register + 2, %eax
    movl %eax, %cs:IN_HOOK(F_IDTR)
    movzwl %cs:table_register, %eax
    movl %eax, %cs:IN_HOOK(F_IDTR + 1)
    PROBE cs, IN_HOOK(F_LIMIT_CS)
    PROBE ds, IN_HOOK(F_LIMIT_DS)
    PROBE es, IN_HOOK(30)
    PROBE ss, IN_HOOK(31)
    PROBE fs, IN_HOOK(32)
    PROBE gs, IN_HOOK(33)
    movw $0, %cs:after_fault
    movl %esp, %eax
    shrl $16, %eax
    cmpb $0, %cs:inside
    jne 1f
    xorl %eax, %eax
1:  movl %eax, %cs:FOUND + 4 * (F_HOOK_ESP - F_HOOK)
    movw $4 * (HOOK_FIELDS - 1), %bx
1:  movl %cs:FOUND(%bx), %eax
    cmpl %cs:WANT + 4 * F_HOOK(%bx), %eax
    je 2f
    movl %eax, %cs:F(F_HOOK)(%bx)
2:  subw $4, %bx
    jns 1b
3:  movl %cs:kept_eax, %eax
    movl %cs:kept_ebx, %ebx
    movl %cs:kept_ecx, %ecx
    ret

/* In a hook, of a service that waits: another GDTR, the limits of DS, ES, SS
 * that the caller does not have, A20 closed, more in ESP.  The rest stays. */
spoil:
    cmpb $0, %cs:inside
    je 1f
    pushal
    pushw %ds
    pushw %es
    movw %ss, %dx
    lgdtl %cs:own_gdt
    movw %cs:caller, %bx
    movw %cs:CALLER_BIG(%bx), %cx
    notw %cx
    movl %cr0, %eax
    incw %ax                                /* PE */
    movl %eax, %cr0
    LIMIT ds, BIG_DS
    LIMIT es, BIG_ES
    LIMIT ss, BIG_SS
    movl %cr0, %eax
    decw %ax
    movl %eax, %cr0
    movw %dx, %ss
    inb $0x92, %al
    andb $0xfc, %al
    outb %al, $0x92
    popw %es
    popw %ds
    popal
    orl $0x5a5a0000, %esp
1:  ret

on_tick:
    call look
    call spoil
    movb $1, %cs:seen
    iretw
/* The service of the key is the innermost one while on_system runs; it gives
 * back what it has found. */
on_key:
    call look
    pushfw
    lcall *%cs:old_09
    call look
    call spoil
    call watch
    movb $1, %cs:seen
    iretw
on_system:
    cmpb $0x4f, %ah
    jne 1f
    call look
    call spoil
1:  ljmp *%cs:old_15
on_alarm:
    call look
    movb $1, %cs:seen
    ljmp *%cs:old_70
on_mouse:
    call look
    movb $1, %cs:seen
    ljmp *%cs:old_74
on_watched:
    iretw
/* It comes back with DF, and with interrupts on. */
mouse_handler:
    std
    sti
    lretw

/* --------------------------------------------------------------------- stubs
 * An interrupt comes while the service waits: it could not before.  If it does
 * not, there are more tries. */
.macro INSIDE vec, tries
    movl %eax, %cs:spare
    cli
    movb $0, %cs:seen
    movb $1, %cs:inside
    movw $\tries, %cs:patience
771:
    movl %cs:spare, %eax
    int $0x\vec
    pushfw
    cmpb $0, %cs:seen
    jne came_inside
    decw %cs:patience
    jz missed_inside
    popfw
    jmp 771b
.endm
.macro KEY_INSIDE vec, tries, key:vararg
    movl %eax, %cs:spare
    pushfw
    cli
    SEND_BYTE \key
    popw %cs:kept_flags
    andw $~FLAG_IF, %cs:kept_flags
    pushw %cs:kept_flags
    movl %cs:spare, %eax
    popfw
    INSIDE \vec, \tries
.endm

tick_inside_15:
    INSIDE 15, 20
watch_inside_15:
    movb $1, %cs:watches
key_inside_15:
    KEY_INSIDE 15, 20, KEY_RELEASED
key_inside_16:
    KEY_INSIDE 16, 1, KEY_PRESSED
/* A disk may be quicker than the first look at the clock, as QEMU's are. */
key_inside_13:
    KEY_INSIDE 13, 1, KEY_RELEASED

missed_inside:
#ifndef SLOW_DISK
    cmpw $key_inside_13, %cs:stub
    je came_inside
#endif
    incl %cs:missed
came_inside:
    movb $0, %cs:inside
    cmpb $0, %cs:watches
    je 1f
    call unwatch
1:  testw $FLAG_IF, %cs:in_flags
    jz 1f
    popfw
    sti
    jmp returned
1:  popfw
    jmp returned

/* The hook sets a watchpoint where the service keeps its caller: a debugger is
 * called by a key, too.  It has to be there still, for other hooks and behind
 * the service; what was there before is then put back. */
watch:
    cmpb $0, %cs:watches
    je 1f
    pushl %eax
    movl %dr0, %eax
    movl %eax, %cs:kept_dr0
    movl $STACK_TOP - ENTRY_SIZE + ENTRY_SEL_DS, %eax
    movl %eax, %dr0
    movl %dr7, %eax
    movl %eax, %cs:change_dr7
    orb $3, %al
    movl %eax, %dr7
    xorl %eax, %cs:change_dr7
    popl %eax
1:  ret
unwatch:
    movb $0, %cs:watches
    pushl %eax
    movl %dr7, %eax
    xorl %cs:change_dr7, %eax
    movl %eax, %dr7
    movl $0, %cs:change_dr7
    movl %cs:kept_dr0, %eax
    movl %eax, %dr0
    movl $DR6_LOADED, %eax
    movl %eax, %dr6
    popl %eax
    ret

    .balign 4
kept_eax:
    .long 0
kept_ebx:
    .long 0
kept_ecx:
    .long 0
kept_dr0:
    .long 0
change_dr7:
    .long 0
kept_flags:
    .word 0
inside:
    .byte 0                                 /* hooks are to spoil */
watches:
    .byte 0                                 /* on_key is to watch */
