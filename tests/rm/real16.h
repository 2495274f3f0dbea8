/* SPDX-License-Identifier: MIT */
/*
 * What the real-mode test programs in C (gcc -m16) share: calls of the BIOS,
 * far memory, and the report on port 402h: each check is a line "ok NAME" or
 * "FAIL NAME" with what came instead.  int13.S is their boot sector.
 */
#ifndef RM_REAL16_H
#define RM_REAL16_H

#include <stdbool.h>
#include <stdint.h>

#include "report.h"

#define FLAG_CF         1u

/* int13.S knows these offsets. */
struct regs {
    uint16_t ds, es;                            /* 0, 2 */
    uint32_t eax, ebx, ecx, edx, esi, edi;      /* 4, 8, 12, 16, 20, 24 */
    uint32_t flags;                             /* 28 */
};
void interrupt(uint32_t number, struct regs *r);

/* The program; dl is the drive it was booted from. */
void program_main(uint32_t dl);

static bool check(bool good, const char *name, const struct regs *r)
{
    say(good ? "ok " : "FAIL ");
    say(name);
    if (!good && r) {
        say_hex("eax", r->eax);
        say_hex("ebx", r->ebx);
        say_hex("ecx", r->ecx);
        say_hex("edx", r->edx);
        say_hex("flags", r->flags);
    }
    say("\n");
    return good;
}

/* Real mode reaches 64 KiB less 16 bytes above 1 MiB. */
static inline uint16_t segment_of(uint32_t at)
{
    return at >> 4 > 0xffff ? 0xffff : (uint16_t)(at >> 4);
}

static inline uint32_t offset_of(uint32_t at)
{
    return at - ((uint32_t)segment_of(at) << 4);
}

static inline uint32_t peek(uint32_t at)
{
    uint32_t v;

    __asm__ volatile("movw %1, %%fs; movl %%fs:(%2), %0"
                     : "=r"(v) : "r"(segment_of(at)), "b"(offset_of(at)));
    return v;
}

static inline void poke(uint32_t at, uint32_t v)
{
    __asm__ volatile("movw %1, %%fs; movl %0, %%fs:(%2)"
                     : : "r"(v), "r"(segment_of(at)), "b"(offset_of(at))
                     : "memory");
}

#endif
