/* SPDX-License-Identifier: MIT */
/*
 * Port I/O, memory-mapped I/O and the few CPU instructions C has no word for.
 */
#ifndef IO_H
#define IO_H

#include "lib/compiler.h"

static inline void outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outw(uint16_t port, uint16_t v)
{
    __asm__ volatile("outw %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline void outl(uint16_t port, uint32_t v)
{
    __asm__ volatile("outl %0, %1" : : "a"(v), "Nd"(port) : "memory");
}

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;

    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t v;

    __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t v;

    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port) : "memory");
    return v;
}

/* Block transfers; count is in units of the access size. */
static inline void insb(uint16_t port, void *buf, uint32_t count)
{
    __asm__ volatile("rep insb" : "+D"(buf), "+c"(count) : "d"(port)
                     : "memory");
}

static inline void insw(uint16_t port, void *buf, uint32_t count)
{
    __asm__ volatile("rep insw" : "+D"(buf), "+c"(count) : "d"(port)
                     : "memory");
}

static inline void insl(uint16_t port, void *buf, uint32_t count)
{
    __asm__ volatile("rep insl" : "+D"(buf), "+c"(count) : "d"(port)
                     : "memory");
}

static inline void outsb(uint16_t port, const void *buf, uint32_t count)
{
    __asm__ volatile("rep outsb" : "+S"(buf), "+c"(count) : "d"(port)
                     : "memory");
}

static inline void outsw(uint16_t port, const void *buf, uint32_t count)
{
    __asm__ volatile("rep outsw" : "+S"(buf), "+c"(count) : "d"(port)
                     : "memory");
}

static inline void outsl(uint16_t port, const void *buf, uint32_t count)
{
    __asm__ volatile("rep outsl" : "+S"(buf), "+c"(count) : "d"(port)
                     : "memory");
}

static inline uint8_t mmio_read8(const volatile void *p)
{
    return *(const volatile uint8_t *)p;
}

static inline uint16_t mmio_read16(const volatile void *p)
{
    return *(const volatile uint16_t *)p;
}

static inline uint32_t mmio_read32(const volatile void *p)
{
    return *(const volatile uint32_t *)p;
}

/* One write, and no more: optimised for size, a volatile store of 0 in C
 * becomes an AND, which reads the register first. */
static inline void mmio_write8(volatile void *p, uint8_t v)
{
    __asm__ volatile("movb %1, %0"
                     : "=m"(*(volatile uint8_t *)p) : "qi"(v));
}

static inline void mmio_write16(volatile void *p, uint16_t v)
{
    __asm__ volatile("movw %1, %0"
                     : "=m"(*(volatile uint16_t *)p) : "ri"(v));
}

static inline void mmio_write32(volatile void *p, uint32_t v)
{
    __asm__ volatile("movl %1, %0"
                     : "=m"(*(volatile uint32_t *)p) : "ri"(v));
}

/* Compiler barrier: x86 keeps stores in order, the compiler need not. */
static inline void barrier(void)
{
    __asm__ volatile("" : : : "memory");
}

static inline void cpu_pause(void)
{
    __asm__ volatile("pause" : : : "memory");
}

static inline uint64_t rdtsc(void)
{
    uint64_t v;

    __asm__ volatile("rdtsc" : "=A"(v));
    return v;
}

static inline uint64_t rdmsr(uint32_t msr)
{
    uint64_t v;

    __asm__ volatile("rdmsr" : "=A"(v) : "c"(msr));
    return v;
}

static inline void wrmsr(uint32_t msr, uint64_t v)
{
    __asm__ volatile("wrmsr" : : "A"(v), "c"(msr) : "memory");
}

static inline void cpuid(uint32_t leaf, uint32_t subleaf, uint32_t out[4])
{
    __asm__ volatile("cpuid"
                     : "=a"(out[0]), "=b"(out[1]), "=c"(out[2]), "=d"(out[3])
                     : "a"(leaf), "c"(subleaf));
}

/* EAX of CPUID 80000008h: bits of a physical address, and in the third byte
 * those of a guest's, if they are fewer; of a CPU without that leaf the bits
 * that every CPU with PAE has. */
static inline uint32_t cpu_address_sizes(void)
{
    uint32_t r[4];

    cpuid(0x80000000u, 0, r);
    if (r[0] < 0x80000008u)
        return 36;
    cpuid(0x80000008u, 0, r);
    return r[0];
}

static inline unsigned cpu_address_bits(void)
{
    return cpu_address_sizes() & 0xff;
}

#endif
