/* SPDX-License-Identifier: MIT */
/*
 * The BIOS32 service directory's entry and the 32-bit PCI BIOS.
 *
 * Linked with POST's code; bios32_setup_post.c copies it into the F segment, where
 * it is found by those who want it.  The code runs wherever it lies and with
 * any segment bases: it reads its two variables through CS, relative to
 * itself, and touches no other memory but the caller's stack.
 *
 * All entries: 32-bit protected mode, far call, code segment readable, I/O
 * allowed, at least 40 bytes of stack.  Registers other than those that
 * return something are kept.
 * Standard BIOS 32-bit Service Directory Proposal 0.4; PCI BIOS 2.1.
 */
#define SERVICE_PCI     0x49435024      /* "$PCI" */
#define BIOS32_ABSENT   0x80
#define BIOS32_BAD_CALL 0x81

#define PCI_ADDRESS     0xcf8
#define PCI_DATA        0xcfc
#define PCI_PRESENT     0x20494350      /* "PCI " */
#define PCI_UNSUPPORTED 0x81
#define PCI_BAD_VENDOR  0x83
#define PCI_NOT_FOUND   0x86
#define PCI_BAD_REG     0x87

    .text
    .code32
    .globl bios32_code, bios32_code_end, bios32_directory, bios32_pci
    .globl bios32_pci_offset, bios32_last_bus

bios32_code:
bios32_pci_offset:
    .long 0                             /* of bios32_pci from F0000 */
bios32_last_bus:
    .long 0

/*
 * in: EAX service, BL 0.  out: AL 0, EBX base address and ECX length of the
 * service's code, EDX its entry from there; or AL error.
 */
bios32_directory:
    testb %bl, %bl
    jnz directory_bad
    cmpl $SERVICE_PCI, %eax
    jne directory_absent
    call 1f
1:  popl %edx
    movl %cs:(bios32_pci_offset - 1b)(%edx), %edx
    movl $0xf0000, %ebx
    movl $0x10000, %ecx
    movb $0, %al
    lret
directory_bad:
    movb $BIOS32_BAD_CALL, %al
    lret
directory_absent:
    movb $BIOS32_ABSENT, %al
    lret

/* in: AH B1h, AL function, others as for INT 1Ah.  out: AH, CF and others. */
bios32_pci:
    cmpb $0xb1, %ah
    jne unsupported
    cmpb $0x01, %al
    je present
    cmpb $0x02, %al
    je find_device
    cmpb $0x03, %al
    je find_class
    cmpb $0x08, %al
    jb unsupported
    cmpb $0x0d, %al
    jbe config
unsupported:
    movb $PCI_UNSUPPORTED, %ah
    stc
    lret

present:
    call 1f
1:  popl %edx
    movb %cs:(bios32_last_bus - 1b)(%edx), %cl
    movl $PCI_PRESENT, %edx
    movw $0x0210, %bx
    movb $1, %al
    xorb %ah, %ah
    lret

/* Read register %edx of function %ebp into %eax.  Clobbers %edx. */
read_dword:
    movl %ebp, %eax
    shll $8, %eax
    orl %edx, %eax
    orl $0x80000000, %eax
    movw $PCI_ADDRESS, %dx
    outl %eax, %dx
    movw $PCI_DATA, %dx
    inl %dx, %eax
    ret

find_device:
    cmpw $0xffff, %dx
    je 1f
    pushl %ecx
    pushl %edi
    shll $16, %ecx
    movw %dx, %cx
    xorl %edi, %edi
    jmp find
1:  movb $PCI_BAD_VENDOR, %ah
    stc
    lret

find_class:
    pushl %ecx
    pushl %edi
    andl $0xffffff, %ecx
    movl $8, %edi
    /* fall through */

/*
 * The function number %si whose register %edi (8: without its low byte) is
 * %ecx.  On the stack: the caller's %ecx and %edi, and its far return address.
 * out: %bx bus and function, %ah error, CF.  Other registers are kept.
 */
find:
    pushl %edx
    pushl %esi
    pushl %ebp
    pushl %eax
    call 1f
1:  popl %edx
    movl %cs:(bios32_last_bus - 1b)(%edx), %eax
    shll $8, %eax
    movb $0xff, %al
    pushl %eax                          /* the last function there may be */
    movzwl %si, %esi
    xorl %ebp, %ebp
find_each:
    xorl %edx, %edx
    call read_dword
    cmpw $0xffff, %ax
    je find_absent
    testl %edi, %edi
    jz find_compare
    movl %edi, %edx
    call read_dword
    shrl $8, %eax
find_compare:
    cmpl %ecx, %eax
    jne find_other
    subl $1, %esi
    jc find_found
find_other:
    testl $7, %ebp                      /* a device with one function? */
    jnz find_next
    movl $0x0c, %edx
    call read_dword
    testl $0x800000, %eax
    jnz find_next
find_absent:
    testl $7, %ebp
    jnz find_next
    addl $7, %ebp
find_next:
    incl %ebp
    cmpl (%esp), %ebp
    jbe find_each
    movb $PCI_NOT_FOUND, %dl
    jmp find_end
find_found:
    movw %bp, %bx
    movb $0, %dl
find_end:
    addl $4, %esp
    popl %eax
    movb %dl, %ah
    popl %ebp
    popl %esi
    popl %edx
    popl %edi
    popl %ecx
    cmpb $1, %ah                        /* CF = error */
    cmc
    lret

/* Read or write %edi of function %bx, by %al: 08h-0Ah, 0Bh-0Dh.  out: %ecx or its
 * lower part when read, %ah, CF.  Other registers are kept. */
config:
    pushl %edx
    pushl %eax
    cmpl $0xff, %edi
    ja config_bad
    subb $0x08, %al                     /* size: 1, 2, 4 bytes */
    cmpb $3, %al
    jb config_size
    subb $3, %al
config_size:
    movb $1, %dl
    cmpb $1, %al
    jb config_align
    movb $2, %dl
    je config_align
    movb $4, %dl
config_align:
    decb %dl
    movzbl %dl, %edx
    testl %edx, %edi
    jnz config_bad
    movzwl %bx, %eax
    shll $8, %eax
    movl %edi, %edx
    andl $0xfc, %edx
    orl %edx, %eax
    orl $0x80000000, %eax
    movw $PCI_ADDRESS, %dx
    outl %eax, %dx
    movl %edi, %edx
    andl $3, %edx
    orl $PCI_DATA, %edx
    movl (%esp), %eax
    cmpb $0x09, %al
    jb read_byte
    je read_word
    cmpb $0x0b, %al
    jb read_all
    je write_byte
    cmpb $0x0d, %al
    jb write_word
    movl %ecx, %eax
    outl %eax, %dx
    jmp config_done
read_byte:
    inb %dx, %al
    movb %al, %cl
    jmp config_done
read_word:
    inw %dx, %ax
    movw %ax, %cx
    jmp config_done
read_all:
    inl %dx, %eax
    movl %eax, %ecx
    jmp config_done
write_byte:
    movb %cl, %al
    outb %al, %dx
    jmp config_done
write_word:
    movw %cx, %ax
    outw %ax, %dx
config_done:
    popl %eax
    popl %edx
    xorb %ah, %ah                       /* and CF */
    lret
config_bad:
    popl %eax
    popl %edx
    movb $PCI_BAD_REG, %ah
    stc
    lret
    .balign 4
bios32_code_end:
