/* SPDX-License-Identifier: MIT */
/*
 * Programs in front of INT 09h and INT 74h: they look at port 60h and go on to
 * the BIOS, which then finds that no byte waits, but still has one to read.
 * Bytes are put into the 8042's output buffer one by one (D2h, D3h), as real
 * devices send them.  At the end says "ready", then for each key one line
 * "key AAAA", until Ctrl-D.  tests/boot/test_services.py runs it.
 */
#include "rm.h"

#define TO_KEYBOARD 0xd2
#define TO_MOUSE    0xd3
#define REFUSED_SP  0x0200              /* in E000: no room for a service */

main:
    cli
    movl 0x09 * 4, %eax
    movl %eax, old_09
    movl 0x74 * 4, %eax
    movl %eax, old_74
    movl 0x15 * 4, %eax
    movl %eax, old_15
    sti

    movw $look_09, 0x09 * 4
    movw $0, 0x09 * 4 + 2
    movw $0x9e1e, %ax
    call type
    CHECK_EQ 0x1e61, %ax, "a key that was looked at"
    movb $0xe0, %al
    call send
    movb $0x48, %al
    call send
    movw $0xc8e0, %ax
    call type
    CHECK_EQ 0x48e0, %ax, "a key with a prefix"
    call no_key
    CHECK e, "nothing comes twice"
    cmpb $6, looked
    CHECK e, "every byte came by the hook"

    /* The BIOS first, then a look. */
    movw $look_after, 0x09 * 4
    movw $0x9e1e, %ax
    call type
    CHECK_EQ 0x1e61, %ax, "looked at afterwards"
    cmpb $0x9e, seen
    CHECK e, "the hook sees the byte, too"
    movw $look_09, 0x09 * 4

    /* INT 15h AH=4Fh */
    movw $change_15, 0x15 * 4
    movw $0, 0x15 * 4 + 2
    movw $0x9e1e, %ax
    call type
    CHECK_EQ 0x3062, %ax, "INT 15h AH=4Fh changes a key"
    movw $0xa020, %ax                   /* D */
    call type
    cmpw $0, %ax
    CHECK e, "and swallows one"

    /* Lights: the keyboard's answers are no keys. */
    movb $0, answers
    orb $0x40, 0x417
    movb $1, %ah
    int $0x16
    andb $0xbf, 0x417
    movb $1, %ah
    int $0x16
    cmpb $0, answers
    CHECK e, "answers to the BIOS stay with it"
    call no_key
    CHECK e, "and are no keys"
    movl old_15, %eax
    movl %eax, 0x15 * 4

    /* A byte that two reads took, the second being meant for the next: its
     * interrupt brings nothing. */
    cli
    movw $look_later, 0x09 * 4
    movb $TO_KEYBOARD, %ah
    movb $0x1e, %al
    call inject
    sti
    call wait_tick
    cli
    movw $look_09, 0x09 * 4
    sti
    movb $0, %ah
    int $0x16
    CHECK_EQ 0x3062, %ax, "the second of two bytes, once"
    call no_key
    CHECK e, "and not again"

    /* The mouse */
    movw $0xc205, %ax
    movb $3, %bh
    int $0x15
    CHECK nc, "a mouse"
    movw $0xc207, %ax
    movw $packet_come, %bx
    int $0x15
    movw $0xc200, %ax
    movb $1, %bh
    int $0x15
    CHECK nc, "is on"
    cli
    movw $look_74, 0x74 * 4
    movw $0, 0x74 * 4 + 2
    sti
    call move_mouse
    CHECK_EQ 1, packets, "a packet that was looked at"
    CHECK_EQ 0x28, status, "its status"
    CHECK_EQ 0x05, x, "its first byte"
    CHECK_EQ 0xfd, y, "its second byte"

    /* Each leaves the other's byte alone. */
    cli
    movl old_09, %eax
    movl %eax, 0x09 * 4
    movl old_74, %eax
    movl %eax, 0x74 * 4
    movb $TO_MOUSE, %ah
    movb $0x28, %al
    call inject
    int $0x09
    call waits
    cmpb $0x21, %al
    CHECK e, "INT 09h leaves the mouse's byte"
    movw $0x09, %bx
    call refused
    cmpb $0x21, %al
    CHECK e, "refused, it does so, too"
    movw $0x74, %bx
    call refused
    cmpb $0, %al
    CHECK e, "INT 74h, refused, takes it"
    movb $TO_KEYBOARD, %ah
    movb $0x1e, %al
    call inject
    int $0x74
    call waits
    cmpb $0x01, %al
    CHECK e, "INT 74h leaves the keyboard's byte"
    movw $0x74, %bx
    call refused
    cmpb $0x01, %al
    CHECK e, "refused, it does so, too: 74h"
    movw $0x09, %bx
    call refused
    cmpb $0, %al
    CHECK e, "INT 09h, refused, takes it"
    movw $0xc200, %ax
    movb $0, %bh
    int $0x15
    sti
    call wait_tick
