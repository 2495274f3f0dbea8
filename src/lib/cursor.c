/* SPDX-License-Identifier: MIT */
/*
 * Bounds-checked readers and writers of byte strings.  Resident.
 */
#include "lib/cursor.h"

#include <string.h>

struct rd rd_from(const void *p, size_t len)
{
    return (struct rd){ .at = p, .left = len };
}

const uint8_t *rd_bytes(struct rd *r, size_t n)
{
    if (r->bad || n > r->left) {
        *r = (struct rd){ .bad = true };
        return NULL;
    }
    r->at += n;
    r->left -= n;
    return r->at - n;
}

void rd_skip(struct rd *r, size_t n)
{
    (void)rd_bytes(r, n);           /* bad remembers */
}

struct rd rd_sub(struct rd *r, size_t n)
{
    const uint8_t *p = rd_bytes(r, n);

    return (struct rd){ .at = p, .left = r->bad ? 0 : n, .bad = r->bad };
}

uint8_t rd_u8(struct rd *r)
{
    const uint8_t *p = rd_bytes(r, 1);

    return p ? *p : 0;
}

uint16_t rd_be16(struct rd *r)
{
    const uint8_t *p = rd_bytes(r, 2);

    return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t rd_be32(struct rd *r)
{
    const uint8_t *p = rd_bytes(r, 4);

    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
                   (uint32_t)p[2] << 8 | p[3]
             : 0;
}

uint16_t rd_le16(struct rd *r)
{
    const uint8_t *p = rd_bytes(r, 2);

    return p ? (uint16_t)(p[1] << 8 | p[0]) : 0;
}

uint32_t rd_le32(struct rd *r)
{
    const uint8_t *p = rd_bytes(r, 4);

    return p ? (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 |
                   (uint32_t)p[1] << 8 | p[0]
             : 0;
}

bool rd_end(const struct rd *r)
{
    return !r->bad && r->left == 0;
}

struct wr wr_to(void *buf, size_t cap)
{
    return (struct wr){ .buf = buf, .cap = cap };
}

/* Room for n more bytes, now counted as written; NULL if there is none. */
static uint8_t *wr_room(struct wr *w, size_t n)
{
    if (w->bad || n > w->cap - w->len) {
        w->bad = true;
        return NULL;
    }
    w->len += n;
    return w->buf + w->len - n;
}

void wr_bytes(struct wr *w, const void *p, size_t n)
{
    uint8_t *to = wr_room(w, n);

    if (to && n)
        memcpy(to, p, n);
}

void wr_zero(struct wr *w, size_t n)
{
    uint8_t *to = wr_room(w, n);

    if (to && n)
        memset(to, 0, n);
}

static void put_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

void wr_u8(struct wr *w, uint8_t v)
{
    wr_bytes(w, &v, 1);
}

void wr_be16(struct wr *w, uint16_t v)
{
    uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

    wr_bytes(w, b, sizeof(b));
}

void wr_be32(struct wr *w, uint32_t v)
{
    uint8_t *p = wr_room(w, 4);

    if (p)
        put_be32(p, v);
}

void wr_le16(struct wr *w, uint16_t v)
{
    wr_be16(w, (uint16_t)(v >> 8 | v << 8));
}

void wr_le32(struct wr *w, uint32_t v)
{
    wr_be32(w, __builtin_bswap32(v));
}

size_t wr_size_be16(struct wr *w)
{
    wr_be16(w, 0);
    return w->len;
}

size_t wr_size_be32(struct wr *w)
{
    wr_be32(w, 0);
    return w->len;
}

size_t wr_size_le32(struct wr *w)
{
    return wr_size_be32(w);
}

void wr_close_be16(struct wr *w, size_t mark)
{
    size_t n;

    if (w->bad)
        return;
    n = w->len - mark;
    if (n > 0xffff) {
        w->bad = true;
        return;
    }
    w->buf[mark - 2] = (uint8_t)(n >> 8);
    w->buf[mark - 1] = (uint8_t)n;
}

void wr_close_be32(struct wr *w, size_t mark)
{
    if (!w->bad)
        put_be32(w->buf + mark - 4, (uint32_t)(w->len - mark));
}

void wr_close_le32(struct wr *w, size_t mark)
{
    if (!w->bad) {
        put_be32(w->buf + mark - 4,
                 __builtin_bswap32((uint32_t)(w->len - mark)));
    }
}

void wr_patch_be32(struct wr *w, size_t at, uint32_t v)
{
    if (w->bad || w->len < 4 || at > w->len - 4) {
        w->bad = true;
        return;
    }
    put_be32(w->buf + at, v);
}
