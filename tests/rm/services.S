/* SPDX-License-Identifier: MIT */
/*
 * The BIOS services but for disks, as a real-mode program sees them.
 * tests/boot/test_services.py runs it.
 *
 * Long because a boot sector's checks are one program.
 */
#include "rm.h"

#define SCRATCH     0xc000              /* free memory in segment 0 */
#define EBDA        0x9fc0

/* Clear the carry flag to see that the service sets it, and so on. */
.macro INT_CLC vec
    clc
    int $\vec
.endm
.macro INT_STC vec
    stc
    int $\vec
.endm

main:
    /* ------------------------------------------------ the data areas */
    CHECK_EQ EBDA, 0x40e, "40:0E EBDA segment"
    CHECK_EQ 0x1e, 0x480, "40:80 keyboard buffer start"
    CHECK_EQ 0x3e, 0x482, "40:82 keyboard buffer end"
    pushw %es
    movw $EBDA, %ax
    movw %ax, %es
    cmpb $1, %es:0
    popw %es
    CHECK e, "EBDA says 1 KiB"

    pushw %ds
    ldsw 0x78, %si
    cmpl $0x022502af, (%si)
    popw %ds
    CHECK e, "vector 1E diskette parameters"
    int $0x11
    cmpw %ax, 0x410
    CHECK e, "INT 11h"
    testw $0x0e00, %ax
    CHECK nz, "INT 11h has a serial port"
    int $0x12
    CHECK_EQ 639, %ax, "INT 12h"

    /* ------------------------------------------------ INT 15h memory */
    xorl %ebx, %ebx
    xorw %bp, %bp                       /* entries */
1:  movl $0xe820, %eax
    movl $0x534d4150, %edx
    movl $20, %ecx
    movw $SCRATCH, %di
    INT_STC 0x15
    CHECK nc, "E820 CF"
    cmpl $0x534d4150, %eax
    CHECK e, "E820 EAX"
    cmpl $20, %ecx
    CHECK e, "E820 ECX"
    testw %bp, %bp
    jnz 2f
    cmpl $0x9fc00, SCRATCH + 8
    CHECK e, "E820 first is RAM to 9FC00"
2:  incw %bp
    cmpw $40, %bp
    jae 3f
    testl %ebx, %ebx
    jnz 1b
3:  cmpw $40, %bp
    CHECK b, "E820 ends"
    movl $0xe820, %eax
    movl $0x534d4150, %edx
    movl $19, %ecx
    xorl %ebx, %ebx
    INT_CLC 0x15
    CHECK c, "E820 refuses a small buffer"

    movw $0xe801, %ax
    INT_STC 0x15
    CHECK nc, "E801 CF"
    CHECK_EQ 0x3c00, %ax, "E801 AX 15 MiB"
    CHECK_EQ 0x3c00, %cx, "E801 CX 15 MiB"
    cmpw %bx, %dx
    CHECK e, "E801 BX DX"
    testw %dx, %dx
    CHECK nz, "E801 memory above 16 MiB"
    movb $0x88, %ah
    INT_STC 0x15
    CHECK nc, "88 CF"
    CHECK_EQ 0xfc00, %ax, "88 63 MiB"

    /* Block move: 8 bytes to 2 MiB and back. */
    movl $0x12345678, SCRATCH
    movl $0x9abcdef0, SCRATCH + 4
    movl $SCRATCH, move_src
    movl $0x200000, move_dst
    call block_move
    CHECK nc, "87 up CF"
    movl $0x200000, move_src
    movl $SCRATCH + 8, move_dst
    call block_move
    CHECK nc, "87 down CF"
    cmpl $0x12345678, SCRATCH + 8
    CHECK e, "87 data"
    cmpl $0x9abcdef0, SCRATCH + 12
    CHECK e, "87 data 2"
    movw $6, move_limit
    call block_move
    CHECK c, "87 refuses a limit"
    cmpb $2, %ah
    CHECK e, "87 AH of a limit"

    /* ------------------------------------------------ INT 15h A20 */
    movw $0x2403, %ax
    INT_STC 0x15
    CHECK nc, "2403"
    movw $0x2400, %ax
    INT_STC 0x15
    CHECK nc, "2400"
    call a20_is_open
    CHECK e, "A20 closed"
    movw $0x2402, %ax
    INT_STC 0x15
    cmpb $0, %al
    CHECK e, "2402 closed"
    call a20_is_open
    CHECK e, "A20 still closed"
    movw $0x2401, %ax
    INT_STC 0x15
    CHECK nc, "2401"
    call a20_is_open
    CHECK ne, "A20 open"
    movw $0x2402, %ax
    INT_STC 0x15
    cmpb $1, %al
    CHECK e, "2402 open"

    /* ------------------------------------------------ INT 15h others */
    pushw %es
    movb $0xc0, %ah
    INT_STC 0x15
    CHECK nc, "C0 CF"
    cmpb $0xfc, %es:2(%bx)
    CHECK e, "C0 model"
    cmpw $8, %es:(%bx)
    CHECK ae, "C0 size"
    movb $0xc1, %ah
    INT_STC 0x15
    movw %es, %ax
    popw %es
    CHECK_EQ EBDA, %ax, "C1 EBDA"
    movw $0x4f1e, %ax
    INT_CLC 0x15
    CHECK c, "4F CF"
    CHECK_EQ 0x4f1e, %ax, "4F AX"
    movb $0x90, %ah
    INT_STC 0x15
    CHECK nc, "90"
    movw $0xe980, %ax
    movl $0x47534943, %edx
    INT_CLC 0x15
    CHECK c, "E980 unsupported"
    cmpb $0x86, %ah
    CHECK e, "E980 AH"
    movw $0xec00, %ax
    movw $2, %bx
    INT_STC 0x15
    CHECK nc, "EC00"
    movw $0x5300, %ax
    xorw %bx, %bx
    INT_STC 0x15
    CHECK nc, "5300"
    CHECK_EQ 0x504d, %bx, "5300 PM"
    CHECK_EQ 0x0102, %ax, "5300 version"
    movw $0x5303, %ax
    xorw %bx, %bx
    INT_CLC 0x15
    CHECK c, "5303 is not offered"
    movw $apm_versions, %si
