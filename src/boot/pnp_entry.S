/* SPDX-License-Identifier: MIT */
/*
 * Three pieces of 16-bit code in segment F000, for boot.c, pnp_post.c and
 * optionrom_run_post.c.  entry.S has all other code of this kind.
 */
#define ROM_STACK       0x7c00          /* in segment 0, free during POST */

    .section .fixed16, "ax", @progbits

/*
 * Call an option ROM on a large stack in segment 0: ROMs of QEMU's displays
 * use SS as a segment with base 0.
 * Real mode, called far.  in: ECX = segment:offset to call, AX, BX, DX, ES:DI
 * for the ROM.  out: registers as the ROM left them, but for EBP.
 */
    .code16
    .globl option_rom_trampoline
option_rom_trampoline:
    movl %esp, %ebp
    movw %ss, %si
    pushw $0
    popw %ss                        /* no interrupt before the next line */
    movl $ROM_STACK, %esp
    pushw %si
    pushl %ebp
    pushw %cs
    call 1f                         /* pushes where the next line is */
    cli
    popl %ebp
    popw %ss
    movl %ebp, %esp
    lretw
1:  pushl %ecx
    xorl %ecx, %ecx
    xorl %esi, %esi
    xorl %ebp, %ebp
    lretw

/*
 * Call a boot entry so that it may return in any way: far, or like an
 * interrupt handler; then the next boot device has its turn.
 * Real mode.  in: EBX = segment:offset of the entry, other registers as the
 * entry shall see them; interrupts on.  Does not return.
 */
    .code16
    .globl boot_call_vector
boot_call_vector:
    pushfw
    pushw %cs
    call 1f                         /* pushes where the next line is */
    int $0x18
1:  pushl %ebx
    xorl %ebx, %ebx
    lretw

/*
 * The Plug and Play entry for 16-bit protected mode: no function is
 * supported.  in: far call.  out: AX = 82h.  Nothing else is changed.
 */
    .globl pnp_protected_entry
pnp_protected_entry:
    movw $0x82, %ax
    lretw

    .section .note.GNU-stack, "", @progbits
