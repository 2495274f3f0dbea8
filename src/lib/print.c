/* SPDX-License-Identifier: MIT */
/*
 * Formatted text to the debug port and to the console.
 */
#include "lib/print.h"

#include <string.h>

#include "generated/autoconf.h"
#include "lib/io.h"

#define PORT_DEBUG          0x402u
#define DEBUG_PRESENT       0xe9u       /* what QEMU's debug console reads as */
#define LINE_MAX            256u

static void (*console)(char c); /* NULL: not yet */
static char *held;              /* text for the console that is to come */
static size_t held_cap, held_len;
static bool held_full;

/* Output of vformat: counts what does not fit. */
struct out { char *buf; size_t cap, len; };

static void put(struct out *o, char c)
{
    if (o->len + 1 < o->cap)
        o->buf[o->len] = c;
    o->len++;
}

static void put_padded(struct out *o, const char *s, size_t len, int width,
                       bool left, char pad)
{
    int fill = width - (int)len;

    if (!left)
        while (fill-- > 0)
            put(o, pad);
    while (len--)
        put(o, *s++);
    if (left)
        while (fill-- > 0)
            put(o, ' ');
}

/* Digits of v to the end of buf (20 bytes hold 2^64-1); returns the first. */
static char *digits(char *end, uint64_t v, unsigned base, bool upper)
{
    const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";

    if (v >> 32) {
        do {
            *--end = set[v % base];
            v /= base;
        } while (v);
    } else {
        uint32_t small = (uint32_t)v;

        do {
            *--end = set[small % base];
            small /= base;
        } while (small);
    }
    return end;
}

/* One conversion, fmt behind the '%'; returns what follows it. */
static const char *convert(struct out *o, const char *fmt, va_list *ap)
{
    bool left = false, upper = false, negative = false;
    char pad = ' ', number[21], *first;
    int width = 0, precision = -1, longs = 0;
    uint64_t v;
    unsigned base = 10;

    for (;; fmt++)
        if (*fmt == '-')
            left = true;
        else if (*fmt == '0')
            pad = '0';
        else
            break;
    if (*fmt == '*') {
        width = va_arg(*ap, int);
        fmt++;
    }
    for (; *fmt >= '0' && *fmt <= '9'; fmt++)
        width = width * 10 + (*fmt - '0');
    if (*fmt == '.') {
        fmt++;
        if (*fmt == '*') {
            precision = va_arg(*ap, int);
            fmt++;
        } else {
            for (precision = 0; *fmt >= '0' && *fmt <= '9'; fmt++)
                precision = precision * 10 + (*fmt - '0');
        }
    }
    for (; *fmt == 'l' || *fmt == 'z'; fmt++)
        longs += *fmt == 'l';

    switch (*fmt) {
    case '\0':
        return fmt;
    case 's': {
        const char *s = va_arg(*ap, const char *);
        size_t len = 0;

        if (!s)
            s = "(null)";
        while ((precision < 0 || len < (size_t)precision) && s[len])
            len++;
        put_padded(o, s, len, width, left, ' ');
        return fmt + 1;
    }
    case 'c':
        put(o, (char)va_arg(*ap, int));
        return fmt + 1;
    case 'd': {
        int64_t d = longs > 1 ? va_arg(*ap, long long) : va_arg(*ap, int);

        negative = d < 0;
        v = negative ? (uint64_t)-d : (uint64_t)d;
        break;
    }
    case 'p':
        pad = '0';
        width = 8;
        /* fall through */
    case 'X':
    case 'x':
    case 'u':
        upper = *fmt == 'X';
        base = *fmt == 'u' ? 10 : 16;
        v = longs > 1 ? va_arg(*ap, unsigned long long)
                      : va_arg(*ap, unsigned int);
        break;
    default:
        put(o, *fmt);
        return fmt + 1;
    }
    first = digits(number + sizeof(number), v, base, upper);
    if (negative)
        *--first = '-';
    put_padded(o, first, (size_t)(number + sizeof(number) - first), width, left,
               left ? ' ' : pad);
    return fmt + 1;
}

int vformat(char *buf, size_t cap, const char *fmt, va_list ap)
{
    struct out o = { .buf = buf, .cap = cap };
    va_list args;

    va_copy(args, ap);
    while (*fmt)
        if (*fmt != '%')
            put(&o, *fmt++);
        else
            fmt = convert(&o, fmt + 1, &args);
    va_end(args);
    if (cap)
        buf[o.len < cap ? o.len : cap - 1] = '\0';
    return (int)o.len;
}

int format(char *buf, size_t cap, const char *fmt, ...)
{
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = vformat(buf, cap, fmt, ap);
    va_end(ap);
    return len;
}

static bool debug_present(void)
{
#ifdef CONFIG_DEBUG_PORT
    static uint8_t answer, asked;       /* the same until the next reset */

    if (!asked)
        answer = inb(PORT_DEBUG);
    asked = 1;
    return answer == DEBUG_PRESENT;
#else
    return false;
#endif
}

static void console_text(const char *s)
{
    for (; *s; s++) {
        if (*s == '\n')
            console('\r');
        console(*s);
    }
}

/* Whole messages only. */
static void hold_text(const char *s)
{
    size_t len = strlen(s);

    if (held && len < held_cap - held_len) {
        memcpy(held + held_len, s, len + 1);
        held_len += len;
    } else {
        held_full = held != NULL;
    }
}

void debug(const char *fmt, ...)
{
    char line[LINE_MAX];
    va_list ap;

    if (!debug_present())
        return;
    va_start(ap, fmt);
    vformat(line, sizeof(line), fmt, ap);
    va_end(ap);
    outsb(PORT_DEBUG, line, strlen(line));
}

void print(const char *fmt, ...)
{
    char line[LINE_MAX];
    va_list ap;

    va_start(ap, fmt);
    vformat(line, sizeof(line), fmt, ap);
    va_end(ap);
    if (debug_present())
        outsb(PORT_DEBUG, line, strlen(line));
    if (console)
        console_text(line);
    else
        hold_text(line);
}

void print_hold(char *buf, size_t cap)
{
    held = buf;
    held_cap = cap;
    held_len = 0;
}

void print_console(void (*to)(char c))
{
    console = to;
    if (held_len)
        console_text(held);
    held = NULL;
    if (held_full)
        print("Not all messages up to here had room; port 402h has them\n");
}