1:  movw (%si), %cx                     /* the driver's */
    movw $0x530e, %ax
    xorw %bx, %bx
    INT_STC 0x15
    CHECK nc, "530E"
    cmpw 2(%si), %ax                    /* what is agreed on */
    CHECK e, "530E version"
    addw $4, %si
    cmpw $apm_versions_end, %si
    jb 1b
    jmp 2f
apm_versions:
    .word 0x0000, 0x0100
    .word 0x0001, 0x0100
    .word 0x0099, 0x0100
    .word 0x0100, 0x0100
    .word 0x0101, 0x0101
    .word 0x0102, 0x0102
    .word 0x0103, 0x0102
    .word 0x0200, 0x0102
    .word 0xffff, 0x0102
apm_versions_end:
2:

    /* Wait 20 ms; the PM timer says how long it was. */
    movw $0x608, %dx
    inl %dx, %eax
    movl %eax, SCRATCH
    movb $0x86, %ah
    xorw %cx, %cx
    movw $20000, %dx
    INT_STC 0x15
    CHECK nc, "86 CF"
    movw $0x608, %dx
    inl %dx, %eax
    subl SCRATCH, %eax
    andl $0xffffff, %eax
    cmpl $71590, %eax
    CHECK ae, "86 waits long enough"
    cmpl $715900, %eax
    CHECK b, "86 waits not much longer"

    /* Event after 10 ms. */
    movb $0, SCRATCH
    movw $0x8300, %ax
    xorw %cx, %cx
    movw $10000, %dx
    movw $SCRATCH, %bx
    INT_STC 0x15
    CHECK nc, "83 CF"
    movw $0x8300, %ax
    INT_CLC 0x15
    CHECK c, "83 is busy"
    movw $40, %cx
1:  hlt
    testb $0x80, SCRATCH
    loopz 1b
    CHECK nz, "83 event"

    /* ------------------------------------------------ INT 1Ah time */
    movb $0, %ah
    int $0x1a
    movw %dx, %bx
    hlt
    movw $200, %cx
