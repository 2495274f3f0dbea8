/* SPDX-License-Identifier: MIT */
/*
 * Boot sector: on the first boot reset the machine by METHOD, on the second
 * end QEMU (31h to port 501h).  CMOS byte 7Eh, which the firmware does not
 * use, tells the boots apart.
 */
        .code16
        .globl  _start
_start: cli
        cld
        movb    $0x7e, %al
        outb    %al, $0x70
        inb     $0x71, %al
        cmpb    $0x5a, %al
        je      again
        movb    $0x7e, %al
        outb    %al, $0x70
        movb    $0x5a, %al
        outb    %al, $0x71

#if METHOD == 0         /* reset control register, hard */
        movw    $0xcf9, %dx
        movb    $0x02, %al
        outb    %al, %dx
        movb    $0x06, %al
        outb    %al, %dx
#elif METHOD == 1       /* keyboard controller */
1:      inb     $0x64, %al
        testb   $2, %al
        jnz     1b
        movb    $0xfe, %al
        outb    %al, $0x64
#elif METHOD == 2       /* triple fault */
        lidt    %cs:empty + 0x7c00
        int3
#elif METHOD == 3       /* the reset vector */
        ljmp    $0xffff, $0
#elif METHOD == 4       /* the same, as segment F000 has it */
        ljmp    $0xf000, $0xfff0
#elif METHOD == 5       /* port 92h */
        inb     $0x92, %al
        orb     $1, %al
        outb    %al, $0x92
#elif METHOD == 6       /* "warm": 1234h at 40:72 */
        movw    $0x40, %ax
        movw    %ax, %ds
        movw    $0x1234, 0x72
        ljmp    $0xffff, $0
#elif METHOD == 7       /* with A20 closed and the vectors spoilt */
        xorw    %di, %di
        movw    %di, %es
        movw    $0x200, %cx
        movw    $0xffff, %ax
        rep stosw
        inb     $0x92, %al
        andb    $0xfc, %al
        outb    %al, $0x92
        movw    $0xcf9, %dx
        movb    $0x06, %al
        outb    %al, %dx
#elif METHOD == 9       /* a shutdown code that asks for a jump to 40:67 */
        movb    $0x0f, %al
        outb    %al, $0x70
        movb    $SHUTDOWN, %al
        outb    %al, $0x71
        movw    $0x40, %ax
        movw    %ax, %ds
        movw    $(taken + 0x7c00), 0x67
        movw    $0, 0x69
        ljmp    $0xf000, $0xfff0
#elif METHOD == 8       /* INT 19h: boots again, resets nothing */
        sti
        int     $0x19
#endif
2:      hlt
        jmp     2b

again:  movw    $0x501, %dx
        movb    $0x31, %al
        outb    %al, %dx
3:      hlt
        jmp     3b

taken:  movw    $0x501, %dx             /* nobody measured what runs here */
        movb    $0x11, %al
        outb    %al, %dx
        jmp     3b

empty:  .word   0
        .long   0
        .org    510
        .word   0xaa55
