/* SPDX-License-Identifier: MIT */
/*
 * Boot sector of the test programs in C (int13.c, int1a.c): loads the rest of
 * the program from wherever it was booted, enters program_main(), and calls
 * interrupts for it.
 *
 * Disk (DL 80h and up): LBA 1 on, by AH=42h.  Floppy (DL 00h): by AH=02h, the
 * rest of track 0 and the first sectors of head 1.  CD (DL E0h and up): the
 * whole boot image is in memory already.
 */
#ifndef SECTORS
#define SECTORS     35              /* behind this one; 35 is what a floppy's */
#endif                              /* first cylinder has */
#define FLOPPY_SPT  18

#include "ports.h"
#include "start.h"
    sti
    cld
    movb %dl, boot_drive
    testb $0x80, %dl
    jz floppy
    cmpb $0xe0, %dl
    jae go
    movb $0x42, %ah
    movw $packet, %si
    int $0x13
    jc load_failed
    jmp go
floppy:
    movw $0x0200 + FLOPPY_SPT - 1, %ax
    movw $0x7e00, %bx
    movw $2, %cx
    xorb %dh, %dh
    int $0x13
    jc load_failed
    movw $0x0200 + SECTORS - (FLOPPY_SPT - 1), %ax
    movw $0x7e00 + (FLOPPY_SPT - 1) * 512, %bx
    movw $1, %cx
    movb $1, %dh
    int $0x13
    jc load_failed
go: movzbl boot_drive, %eax
    calll program_main
load_failed:
    movw $PORT_DEBUG, %dx
    movw $text, %si
1:  lodsb
    outb %al, %dx
    testb %al, %al
    jnz 1b
2:  hlt
    jmp 2b
text:
    .asciz "FAIL load\n"
packet:
    .byte 16, 0
    .word SECTORS, 0x7e00, 0
    .long 1, 0
boot_drive:
    .byte 0

    /* A partition, so that hard disk emulation sees heads and sectors. */
    .org 446
    .byte 0x80, 1, 1, 0, 0x0c, 15, 63, 100
    .long 63, 100000
    .org 510
    .word 0xaa55

/*
 * interrupt: the software interrupt %eax with the registers of the structure
 * at %edx (see int13.c), which then holds those that came back.
 */
    .globl interrupt
interrupt:
    pushal
    movb %al, 1f
    movl %edx, registers
    movl %edx, %edi
    movw 0(%edi), %ax
    movw %ax, caller_ds
    movw 2(%edi), %es
    movl 4(%edi), %eax
    movl 8(%edi), %ebx
    movl 12(%edi), %ecx
    movl 16(%edi), %edx
    movl 20(%edi), %esi
    movl 24(%edi), %edi
    movw caller_ds, %ds
    .byte 0xcd
1:  .byte 0
    pushfl
    pushw %ds
    pushl %edi
    xorw %di, %di
    movw %di, %ds
    movl registers, %edi
    movl %eax, 4(%edi)
    movl %ebx, 8(%edi)
    movl %ecx, 12(%edi)
    movl %edx, 16(%edi)
    movl %esi, 20(%edi)
    movw %es, 2(%edi)
    popl %eax
    movl %eax, 24(%edi)
    popw %ax
    movw %ax, 0(%edi)
    popl %eax
    movl %eax, 28(%edi)
    xorw %ax, %ax
    movw %ax, %es
    cld
    popal
    retl
registers:
    .long 0
caller_ds:
    .word 0