1:  hlt
    cmpw 0x46c, %bx
    loope 1b
    CHECK ne, "ticks go on"
    movb $0x02, %ah
    INT_STC 0x1a
    CHECK nc, "1A 02"
    cmpb $0x23, %ch
    CHECK be, "1A 02 hours"
    cmpb $0x59, %cl
    CHECK be, "1A 02 minutes"
    cmpb $0x59, %dh
    CHECK be, "1A 02 seconds"
    movb $0x04, %ah
    INT_STC 0x1a
    CHECK nc, "1A 04"
    cmpb $0x20, %ch
    CHECK e, "1A 04 century"
    cmpb $0x12, %dh
    CHECK be, "1A 04 month"
    movb $0x01, %ah
    movw $0x0012, %cx
    movw $0x3456, %dx
    INT_STC 0x1a
    movb $0x00, %ah
    INT_STC 0x1a
    CHECK_EQ 0x0012, %cx, "1A 01 sets"
    movb $0x7f, %ah
    INT_CLC 0x1a
    CHECK c, "1A 7F unsupported"

    /* ------------------------------------------------ INT 1Ah PCI */
    movw $0xb101, %ax
    xorl %edi, %edi
    INT_STC 0x1a
    CHECK nc, "B101 CF"
    cmpl $0x20494350, %edx
    CHECK e, "B101 EDX"
    CHECK_EQ 0x0210, %bx, "B101 version"
    testb $1, %al
    CHECK nz, "B101 mechanism 1"
    cmpb $0, %ah
    CHECK e, "B101 AH"
    movw $0xb10a, %ax                   /* the host bridge's id */
    xorw %bx, %bx
    xorw %di, %di
    INT_STC 0x1a
    CHECK nc, "B10A CF"
    movl %ecx, %ebp
    cmpw $0x8086, %cx
    CHECK e, "B10A vendor"
    /* An OS may move the memory in which q35 shows these registers, or switch
     * it off: POST used it, the services do not. */
    cmpl $0x29c08086, %ebp
    jne 1f
    movl $0x80000060, %eax              /* PCIEXBAR */
    movw $0xcf8, %dx
    outl %eax, %dx
    movw $0xcfc, %dx
    inl %dx, %eax
    pushl %eax
    testb $1, %al
    CHECK nz, "MMCFG is on"
    xorl %eax, %eax
    outl %eax, %dx
    movw $0xb10a, %ax
    xorw %bx, %bx
    xorw %di, %di
    INT_STC 0x1a
    cmpl %ecx, %ebp
    CHECK e, "B10A without MMCFG"
    movl $0x80000060, %eax
    movw $0xcf8, %dx
    outl %eax, %dx
    movw $0xcfc, %dx
    popl %eax
    outl %eax, %dx
1:
    movl %ebp, %ecx
    movw %cx, %dx
    shrl $16, %ecx
    xorw %si, %si
    movw $0xb102, %ax
    movw $0xffff, %bx
    INT_STC 0x1a
    CHECK nc, "B102 finds the host bridge"
    CHECK_EQ 0, %bx, "B102 BX"
    movw $1, %si
    movw $0xb102, %ax
    INT_CLC 0x1a
    CHECK c, "B102 finds no second"
    cmpb $0x86, %ah
    CHECK e, "B102 AH"
    movl $0x060100, %ecx                /* ISA bridge */
    xorw %si, %si
    movw $0xb103, %ax
    INT_STC 0x1a
    CHECK nc, "B103 finds the ISA bridge"
    movw $0x0a, %di
    movw $0xb109, %ax
    INT_STC 0x1a
    CHECK_EQ 0x0601, %cx, "B109 class"
    movw $0x0b, %di
    movw $0xb108, %ax
    INT_STC 0x1a
    cmpb $0x06, %cl
    CHECK e, "B108 class"
    movw $0xb109, %ax
    INT_CLC 0x1a
    CHECK c, "B109 refuses an odd register"
    cmpb $0x87, %ah
    CHECK e, "B109 AH"
    movw $0x3c, %di
    movb $0x5a, %cl
    movw $0xb10b, %ax
    INT_STC 0x1a
    CHECK nc, "B10B"
    movw $0, pir_size
    movw $pir_buffer, %di
    movw $0xb10e, %ax
    INT_CLC 0x1a
    CHECK c, "B10E small buffer"
    cmpb $0x89, %ah
    CHECK e, "B10E AH"
    cmpw $0, pir_size
    CHECK ne, "B10E size"
    movw $0xb10e, %ax
    INT_STC 0x1a
    CHECK nc, "B10E"

    /* ------------------------------------------------ INT 16h */
    movb $0x02, %ah
    int $0x16
    cmpb $0, %al
    CHECK e, "16 02 no shifts"
    movw $0x1200, %ax
    int $0x16
    CHECK_EQ 0, %ax, "16 12 no shifts"
    movb $0x01, %ah
    int $0x16
    CHECK z, "16 01 no key"
    movw $0x48e0, %cx
    call push_key
    cmpb $0, %al
    CHECK e, "16 05 takes a key"
    movb $0x11, %ah
    int $0x16
    CHECK nz, "16 11 a key"
    CHECK_EQ 0x48e0, %ax, "16 11 grey up"
    movb $0x01, %ah
    int $0x16
    CHECK_EQ 0x4800, %ax, "16 01 up"
    movb $0x00, %ah
    int $0x16
    CHECK_EQ 0x4800, %ax, "16 00 up"
    movw $0xe00d, %cx
    call push_key
    movb $0x00, %ah
    int $0x16
    CHECK_EQ 0x1c0d, %ax, "16 00 keypad Enter"
    movw $15, %si
