/* SPDX-License-Identifier: MIT */
/*
 * Option ROMs and boot sectors for the tests: they say on port 402h that they
 * run.  Built by roms.py, which passes KIND, SIZE (512-byte units) and, for
 * PCI, VENDOR and DEVICE; the checksum is set there.  BOOT_FROM and BOOT_BY: the
 * ROM asks for the boot by INT BOOT_BY (18h, 19h), from its initialisation, its
 * BCV, its BEV or a hook of the tick that its BCV has set.
 */
#define FROM_INIT   1
#define FROM_BCV    2
#define FROM_BEV    3
#define FROM_TICK   4
#ifndef BOOT_FROM
#define BOOT_FROM   0
#define BOOT_BY     0
#endif
#define SECTOR      0           /* a boot sector; TAIL: what it ends with */
#define PNP_BEV     1           /* boot entry that returns */
#define PNP_BCV     2           /* adds one to the count of disks */
#define LEGACY      3           /* no PnP header, hooks nothing */
#define LEGACY_19   4           /* no PnP header, hooks INT 19h */
#define PNP_19      5           /* PnP header without entries, hooks INT 19h */
#define PNP_PMM     6           /* uses PMM and PnP services in its init code */
#define PNP_DISK    7           /* BCV: a disk of its own, by hooking INT 13h */

    .code16
    .text
rom:
#if KIND == SECTOR
    xorw %ax, %ax
    movw %ax, %ds
    movw $(text_sector + 0x7c00), %si
    movw $0x402, %dx
1:  lodsb
    testb %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:
#if TAIL == 0x18
    int $0x18
#elif TAIL == 0x19
    int $0x19
#endif
    sti
3:  hlt
    jmp 3b
text_sector:
    .ascii "[sector "
    .ascii NAME
    .asciz "]\n"
    .org 510
    .word MAGIC
#else
    .word 0xaa55
    .byte SIZE
    jmp init
    .org 0x18
    .word pcir
#if KIND == LEGACY || KIND == LEGACY_19
    .word 0
#else
    .word pnp
#endif
    .org 0x20
pcir:
    .ascii "PCIR"
    .word VENDOR, DEVICE
#ifdef LIST
    .word devices - pcir, 0x18
    .byte 3, 0, 0, 2
#else
    .word 0, 0x18
    .byte 0, 0, 0, 2
#endif
    .word SIZE, 0
    .byte CODE_TYPE, INDICATOR
    .word 0
devices:
    .word 0x1111, 0x100e, 0
pnp:
    .ascii "$PnP"
    .byte 1, 2
    .word 0
    .byte 0, 0
    .long 0
    .word 0, name
    .byte 2, 0, 0, 0xf4
#if KIND == PNP_BCV || KIND == PNP_DISK
    .word bcv, 0, 0
#elif KIND == PNP_BEV || KIND == PNP_PMM
    .word 0, 0, bev
#else
    .word 0, 0, 0
#endif
    .word 0, 0
name:
    .asciz "Test ROM"
text_init:
    .asciz "[ROM init]\n"
text_bev:
    .asciz "[ROM boot entry]\n"
text_bcv:
    .asciz "[ROM BCV]\n"
text_19:
    .asciz "[ROM INT 19h]\n"
text_good:
    .asciz "[ROM services good]\n"
text_bad:
    .asciz "[ROM services BAD]\n"

#include "say.S"

init:
    pushaw
    pushw %ds
    pushw %es
    movw $text_init, %si
    call say
#if KIND == LEGACY_19 || KIND == PNP_19
    xorw %ax, %ax
    movw %ax, %ds
    movw $int19, 0x19 * 4
    movw %cs, 0x19 * 4 + 2
#endif
#if KIND == PNP_PMM
    call services
#endif
#if BOOT_FROM == FROM_INIT
    int $BOOT_BY
#endif
    popw %es
    popw %ds
    popaw
    movw $0x20, %ax
    lretw

bev:
    movw $text_bev, %si
    call say
#if BOOT_FROM == FROM_BEV
    int $BOOT_BY
#endif
    lretw

bcv:
    pushaw
    pushw %ds
    movw $text_bcv, %si
    call say
#if BOOT_FROM == FROM_BCV
    int $BOOT_BY
#elif BOOT_FROM == FROM_TICK
    xorw %ax, %ax
    movw %ax, %ds
    movw $tick, 0x1c * 4
    movw %cs, 0x1c * 4 + 2
    sti                                 /* the tick comes here */
1:  hlt
    jmp 1b