1:  movb $0x11, %ah                     /* what the above has left */
    int $0x16
    jz 2f
    movb $0x10, %ah
    int $0x16
    jmp 1b

    /* Keys from outside, where several bytes come at once. */
2:  cli
    movw $look_09, 0x09 * 4
    movw $0, 0x09 * 4 + 2
    sti
    movw $ready, %si
    call say
1:  movb $0x10, %ah
    int $0x16
    movw %ax, %bx
    movw $key, %si
    call say
    call say_word
    movw $newline, %si
    call say
    cmpw $0x2004, %bx
    jne 1b
    cli
    movl old_09, %eax
    movl %eax, 0x09 * 4
    jmp finish

/* ------------------------------------------------------------------ hooks */

look_09:
    pushw %ax
    inb $0x60, %al
    movb %al, seen
    incb looked
    popw %ax
    ljmp *old_09

look_after:
    pushfw
    lcall *old_09
    pushw %ax
    inb $0x60, %al
    movb %al, seen
    popw %ax
    iretw

/* Puts another byte behind the one that it has looked at, as if it had come in
 * between; once. */
look_later:
    pushw %ax
    inb $0x60, %al
    movw $look_09, 0x09 * 4
    movb $TO_KEYBOARD, %ah
    movb $0x30, %al
    call inject
    popw %ax
    ljmp *old_09

look_74:
    pushw %ax
    inb $0x60, %al
    popw %ax
    ljmp *old_74

/* A becomes B, D is swallowed. */
change_15:
    cmpb $0x4f, %ah
    jne 3f
    cmpb $0xf0, %al
    jb 1f
    cmpb $0xff, %al
    je 1f
    incb answers
1:  cmpb $0x20, %al
    je 2f
    cmpb $0x1e, %al
    jne 3f
    movb $0x30, %al
    jmp 3f
2:  pushw %bp
    movw %sp, %bp
    andw $0xfffe, 6(%bp)
    popw %bp
    iretw
3:  ljmp *old_15

/* Above the far return address: 0, Y, X, status. */
packet_come:
    pushw %bp
    movw %sp, %bp
    pushw %ds
    pushw %ax
    xorw %ax, %ax
    movw %ax, %ds
    incw packets
    movw 12(%bp), %ax
    movw %ax, status
    movw 10(%bp), %ax
    movw %ax, x
    movw 8(%bp), %ax
    movw %ax, y
    popw %ax
    popw %ds
    popw %bp
    lret

/* ------------------------------------------------------------------ tools */

/* Into the output buffer: AL, by the controller's command AH, when no other
 * byte waits and the controller listens. */
inject:
    pushw %cx
    pushw %ax
    movw $0xffff, %cx
1:  inb $0x64, %al
    testb $3, %al
    loopnz 1b
    movb %ah, %al
    outb %al, $0x64
1:  inb $0x64, %al
    testb $2, %al
    loopnz 1b
    popw %ax
    outb %al, $0x60
    popw %cx
    ret

/* AL, then AH, as the keyboard's bytes; AX: the key, or 0. */
type:
    movw %ax, pair
    movb pair, %al
    call send
    movb pair + 1, %al
    call send
    movb $0x11, %ah
    int $0x16
    movw $0, %ax
    jz 2f
    movb $0x10, %ah
    int $0x16
2:  ret

/* AL as the keyboard's byte. */
send:
    pushw %ax
    movb $TO_KEYBOARD, %ah
    call inject
    popw %ax
    jmp wait_tick

wait_tick:
    pushw %ax
    sti
    movw 0x46c, %ax
1:  hlt
    cmpw 0x46c, %ax
    je 1b
    popw %ax
    ret

no_key:
    movb $0x11, %ah
    int $0x16
    ret

move_mouse:
    movw $0x0528, %ax
    pushw %ax
    call 1f
    popw %ax
    movb %ah, %al
    call 1f
    movb $0xfd, %al
1:  movb $TO_MOUSE, %ah
    call inject
    jmp wait_tick

/* What waits: 01h a byte, 21h the mouse's, 0 none.  */
waits:
    inb $0x64, %al
    andb $0x21, %al
    ret

/* Interrupt BL on a stack where it is refused; then as waits. */
refused:
    movb %bl, 1f
    movw %sp, own_sp
    movw $0xe000, %ax
    movw %ax, %ss
    movw $REFUSED_SP, %sp
    .byte 0xcd
1:  .byte 0
    xorw %ax, %ax
    movw %ax, %ss
    movw own_sp, %sp
    jmp waits

    .balign 4
old_09:
    .long 0
old_74:
    .long 0
old_15:
    .long 0
pair:
    .word 0
own_sp:
    .word 0
packets:
    .word 0
status:
    .word 0
x:  .word 0
y:  .word 0
looked:
    .byte 0
seen:
    .byte 0
answers:
    .byte 0
ready:
    .asciz "ready\n"
key:
    .asciz "key "

    END_OF_PROGRAM
