/* SPDX-License-Identifier: MIT */
/*
 * Two pieces of 16-bit code in segment F000 that boot.c and pnp_post.c point
 * others to.  entry.S has all other code of this kind.
 */
    .section .fixed16, "ax", @progbits

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
