/* SPDX-License-Identifier: MIT */
/*
 * Shifts of 64 bits, which clang calls at -Oz; GCC has them inline.  Registers
 * are as -mregparm=3 makes them of the functions' C types.
 *
 *   uint64_t __ashldi3(uint64_t value, int count)
 *   uint64_t __lshrdi3(uint64_t value, int count)
 *
 * count is 0 to 63.
 */
    .code32
    .section .text.__ashldi3, "ax"
    .globl __ashldi3
    .type __ashldi3, @function
__ashldi3:
    shldl %cl, %eax, %edx
    shll %cl, %eax
    testb $32, %cl
    jz 1f
    movl %eax, %edx
    xorl %eax, %eax
1:  ret

    .section .text.__lshrdi3, "ax"
    .globl __lshrdi3
    .type __lshrdi3, @function
__lshrdi3:
    shrdl %cl, %edx, %eax
    shrl %cl, %edx
    testb $32, %cl
    jz 1f
    movl %edx, %eax
    xorl %edx, %edx
1:  ret
