/* SPDX-License-Identifier: MIT */
/*
 * What the real-mode test programs share: they are started as boot sectors,
 * load the rest of themselves, and report on port 402h, one line for each
 * check: "ok NAME" or "FAIL NAME AX BX CX DX FLAGS".  The last
 * line is "done"; then QEMU is ended through isa-debug-exit at port 501h.
 *
 * A program includes this file first, has its code behind it from label
 * main on, and ends with END_OF_PROGRAM.
 */
#define PORT_DEBUG  0x402
#define PORT_EXIT   0x501

    .code16
    .text
    .globl _start
_start:
    ljmp $0, $1f
1:  cli
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movw $0x7c00, %sp
    sti
    cld
    movb %dl, boot_drive
    cmpl $0x4c45454b, last_word         /* loaded as a whole already? */
    je main
    movw $0x4200, %ax
    movw $packet, %si
    testb $0x80, %dl
    jnz 1f
    movw $0x0200 + (program_end - _start + 511) / 512 - 1, %ax
    movw $0x0002, %cx                   /* floppies: behind the first sector */
    movb $0, %dh
    movw $0x7e00, %bx
1:  int $0x13
    jnc main
    movw $no_rest, %si
    call say
    jmp finish

boot_drive:
    .byte 0
no_rest:
    .asciz "FAIL load\n"
    .balign 4
packet:
    .byte 16, 0
    .word (program_end - _start + 511) / 512 - 1
    .word 0x7e00, 0
    .long 1, 0

/* Write the string at %si. */
say:
    pushaw
    movw $PORT_DEBUG, %dx
1:  lodsb
    testb %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  popaw
    ret

/* Write %al, %ax in hexadecimal. */
say_byte:
    pushaw
    movw $PORT_DEBUG, %dx
    movb %al, %bl
    shrb $4, %al
    call 1f
    movb %bl, %al
    andb $15, %al
    call 1f
    popaw
    ret
1:  cmpb $10, %al
    jb 2f
    addb $7, %al
2:  addb $0x30, %al
    outb %al, %dx
    ret
say_word:
    pushw %ax
    movb %ah, %al
    call say_byte
    popw %ax
    jmp say_byte

/* A space and %ax. */
say_field:
    pushw %si
    movw $space, %si
    call say
    popw %si
    jmp say_word
space:
    .asciz " "

finish:
    movw $done_text, %si
    call say
    movw $PORT_EXIT, %dx
    movb $0, %al
    outb %al, %dx
1:  cli
    hlt
    jmp 1b
done_text:
    .asciz "done\n"

    .org 510
    .word 0xaa55

ok_text:
    .asciz "ok "
fail_text:
    .asciz "FAIL "
newline:
    .asciz "\n"

/* Behind the call: the check's name, NUL, code.  All registers stay. */
check_ok:
    pushfw
    pushaw
    movw $ok_text, %si
    jmp 1f
check_fail:
    pushfw
    pushaw
    movw $fail_text, %si
    movb $1, failed
1:  call say
    movw %sp, %bp
    movw 18(%bp), %si                   /* the name */
    call say
2:  lodsb
    testb %al, %al
    jnz 2b
    movw %si, 18(%bp)
    cmpb $0, failed
    je 3f
    movb $0, failed
    movw 14(%bp), %ax
    call say_field
    movw 8(%bp), %ax
    call say_field
    movw 12(%bp), %ax
    call say_field
    movw 10(%bp), %ax
    call say_field
    movw 16(%bp), %ax
    call say_field
3:  movw $newline, %si
    call say
    popaw
    popfw
    ret
failed:
    .byte 0

/* The condition code must hold now.  Registers and flags stay. */
.macro CHECK cc, name
    j\cc 771f
    call check_fail
    .asciz "\name"
    jmp 772f
771:
    call check_ok
    .asciz "\name"
772:
.endm

/* Register or memory equals value; flags stay. */
.macro CHECK_EQ value, what, name
    pushfw
    cmpw $\value, \what
    CHECK e, "\name"
    popfw
.endm

.macro END_OF_PROGRAM
    .balign 4
last_word:
    .long 0x4c45454b
program_end:
    .balign 512
.endm
