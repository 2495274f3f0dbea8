/* SPDX-License-Identifier: MIT */
/*
 * What the ROM of IBM's AT has at addresses that became known: entries of the
 * services, tables, a font.  Programs of that time use them without asking.
 * keelbios.lds.S places each section .ibm.ADDRESS there.
 *
 * The vectors point to the entries themselves, as if these here were not
 * there: a jump less for each interrupt.  So whatever works there works here,
 * also in virtual-8086 mode.
 *
 * IBM Personal Computer AT Technical Reference, "ROM BIOS"; BIOS Interface
 * Technical Reference, INT 05h, 1Dh, 1Eh.
 */
    .code16

.macro AT address:req, to:req
    .section .ibm.\address, "ax", @progbits
    jmp \to
.endm

    AT e05b, reset_soft             /* the power-on self-test: a real reset */
    AT e2c3, entry_iret             /* NMI */
    AT e3fe, entry_13
    AT e6f2, entry_19
    AT e739, entry_14
    AT e82e, entry_16
    AT e987, entry_09
    AT ec59, entry_13               /* floppy disks, INT 40h */
    AT ef57, entry_irq1             /* IRQ 6, of the floppy controller */
    AT efd2, entry_17
    AT f065, entry_10
    AT f841, entry_12
    AT f84d, entry_11
    AT f859, entry_15
    AT fe6e, entry_1a
    AT fea5, entry_08

    .section .ibm.ff53, "ax", @progbits
    iretw

/*
 * How a 1.44 MB drive is stepped and timed: boot sectors copy this from where
 * vector 1Eh points, change a byte and point the vector to the copy.
 */
    .section .ibm.efc7, "a", @progbits
    .globl diskette_parameters
diskette_parameters:
    .byte 0xaf, 0x02    /* step rate 6 ms, head unload 240 ms, load 4 ms, DMA */
    .byte 0x25          /* ticks until the motor is switched off: 2 s */
    .byte 0x02          /* 512 bytes in a sector */
    .byte 0x12          /* 18 sectors on a track */
    .byte 0x1b, 0xff    /* gap, data length */
    .byte 0x6c, 0xf6    /* gap and filler when formatting */
    .byte 0x0f, 0x08    /* head settles in 15 ms, motor starts in 1 s */

/*
 * Vector 1Dh: registers 0-15 of a 6845 for 40 and for 80 columns, graphics, and
 * a monochrome display; then, of modes 0-7 by twos, bytes of a screen, and of
 * each the columns and what goes into port 3D8h.
 */
    .section .ibm.f0a4, "a", @progbits
    .globl video_parameters
video_parameters:
    .byte 0x38, 0x28, 0x2d, 0x0a, 0x1f, 0x06, 0x19, 0x1c
    .byte 0x02, 0x07, 0x06, 0x07, 0, 0, 0, 0
    .byte 0x71, 0x50, 0x5a, 0x0a, 0x1f, 0x06, 0x19, 0x1c
    .byte 0x02, 0x07, 0x06, 0x07, 0, 0, 0, 0
    .byte 0x38, 0x28, 0x2d, 0x0a, 0x7f, 0x06, 0x64, 0x70
    .byte 0x02, 0x01, 0x06, 0x07, 0, 0, 0, 0
    .byte 0x61, 0x50, 0x52, 0x0f, 0x19, 0x06, 0x19, 0x19
    .byte 0x02, 0x0d, 0x0b, 0x0c, 0, 0, 0, 0
    .word 0x0800, 0x1000, 0x4000, 0x4000
    .byte 40, 40, 80, 80, 40, 40, 80, 80
    .byte 0x2c, 0x28, 0x2d, 0x29, 0x2a, 0x2e, 0x1e, 0x29

    .section .ibm.fa6e, "a", @progbits
    .globl font_8x8
font_8x8:
#include "generated/font8x8.h"

/*
 * INT 05h: the screen's text goes to the first printer.  40:100 says how it
 * goes: 0 well, 1 is being printed, FFh not.
 * Real or virtual-8086 mode, interrupts on; no register changes.
 */
#define BDA_LPT1        0x08
#define BDA_LAST_ROW    0x84
#define BDA_PRINTING    0x100
#define PRINTER_ERRORS  0x29        /* paper, input/output, time-out */

    .section .ibm.ff54, "ax", @progbits
    .globl entry_05
entry_05:
    jmp print_screen

    .section .fixed16, "ax", @progbits
print_screen:
    pushw %ds
    pushaw
    movw $0x40, %ax
    movw %ax, %ds
    cmpb $1, BDA_PRINTING
    je 4f
    movb $1, BDA_PRINTING
    sti
    cld
    movb $0x0f, %ah
    int $0x10                       /* AH: columns; BH: page */
    movb %ah, %cl
    movb BDA_LAST_ROW, %ch
    testb %ch, %ch
    jnz 1f
    movb $24, %ch
1:  pushw %cx
    movb $3, %ah
    int $0x10                       /* DX: the cursor */
    popw %cx
    pushw %dx
    xorw %dx, %dx
    call print_line_end
    jnz 3f
1:  movb $2, %ah
    int $0x10
    movb $8, %ah
    int $0x10
    testb %al, %al
    jnz 2f
    movb $' ', %al
2:  call print_character
    jnz 3f
    incw %dx
    cmpb %cl, %dl
    jb 1b
    call print_line_end
    jnz 3f
    movb $0, %dl
    incb %dh
    cmpb %ch, %dh
    jbe 1b
    cmpw %ax, %ax                   /* ZF: no error */
3:  popw %dx
    pushfw
    movb $2, %ah
    int $0x10
    popfw
    setnz %al
    negb %al
    movb %al, BDA_PRINTING
4:  popaw
    popw %ds
    iretw

/* CR and LF, or AL.  out: ZF: printed.  AX is lost. */
print_line_end:
    movb $'\r', %al
    call print_character
    jnz 1f
    movb $'\n', %al
print_character:
    cmpw $0, BDA_LPT1
    je 2f
    pushw %dx
    movb $0, %ah
    xorw %dx, %dx
    int $0x17
    popw %dx
    testb $PRINTER_ERRORS, %ah
1:  ret
2:  testb $1, BDA_PRINTING          /* NZ */
    ret
