/* SPDX-License-Identifier: MIT */
/*
 * Memory and string functions.  Copies and fills go by dwords: most buffers
 * of a BIOS are aligned, and one instruction moves four bytes.
 */
#include <string.h>

#include "lib/compiler.h"

void *memcpy(void *dst, const void *src, size_t n)
{
    void *d = dst;
    size_t dwords = n / 4;

    __asm__ volatile("rep movsl\n\t"
                     "movl %3, %%ecx\n\t"
                     "rep movsb"
                     : "+D"(d), "+S"(src), "+c"(dwords)
                     : "r"(n & 3)
                     : "memory");
    return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
    uint8_t *d = dst;
    const uint8_t *s = src;
    size_t bytes = n & 3;

    if (d <= s || d >= s + n)
        return memcpy(dst, src, n);
    d += n - 1;                         /* from the last byte down */
    s += n - 1;
    __asm__ volatile("std\n\t"
                     "rep movsb\n\t"
                     "subl $3, %%esi\n\t"
                     "subl $3, %%edi\n\t"
                     "movl %3, %%ecx\n\t"
                     "rep movsl\n\t"
                     "cld"
                     : "+D"(d), "+S"(s), "+c"(bytes)
                     : "r"(n / 4)
                     : "memory", "cc");
    return dst;
}

void *memset(void *dst, int c, size_t n)
{
    void *d = dst;
    size_t dwords = n / 4;
    uint32_t fill = (uint8_t)c * 0x01010101u;

    __asm__ volatile("rep stosl\n\t"
                     "movl %3, %%ecx\n\t"
                     "rep stosb"
                     : "+D"(d), "+c"(dwords)
                     : "a"(fill), "r"(n & 3)
                     : "memory");
    return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    bool equal;

    __asm__ volatile("cmpb %%al, %%al\n\t"      /* no bytes are equal */
                     "repe cmpsb"
                     : "+S"(x), "+D"(y), "+c"(n), "=@ccz"(equal)
                     : : "memory");
    return equal ? 0 : x[-1] - y[-1];
}

size_t strlen(const char *s)
{
    size_t n = 0;

    while (s[n])
        n++;
    return n;
}

int strncmp(const char *a, const char *b, size_t n)
{
    for (; n; n--, a++, b++)
        if (*a != *b || !*a)
            return (uint8_t)*a - (uint8_t)*b;
    return 0;
}

int strcmp(const char *a, const char *b)
{
    return strncmp(a, b, (size_t)-1);
}

char *strchr(const char *s, int c)
{
    for (;; s++) {
        if (*s == (char)c)
            return (char *)(uintptr_t)s;
        if (!*s)
            return NULL;
    }
}
