/* SPDX-License-Identifier: MIT */
/*
 * A network card's ROM of today: a large image for the initialisation, of
 * which little stays.  Built by roms.py, which passes SIZE and RUNTIME (512-byte
 * units), REVISION (of the PCI data structure), VENDOR, DEVICE and FAULT; the
 * checksum of the image is set there.
 *
 * With revision 3, a PCI BIOS of version 3 and a place that is not its own (BX)
 * it copies what stays of it there.  Otherwise it stays where it is and gives
 * the rest back.  What stays hooks INT 13h and has a boot entry that returns.
 */
#define NOTHING     1           /* leaves nothing in its place */
#define GARBAGE     2           /* fills its place with A5h */
#define GROWS       3           /* leaves more than it has said */
#define BAD_SUM     4           /* leaves a wrong checksum */
#define HOOKS       5           /* INT 13h, 19h, 60h lead to where it was */
#define PAST        6           /* writes A5h behind its place; INT 60h there */

#define INIT        0xf000      /* beyond what stays */
#define SUM         6           /* checksum byte of what stays */
#if FAULT == GROWS
#define KEPT        (RUNTIME + 8)
#else
#define KEPT        RUNTIME
#endif

    .code16
    .text
rom:
    .word 0xaa55
    .byte SIZE
    jmp init
    .byte 0
    .org 0x18
    .word pcir, pnp
    .org 0x20
pcir:
    .ascii "PCIR"
    .word VENDOR, DEVICE, 0
#if REVISION >= 3
    .word 0x1c
#else
    .word 0x18
#endif
    .byte REVISION, 0, 0, 2
    .word SIZE, 0
    .byte 0, 0x80
    .word RUNTIME
    .word 0, 0
pnp:
    .ascii "$PnP"
    .byte 1, 2
    .word 0
    .byte 0, 0
    .long 0
    .word 0, name
    .byte 2, 0, 0, 0xf4
    .word 0, 0, bev
    .word 0, 0
name:
    .asciz "Large ROM"
text_bev:
    .asciz "[ROM boot entry]\n"
text_hook:
    .asciz "[ROM hook]\n"
old13:
    .long 0
hook_said:
    .byte 0

#include "say.S"

bev:
    movw $text_bev, %si
    call say
    lretw

int13:                          /* says so at the first call, then passes on */
    pushw %si
    movw $text_hook, %si
    call say
    popw %si
    ljmp *%cs:old13

    .org INIT
text_init:
    .asciz "[ROM init]\n"
text_moves:
    .asciz "[ROM moves]\n"
text_in_place:
    .asciz "[ROM stays]\n"
text_torn:
    .asciz "[ROM TORN]\n"

init:
    pushaw
    pushw %ds
    pushw %es
    cld
    pushw %cs
    popw %ds
    movw $text_init, %si
    call say

    movw %cs, %ax               /* is the end of the image there? */
    addw $(SIZE * 32 - 1), %ax
    movw %ax, %es
    cmpl $0x5453414c, %es:8
    je 1f
    movw $text_torn, %si
    call say
1:
    movw %bx, %bp               /* where it shall stay */
    movw %cs, %di
    movw $text_in_place, %si
#if REVISION >= 3
    movw $0xb101, %ax
    int $0x1a
    jc 2f
    cmpl $0x20494350, %edx
    jne 2f
    cmpb $3, %bh
    jb 2f
    movw %bp, %di
    movw $text_moves, %si
2:
#endif
    call say
    movw %di, %es               /* ES: the segment of what stays */

    pushw %ds                   /* the hook */
    xorw %ax, %ax
    movw %ax, %ds
    movl 0x13 * 4, %eax
    movl %eax, %cs:old13
    movw $int13, 0x13 * 4
    movw %es, 0x13 * 4 + 2
#if FAULT == HOOKS
    movw %cs, 0x13 * 4 + 2
    movw $int13, 0x19 * 4
    movw %cs, 0x19 * 4 + 2
    movw $int13, 0x60 * 4
    movw %cs, 0x60 * 4 + 2
#elif FAULT == PAST
    movw $(RUNTIME * 512 + 0x10), 0x60 * 4
    movw %es, 0x60 * 4 + 2
#endif
    popw %ds

    movb $KEPT, 2
    xorw %si, %si
    movw $(KEPT * 512), %cx
    xorb %bl, %bl
3:  lodsb
    addb %al, %bl
    loop 3b
    subb %bl, SUM
#if FAULT == BAD_SUM
    incb SUM
#endif
#if FAULT == GARBAGE
    movb $0xa5, %al
    xorw %di, %di
    movw $(RUNTIME * 512), %cx
    rep stosb
#elif FAULT != NOTHING
    xorw %si, %si
    xorw %di, %di
    movw $(KEPT * 512), %cx
    rep movsb
#endif
#if FAULT == PAST
    movb $0xa5, %al
    movw $0x2000, %cx
    rep stosb
#endif
    popw %es
    popw %ds
    popaw
    movw $0x20, %ax
    lretw

    .org SIZE * 512 - 16, 0x5a
    .long 0x5a5a5a5a, 0x5a5a5a5a
    .ascii "LAST"
    .long 0
