/* SPDX-License-Identifier: MIT */
/* For inclusion: the text at CS:SI to port 402h. */
say:
    pushaw
    movw $0x402, %dx
1:  cs lodsb
    testb %al, %al
    jz 2f
    outb %al, %dx
    jmp 1b
2:  popaw
    ret
