/* SPDX-License-Identifier: MIT */
/*
 * What a boot loader takes for a Linux kernel (boot protocol 2.09): says INT
 * 15h AX=EC00h as Linux does, reads PCR 0-9 of every bank with INT 1Ah
 * AX=BB02h, writes the TPM's answers to port 403h one after another and "kernel
 * done" to port 402h.  The 32-bit part, which GRUB's linux command enters, says
 * "kernel done" only.
 * tests/boot/kernels.py builds it.
 */
#define SETUP_SECTORS   3
#define PAYLOAD         0x10000
#define IN              0x4000          /* parameter blocks, in the segment */
#define OUT             0x5000
#define OUT_LEN         0x400
#define STACK           0x8ff0

    .code16
    .text
    .globl _start
_start:
    .org 0x1f1
    .byte SETUP_SECTORS
    .org 0x1f4
    .long PAYLOAD / 16
    .org 0x1fe
    .word 0xaa55
    jmp entry                           /* CS is 20h paragraphs further on */
    .ascii "HdrS"
    .word 0x0209
    .org 0x211
    .byte 0x01                          /* loaded high */
    .org 0x214
    .long 0x100000
    .org 0x22c
    .long 0x7fffffff                    /* highest address of an initrd */
    .org 0x238
    .long 0x7ff                         /* longest command line */

    .org 0x268
entry:
    pushw %ds                           /* the setup segment */
    pushw $main
    lretw
main:
    cli
    movw %ds, %ax
    movw %ax, %es
    movw %ax, %ss
    movw $STACK, %sp
    sti
    cld
    movl $0xec00, %eax
    movl $2, %ebx
    int $0x15

    movw $commands, %si
1:  movw (%si), %cx                     /* length; 0 ends the list */
    addw $2, %si
    jcxz done
    movw $IN, %di
    leaw 8(,%ecx), %ax
    stosw
    xorw %ax, %ax
    stosw
    movw $OUT_LEN, %ax
    stosw
    xorw %ax, %ax
    stosw
    rep movsb
    pushw %si
    movw $OUT_LEN, OUT
    movw $0, OUT + 2
    movw $IN, %di
    movw $OUT, %si
    movl $0xbb02, %eax
    movl $0x41504354, %ebx
    xorl %ecx, %ecx
    xorl %edx, %edx
    int $0x1a
    popw %bx
    testl %eax, %eax
    jnz 2f
    movw OUT, %cx
    subw $4, %cx
    movw $OUT + 4, %si
    movw $0x403, %dx
    rep outsb
2:  movw %bx, %si
    jmp 1b

done:
    movw $text, %si
    movw $text_end - text, %cx
    movw $0x402, %dx
    rep outsb
3:  cli
    hlt
    jmp 3b

text:
    .ascii "kernel done\n"
text_end:

.macro BE32 value
    .byte (\value) >> 24, (\value) >> 16 & 255, (\value) >> 8 & 255
    .byte (\value) & 255
.endm
/* TPM2_PCR_Read of the PCRs in three bytes of selection. */
.macro READ20 alg, b0, b1
    .word 20
    .byte 0x80, 0x01
    BE32 20
    BE32 0x17e
    BE32 1
    .byte 0, \alg, 3, \b0, \b1, 0
.endm
/* TPM_PcrRead */
.macro READ12 pcr
    .word 14
    .byte 0x00, 0xc1
    BE32 14
    BE32 0x15
    BE32 \pcr
.endm
commands:
    .irp alg, 0x04, 0x0b, 0x0c, 0x0d
    READ20 \alg, 0xff, 0x00
    READ20 \alg, 0x00, 0x03
    .endr
    .irp pcr, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
    READ12 \pcr
    .endr
    .word 0

    .org (SETUP_SECTORS + 1) * 512
    .code32
payload:                                /* flat, wherever a loader put it */
    cld
    call 4f
4:  popl %esi
    addl $payload_text - 4b, %esi
    movl $payload_text_end - payload_text, %ecx
    movw $0x402, %dx
    rep outsb
5:  cli
    hlt
    jmp 5b
payload_text:
    .ascii "kernel done\n"
payload_text_end:
    .org (SETUP_SECTORS + 1) * 512 + 64
    .rept PAYLOAD / 16 - 4
    .ascii "protected mode\r\n"
    .endr
    .ascii "a signature behind it"
