/* SPDX-License-Identifier: MIT */
/*
 * The registers of a real-mode caller, as the interrupt entries in entry.S
 * hand them to C and take them back.  FS and GS are never changed by the
 * firmware and so are not here.  entry.S knows these offsets (asserted in
 * real.c).
 */
#ifndef REGS_H
#define REGS_H

#include "lib/compiler.h"

#define BREG(n)                                                             \
    union {                                                                 \
        uint32_t e##n##x;                                                   \
        uint16_t n##x;                                                      \
        struct { uint8_t n##l, n##h; };                                     \
    }
#define BREG_INDEX(n)                                                       \
    union {                                                                 \
        uint32_t e##n;                                                      \
        uint16_t n;                                                         \
    }

struct bregs {
    uint16_t ds, es;
    BREG_INDEX(di);
    BREG_INDEX(si);
    BREG_INDEX(bp);
    BREG(b);
    BREG(d);
    BREG(c);
    BREG(a);
    uint16_t ip, cs;        /* where the caller goes on, or what to call */
    uint16_t flags;
    uint16_t reserved;
};

#define FLAG_CF             (1u << 0)
#define FLAG_ZF             (1u << 6)
#define FLAG_IF             (1u << 9)

static inline void set_flag(struct bregs *r, uint16_t flag, bool on)
{
    r->flags = on ? r->flags | flag : r->flags & (uint16_t)~flag;
}

static inline void set_cf(struct bregs *r, bool on)
{
    set_flag(r, FLAG_CF, on);
}

/* The address that a segment:offset pair names. */
static inline void *far_ptr(uint16_t seg, uint16_t off)
{
    return (void *)(uintptr_t)(((uint32_t)seg << 4) + off);
}

#endif
