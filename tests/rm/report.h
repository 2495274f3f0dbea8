/* SPDX-License-Identifier: MIT */
/*
 * What the test programs in C report with, in code of 16 and of 32 bits; and
 * I/O ports.
 */
#ifndef RM_REPORT_H
#define RM_REPORT_H

#include <stdint.h>

#include "ports.h"

static inline void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;

    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void outl(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port));
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t v;

    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void put(char c)
{
    outb(PORT_DEBUG, (uint8_t)c);
}

static inline void say(const char *s)
{
    while (*s)
        put(*s++);
}

/* " NAME=" and eight digits */
static inline void say_hex(const char *name, uint32_t v)
{
    put(' ');
    say(name);
    put('=');
    for (int shift = 28; shift >= 0; shift -= 4)
        put("0123456789abcdef"[v >> shift & 15]);
}

#endif