1:  movw $0x1e61, %cx
    call push_key
    cmpb $0, %al
    jne 2f
    decw %si
    jnz 1b
2:  CHECK e, "16 05 15 keys"
    call push_key
    cmpb $1, %al
    CHECK e, "16 05 full"
    movw $15, %si
1:  movb $0x10, %ah
    int $0x16
    decw %si
    jnz 1b
    CHECK_EQ 0x1e61, %ax, "16 10"
    movb $0x11, %ah
    int $0x16
    CHECK z, "16 11 empty"
    movb $0x09, %ah
    int $0x16
    cmpb $0x30, %al
    CHECK e, "16 09"
    movb $0x92, %ah
    int $0x16
    cmpb $0x80, %ah
    CHECK be, "16 92"
    movw $0x0305, %ax                   /* as Linux does */
    xorw %bx, %bx
    int $0x16

    /* ------------------------------------------------ INT 14h, 17h */
    movb $0x03, %ah
    xorw %dx, %dx
    int $0x14
    testb $0x60, %ah
    CHECK nz, "14 03 can send"
    movw $0x1234, %ax
    movw $9, %dx
    int $0x14
    CHECK_EQ 0x1234, %ax, "14 no such port"
    cmpw $0, 0x408
    je 1f
    movb $0x02, %ah
    xorw %dx, %dx
    int $0x17
    testb $0x01, %ah
    CHECK z, "17 02"
1:
    /* ------------------------------------------------ registers stay */
    movl $0xa1a2b101, %eax
    movl $0xb1b2b3b4, %ebx
    movl $0xc1c2c3c4, %ecx
    movl $0xe1e2e3e4, %esi
    movl $0xf1f2f3f4, %edi
    movl $0x51525354, %ebp
    movw $0x1111, %dx
    movw %dx, %fs
    movw $0x2222, %dx
    movw %dx, %gs
    movl %esp, SCRATCH
    std
    int $0x1a
    pushfw
    popw SCRATCH + 4
    cld
    testw $0x400, SCRATCH + 4
    CHECK nz, "DF stays"
    testw $0x200, SCRATCH + 4
    CHECK nz, "IF stays"
    cmpl %esp, SCRATCH
    CHECK e, "ESP stays"
    cmpl $0xe1e2e3e4, %esi
    CHECK e, "ESI stays"
    cmpl $0xf1f2f3f4, %edi
    CHECK e, "EDI stays"
    cmpl $0x51525354, %ebp
    CHECK e, "EBP stays"
    shrl $16, %eax
    CHECK_EQ 0xa1a2, %ax, "EAX upper half stays"
    shrl $16, %ebx
    CHECK_EQ 0xb1b2, %bx, "EBX upper half stays"
    movw %fs, %ax
    CHECK_EQ 0x1111, %ax, "FS stays"
    movw %gs, %ax
    CHECK_EQ 0x2222, %ax, "GS stays"
    cli
    movb $0x01, %ah
    int $0x16
    pushfw
    popw %ax
    sti
    testw $0x200, %ax
    CHECK z, "IF stays off over INT 16h"

    call bios32
    jmp finish

/* 4 words between move_src and move_dst */
block_move:
    movw $descriptors, %si
    movl move_src, %eax
    movl %eax, descriptors + 0x12
    movl move_dst, %eax
    movl %eax, descriptors + 0x1a
    movw move_limit, %ax
    movw %ax, descriptors + 0x10
    movw $0xffff, descriptors + 0x18
    movb $0x93, descriptors + 0x15
    movb $0x93, descriptors + 0x1d
    movw $4, %cx
    movb $0x87, %ah
    stc
    int $0x15
    ret
    .balign 8
