/* SPDX-License-Identifier: MIT */
/*
 * Says INT 15h AX=EC00h with headers of the Linux boot protocol beside it
 * that lie, and then with a good one, twice.  tests/boot/test_handover.py
 * runs it and reads the event log from memory.
 */
#include "rm.h"

#define SEGMENT     0x2000              /* of the header */
#define CMDLINE     0x30000
#define ENDLESS     0x40000             /* 128 KiB without a NUL */

main:
    movw $CMDLINE >> 4, %ax
    movw %ax, %es
    movw $cmdline, %si
    xorw %di, %di
    movw $cmdline_end - cmdline, %cx
    rep movsb

    movw $ENDLESS >> 4, %ax
    call fill
    movw $(ENDLESS + 0x10000) >> 4, %ax
    call fill
    movw $lies, %bx
1:  call header
    movw (%bx), %di                     /* offset, value */
    movl 2(%bx), %eax
    movl %eax, %es:(%di)
    call announce
    addw $6, %bx
    cmpw $lies_end, %bx
    jb 1b

    /* Segments that are no RAM, or half of it. */
    movw $segments, %bx
2:  movw (%bx), %ds
    call announce_ds
    addw $2, %bx
    cmpw $segments_end, %bx
    jb 2b

    call header                         /* as long as the header allows */
    movl $ENDLESS, %es:0x228
    call announce
    call header                         /* which may be anything */
    movl $ENDLESS + 1, %es:0x228
    movl $0xffffffff, %es:0x238
    call announce

    call header
    call announce
    call announce
    jmp finish

/* 64 KiB of letters at segment %ax. */
fill:
    movw %ax, %es
    xorw %di, %di
    movw $0x8000, %cx
    movw $0x4141, %ax
    rep stosw
    ret

/* A good header at SEGMENT. */
header:
    pushw %bx
    movw $SEGMENT, %ax
    movw %ax, %es
    xorw %di, %di
    xorw %ax, %ax
    movw $0x400, %cx
    rep stosw
    movw $0xaa55, %es:0x1fe
    movl $0x53726448, %es:0x202
    movw $0x020f, %es:0x206
    movb $0x01, %es:0x211
    movl $0x10, %es:0x1f4               /* 256 bytes */
    movl $0x600000, %es:0x214
    movl $0x700000, %es:0x218
    movl $0x1001, %es:0x21c
    movl $CMDLINE, %es:0x228
    movl $0x7ff, %es:0x238
    popw %bx
    ret

announce:
    movw $SEGMENT, %ax
    movw %ax, %ds
announce_ds:
    pushw %bx
    movl $0x1234ec00, %eax
    movl $2, %ebx
    stc
    int $0x15
    pushw $0
    popw %ds
    jc 1f
    cmpl $0x12340000, %eax
1:  popw %bx
    CHECK e, "EC00"
    ret

cmdline:
    .asciz "root=/dev/keel quiet"
cmdline_end:

.macro LIE at, value
    .word \at
    .long \value
.endm
    .balign 2
lies:
    LIE 0x202, 0                        /* no magic */
    LIE 0x1fe, 0
    LIE 0x206, 0x0100                   /* old protocols */
    LIE 0x206, 0x0201
    LIE 0x1f4, 0                        /* no size: all of the address space */
    LIE 0x1f4, 0xffffffff
    LIE 0x1f4, 0x0fffffff
    LIE 0x214, 0xfed40000               /* the TPM's registers */
    LIE 0x214, 0xfffffff0
    LIE 0x214, 0xe0000
    LIE 0x214, 0xfffff00
    LIE 0x214, 0x20000000               /* behind RAM */
    LIE 0x214, 0                        /* over the vectors: RAM, too */
    LIE 0x218, 0xfffff000
    LIE 0x218, 0xffffffff
    LIE 0x218, 0xfee00000
    LIE 0x218, 0xb8000
    LIE 0x21c, 0xffffffff
    LIE 0x21c, 0x80000000
    LIE 0x21c, 0xff900000               /* ends at 4 GiB, where all wraps */
    LIE 0x21c, 0xff900001
    LIE 0x228, 0xffffffff
    LIE 0x228, 0xfed40000
    LIE 0x228, 0xa0000
    LIE 0x228, 0xfffff
    LIE 0x228, 0x9fbff                  /* last byte of low RAM */
    LIE 0x238, 0xffffffff
    LIE 0x238, 0
lies_end:
segments:
    .word 0xffff, 0xf000, 0xe000, 0xa000, 0x9fb0, 0xfff0
segments_end:

    END_OF_PROGRAM