tick:
    cmpb $0, %cs:asked
    jne 1f
    incb %cs:asked
    int $BOOT_BY
1:  iretw
asked:
    .byte 0
#endif
    movw $0x40, %ax
    movw %ax, %ds
    incb 0x75
#if KIND == PNP_DISK
    xorw %ax, %ax
    movw %ax, %ds
    movl 0x13 * 4, %eax
    movl %eax, %cs:old13
    movw $int13, 0x13 * 4
    movw %cs, 0x13 * 4 + 2
#endif
    popw %ds
    popaw
    lretw

int19:
    movw $text_19, %si
    call say
    iretw

#if KIND == PNP_DISK
/* The ROM's disk is 80h: whatever is read is the sector below. */
int13:
    cmpb $0x80, %dl
    je 1f
    ljmp *%cs:old13
1:  pushaw
    pushw %ds
    pushw %cs
    popw %ds
    cld
    movw $rom_sector, %si
    movw %bx, %di
    movw $256, %cx
    rep movsw
    popw %ds
    popaw
    xorb %ah, %ah
    lretw $2                            /* as IRET, with CF = 0 (XOR) */
old13:
    .long 0

#define AT(label) ((label) - rom_sector + 0x7c00)
rom_sector:
    xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw $AT(text_own), %si
    call sector_say
    movw $0x0201, %ax                   /* the firmware's disk is 81h now */
    movw $0x7e00, %bx
    movw $1, %cx
    movw $0x81, %dx
    int $0x13
    jc 1f
    cmpw $0xaa55, 0x7ffe
    jne 1f
    movw $AT(text_other), %si
    call sector_say
1:  int $0x18
sector_say:
    movw $0x402, %dx
1:  lodsb
    testb %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  ret
text_own:
    .asciz "[sector of the ROM]\n"
text_other:
    .asciz "[81h is a disk]\n"
    .org rom_sector - rom + 510
    .word 0xaa55
#endif

#if KIND == PNP_PMM
/* PMM and the PnP entry: in ES:DI there is the PnP structure. */
services:
    cmpl $0x506e5024, %es:(%di)         /* "$PnP" */
    jne bad
    pushw $0xf000                       /* unused argument */
    pushw %cs
    pushw $version
    pushw $0x60                         /* BBS version */
    lcall *%es:0xd(%di)
    addw $8, %sp
    testw %ax, %ax
    jnz bad

    movw $0xdfff, %bx                   /* look for "$PMM" */
1:  incw %bx
    jz bad
    movw %bx, %es
    cmpl $0x4d4d5024, %es:0
    jne 1b
    /* 32 paragraphs, conventional; then the same by its handle */
    pushw $1
    pushl $0x12345678
    pushl $0x20
    pushw $0
    lcall *%es:7
    addw $12, %sp
    movw %ax, %si
    movw %dx, %di
    orw %dx, %ax
    jz bad
    cmpw $0x000a, %di                   /* below A0000 */
    jae bad
    pushl $0x12345678
    pushw $1
    lcall *%es:7
    addw $6, %sp
    cmpw %si, %ax
    jne bad
    cmpw %di, %dx
    jne bad
    /* the handle is taken: no second block */
    pushw $1
    pushl $0x12345678
    pushl $0x20
    pushw $0
    lcall *%es:7
    addw $12, %sp
    orw %dx, %ax
    jnz bad
    /* freed once, not twice */
    pushw %di
    pushw %si
    pushw $2
    lcall *%es:7
    addw $6, %sp
    orw %dx, %ax
    jnz bad
    pushw %di
    pushw %si
    pushw $2
    lcall *%es:7
    addw $6, %sp
    orw %dx, %ax
    jz bad
    /* aligned, extended, 256 KiB */
    pushw $6
    pushl $0xffffffff
    pushl $0x4000
    pushw $0
    lcall *%es:7
    addw $12, %sp
    testw %ax, %ax
    jnz bad
    testb $3, %dl
    jnz bad
    cmpw $0x0010, %dx
    jb bad
    /* more than there can be */
    pushw $2
    pushl $0xffffffff
    pushl $0x0fffffff
    pushw $0
    lcall *%es:7
    addw $12, %sp
    orw %dx, %ax
    jnz bad
    /* a function that does not exist */
    pushw $9
    lcall *%es:7
    addw $2, %sp
    andw %dx, %ax
    incw %ax
    jnz bad
    movw $text_good, %si
    jmp say
bad:
    movw $text_bad, %si
    jmp say
version:
    .word 0
#endif
    .org SIZE * 512
#endif
