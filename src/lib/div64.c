/* SPDX-License-Identifier: MIT */
/*
 * 64-bit division, which the compiler calls by these names.  Resident.
 *
 * libgcc has the same functions, but takes their arguments from the stack;
 * with -mregparm=3 the compiler passes the first one in registers.
 */
#include "lib/compiler.h"

uint64_t __udivdi3(uint64_t n, uint64_t d);
uint64_t __umoddi3(uint64_t n, uint64_t d);
uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *rest);
int64_t __divdi3(int64_t n, int64_t d);
int64_t __moddi3(int64_t n, int64_t d);

/* Bit by bit: only for divisors of more than 32 bits. */
static uint64_t divide_long(uint64_t n, uint64_t d, uint64_t *rest)
{
    uint64_t q = 0;
    unsigned shift = 0;

    while (!(d >> 63) && d << 1 <= n) {
        d <<= 1;
        shift++;
    }
    for (;; shift--) {
        q <<= 1;
        if (n >= d) {
            n -= d;
            q |= 1;
        }
        if (shift == 0)
            break;
        d >>= 1;
    }
    *rest = n;
    return q;
}

uint64_t __udivmoddi4(uint64_t n, uint64_t d, uint64_t *rest)
{
    uint32_t divisor = (uint32_t)d, low = (uint32_t)n;
    uint32_t high = (uint32_t)(n >> 32), q_high, q_low, r;

    if (d >> 32)
        return divide_long(n, d, rest);
    q_high = high / divisor;
    r = high % divisor;
    __asm__("divl %4" : "=a"(q_low), "=d"(r)
            : "0"(low), "1"(r), "rm"(divisor) : "cc");
    *rest = r;
    return (uint64_t)q_high << 32 | q_low;
}

uint64_t __udivdi3(uint64_t n, uint64_t d)
{
    uint64_t rest;

    return __udivmoddi4(n, d, &rest);
}

uint64_t __umoddi3(uint64_t n, uint64_t d)
{
    uint64_t rest;

    (void)__udivmoddi4(n, d, &rest);
    return rest;
}

int64_t __divdi3(int64_t n, int64_t d)
{
    uint64_t q = __udivdi3(n < 0 ? -(uint64_t)n : (uint64_t)n,
                           d < 0 ? -(uint64_t)d : (uint64_t)d);

    return (int64_t)((n < 0) != (d < 0) ? -q : q);
}

int64_t __moddi3(int64_t n, int64_t d)
{
    uint64_t r = __umoddi3(n < 0 ? -(uint64_t)n : (uint64_t)n,
                           d < 0 ? -(uint64_t)d : (uint64_t)d);

    return (int64_t)(n < 0 ? -r : r);
}