descriptors:
    .fill 48, 1, 0
move_src:
    .long 0
move_dst:
    .long 0
move_limit:
    .word 7

/* ZF: 0:0500 and FFFF:0510 are the same memory. */
a20_is_open:
    pushw %es
    pushw $0xffff
    popw %es
    movw %es:0x510, %cx
    movw $0x55aa, 0x500
    movw $0xaa55, %es:0x510
    cmpw $0xaa55, 0x500
    popw %es
    ret

push_key:
    movb $0x05, %ah
    int $0x16
    ret

pir_buffer:
pir_size:
    .word 0
    .word SCRATCH + 0x100, 0

/* ------------------------------------------------------------- BIOS32 */
bios32:
    movw $0xf000, %ax
    movw %ax, %es
    xorw %di, %di
1:  cmpl $0x5f32335f, %es:(%di)
    je 2f
    addw $16, %di
    jnz 1b
2:  testw %di, %di
    CHECK ne, "BIOS32 directory"
    je 4f
    xorb %al, %al
    movw $16, %cx
3:  addb %es:(%di), %al
    incw %di
    loop 3b
    testb %al, %al
    CHECK z, "BIOS32 checksum"
    movl %es:-12(%di), %eax
    movl %eax, far_directory
    xorw %ax, %ax
    movw %ax, %es

    cli
    lgdtl gdt_pointer
    movl %cr0, %eax
    orb $1, %al
    movl %eax, %cr0
    ljmpl $8, $flat
    .code32
flat:
    movl $16, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl $0x49435024, %eax
    xorl %ebx, %ebx
    lcall *far_directory
    movb %al, SCRATCH
    leal (%ebx, %edx), %eax
    movl %eax, far_pci
    movl $0xb101, %eax
    lcall *far_pci
    movl %edx, SCRATCH + 4
    movb %cl, SCRATCH + 8
    movl $0xb103, %eax
    movl $0x060100, %ecx
    xorl %esi, %esi
    lcall *far_pci
    movw %bx, SCRATCH + 10
    movb %ah, SCRATCH + 12
    movl $0xb109, %eax
    movl $0x0a, %edi
    lcall *far_pci
    movw %cx, SCRATCH + 14
    movl $0xb10a, %eax
    movl $0x06, %edi
    lcall *far_pci
    movb %ah, SCRATCH + 16
    movl $0xb102, %eax
    movw $0x1234, %cx
    movw $0x5678, %dx
    lcall *far_pci
    movb %ah, SCRATCH + 17
    movl $0x4b454550, %eax
    xorl %ebx, %ebx
    lcall *far_directory
    movb %al, SCRATCH + 18
    ljmpl $24, $1f
    .code16
1:  movl $32, %eax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    movl %cr0, %eax
    andb $0xfe, %al
    movl %eax, %cr0
    ljmp $0, $2f
2:  xorw %ax, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %ss
    sti
    cmpb $0, SCRATCH
    CHECK e, "BIOS32 finds $PCI"
    cmpl $0x20494350, SCRATCH + 4
    CHECK e, "BIOS32 B101"
    cmpb $0, SCRATCH + 12
    CHECK e, "BIOS32 B103"
    CHECK_EQ 0x0601, SCRATCH + 14, "BIOS32 B109"
    cmpb $0x87, SCRATCH + 16
    CHECK e, "BIOS32 B10A odd register"
    cmpb $0x86, SCRATCH + 17
    CHECK e, "BIOS32 B102 finds nothing"
    cmpb $0x80, SCRATCH + 18
    CHECK e, "BIOS32 unknown service"
    movw $0xb103, %ax
    movl $0x060100, %ecx
    xorw %si, %si
    int $0x1a
    cmpw %bx, SCRATCH + 10
    CHECK e, "BIOS32 and INT 1Ah agree"
    movw $0xb101, %ax
    int $0x1a
    cmpb %cl, SCRATCH + 8
    CHECK e, "BIOS32 last bus"
4:  ret

    .balign 8
gdt:
    .quad 0
    .quad 0x00cf9b000000ffff
    .quad 0x00cf93000000ffff
    .quad 0x00009b000000ffff
    .quad 0x000093000000ffff
gdt_pointer:
    .word gdt_pointer - gdt - 1
    .long gdt
    .word 0
far_directory:
    .long 0
    .word 8, 0
far_pci:
    .long 0
    .word 8, 0

    END_OF_PROGRAM
