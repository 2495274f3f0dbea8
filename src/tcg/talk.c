/* SPDX-License-Identifier: MIT */
/*
 * Text for people: a formatter that is as small as the module's needs.
 * Resident.
 */
#include <stdarg.h>
#include <string.h>

#include "tcg/internal.h"

struct text {
    char *buf;
    size_t cap, len;        /* len < cap, room for the NUL is kept */
};

static void put(struct text *o, char c)
{
    if (o->len + 1 < o->cap)
        o->buf[o->len++] = c;
}

static void put_string(struct text *o, const char *s)
{
    for (; *s; s++)
        put(o, *s >= 0x20 && *s < 0x7f ? *s : '?');
}

static void put_number(struct text *o, uint32_t v, unsigned base,
                       unsigned min)
{
    char digit[10];
    unsigned n = 0;

    do {
        digit[n++] = "0123456789abcdef"[v % base];
        v /= base;
    } while (v || n < min);
    while (n)
        put(o, digit[--n]);
}

static void put_list(struct text *o, const char *fmt, va_list ap)
{
    for (; *fmt; fmt++) {
        if (*fmt != '%') {
            put(o, *fmt);
            continue;
        }
        switch (*++fmt) {
        case 's':
            put_string(o, va_arg(ap, const char *));
            break;
        case 'c':
            put(o, (char)va_arg(ap, int));
            break;
        case 'u':
            put_number(o, va_arg(ap, uint32_t), 10, 1);
            break;
        case 'x':
            put_number(o, va_arg(ap, uint32_t), 16, 1);
            break;
        case 'X':
            put_number(o, va_arg(ap, uint32_t), 16, 8);
            break;
        default:
            put(o, '%');
            if (!*fmt)
                return;
            break;
        }
    }
}

size_t tcg_format(char *buf, size_t cap, const char *fmt, ...)
{
    struct text o = { .buf = buf, .cap = cap };
    va_list ap;

    va_start(ap, fmt);
    put_list(&o, fmt, ap);
    va_end(ap);
    if (cap)
        buf[o.len] = 0;
    return o.len;
}

/* A whole line of at most 166 characters with prefix and newline. */
static void line(struct tcg *t, bool console, const char *fmt, va_list ap)
{
    const struct tcg_platform *p = t->dev.plat;
    void (*out)(void *ctx, const char *text) = console ? p->print : p->debug;
    char buf[168];
    struct text o = { .buf = buf, .cap = sizeof(buf) - 1 };

    if (!out)
        return;
    put_string(&o, "TPM: ");
    put_list(&o, fmt, ap);
    buf[o.len++] = '\n';
    buf[o.len] = 0;
    out(p->ctx, buf);
}

void tcg_say(struct tcg *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    line(t, true, fmt, ap);
    va_end(ap);
}

void tcg_debug(struct tcg *t, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    line(t, false, fmt, ap);
    va_end(ap);
}

const char *tcg_err_text(int err)
{
    switch (err) {
    case ERR_TIMEOUT:
        return "it did not answer in time";
    case ERR_FORMAT:
        return "its answer is malformed";
    case ERR_SPACE:
        return "its answer or the command is too long";
    case ERR_TPM:
        return "it answered with an error";
    case ERR_DEVICE:
        return "its interface misbehaves";
    default:
        return "internal error";
    }
}
