/* SPDX-License-Identifier: MIT */
/*
 * Boot sector: puts a handler for SMIs where a CPU looks for it after a reset
 * (SMBASE 30000h), sees to it by METHOD that an SMI is on its way, and resets
 * the machine; TRIES times, then ends QEMU (31h to port 501h).  On port E9h
 * the handler prints S and the EIP that it interrupted, eight digits; R stands
 * for the moment before METHOD, r for that before the reset, E for the next
 * boot.  CMOS byte 7Eh, which the firmware does not use, counts.
 */
#define PM_BASE         0x600           /* where KeelBIOS and SeaBIOS put it */
#define SAVED_EIP       0xff78          /* AMD64 state save map: RIP */
#define LAPIC           0xfee00000
#define IOAPIC          0xfec00000
#define WAIT            100000          /* accesses to a port: some 50 ms */
#ifndef DELAY
#define DELAY           1               /* likewise, before the reset */
#endif

        .code16
        .globl  _start
_start: cli
        cld
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $0x7c00, %sp
        movb    $0x7e, %al
        outb    %al, $0x70
        inb     $0x71, %al
        movb    %al, %bl
        testb   %al, %al
        jz      first
        movb    $'E', %al
        outb    %al, $0xe9
        movl    $WAIT, %ecx
1:      inb     $0x80, %al
        decl    %ecx
        jnz     1b
        cmpb    $TRIES, %bl
        jae     end
first:  movb    $0x7e, %al
        outb    %al, $0x70
        movb    %bl, %al
        incb    %al
        outb    %al, $0x71

        movw    $0x3000, %ax
        movw    %ax, %es
        movw    $0x8000, %di
        movw    $(handler + 0x7c00), %si
        movw    $(handler_end - handler), %cx
        rep movsb

        /* Flat data segments, for the APICs. */
        lgdtl   gdt_pointer + 0x7c00
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        movw    $8, %bx
        movw    %bx, %fs
        andb    $0xfe, %al
        movl    %eax, %cr0
        xorw    %ax, %ax
        movw    %ax, %fs

        movb    $'R', %al
        outb    %al, $0xe9
#if METHOD == 0         /* ICH9's software SMI timer, 1.5 ms (RATE 0) or more */
        movl    $0x8000f8a4, %eax
        movw    $0xcf8, %dx
        outl    %eax, %dx
        movw    $0xcfc, %dx
        movb    $(RATE << 6), %al
        outb    %al, %dx
        movw    $(PM_BASE + 0x30), %dx
        movl    $0x41, %eax
        outl    %eax, %dx
#elif METHOD == 1       /* the local APIC's LINT0, the 8259's line, as SMI */
        xorb    %al, %al
        outb    %al, $0x21
        movb    $0x34, %al              /* and a timer that often raises it */
        outb    %al, $0x43
        movb    $64, %al
        outb    %al, $0x40
        xorb    %al, %al
        outb    %al, $0x40
        movl    $(LAPIC + 0x350), %ebx
        movl    $0x200, %fs:(%ebx)
#elif METHOD == 2       /* all lines of the I/O APIC as SMI */
        movl    $IOAPIC, %ebx
        movl    $24, %ecx
        movl    $0x10, %eax
1:      movl    %eax, %fs:(%ebx)
        movl    $0x220, %fs:0x10(%ebx)
        addl    $2, %eax
        loopl   1b
#elif METHOD == 3       /* the local APIC's timer as SMI: as long as RATE */
        movl    $LAPIC, %ebx
        movl    $0x200, %fs:0x320(%ebx)
        movl    $0xb, %fs:0x3e0(%ebx)
        movl    $(RATE), %fs:0x380(%ebx)
#endif
        movl    $DELAY, %ecx
2:      inb     $0x80, %al
        decl    %ecx
        jnz     2b
        movb    $'r', %al
        outb    %al, $0xe9
        movw    $0xcf9, %dx
        movb    $2, %al
        outb    %al, %dx
        movb    $6, %al
        outb    %al, %dx
3:      hlt
        jmp     3b

end:    movw    $0x501, %dx
        movb    $0x31, %al
        outb    %al, %dx
4:      hlt
        jmp     4b

handler:
        movw    $0x3000, %ax            /* the base of CS is SMBASE */
        movw    %ax, %ds
        movb    $'S', %al
        outb    %al, $0xe9
        movl    SAVED_EIP, %ebx
        movw    $8, %cx
6:      roll    $4, %ebx
        movb    %bl, %al
        andb    $15, %al
        addb    $'0', %al
        cmpb    $'9', %al
        jbe     7f
        addb    $('A' - '0' - 10), %al
7:      outb    %al, $0xe9
        decw    %cx
        jnz     6b
        rsm
handler_end:
        .balign 8
gdt:    .quad   0, 0x00cf93000000ffff
gdt_pointer:
        .word   15
        .long   gdt + 0x7c00
        .org    510
        .word   0xaa55
