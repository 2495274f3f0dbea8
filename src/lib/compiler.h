/* SPDX-License-Identifier: MIT */
/*
 * What the language lacks: attributes and small helpers used everywhere.
 */
#ifndef COMPILER_H
#define COMPILER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PACKED              __attribute__((packed))

/* Characters without a NUL behind them, such as a table's signature. */
#if __has_attribute(nonstring)
#define NONSTRING           __attribute__((nonstring))
#else
#define NONSTRING
#endif
#define ALIGNED(n)          __attribute__((aligned(n)))
#define NORETURN            __attribute__((noreturn))
#define NOINLINE            __attribute__((noinline))
#define SECTION(name)       __attribute__((section(name)))
/* Large POST-only data that are written before they are read. */
#define NOT_ZEROED          SECTION(".bss.not_zeroed")
#define PRINTF(fmt, args)   __attribute__((format(printf, fmt, args)))
#define ARRAY_SIZE(a)       (sizeof(a) / sizeof((a)[0]))
#define ALIGN_UP(v, a)      (((v) + (a) - 1) & ~((a) - 1))
#define ALIGN_DOWN(v, a)    ((v) & ~((a) - 1))

#endif
