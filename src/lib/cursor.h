/* SPDX-License-Identifier: MIT */
/*
 * Bounds-checked readers and writers of byte strings.  All marshalling in
 * src/tcg goes through these; an overrun makes the cursor bad for good, and
 * everything read from a bad cursor is 0 or NULL.  Check once, before use.
 */
#ifndef TCG_CURSOR_H
#define TCG_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rd {
    const uint8_t *at;
    size_t left;
    bool bad;
};

struct rd rd_from(const void *p, size_t len);
/* The next n bytes and past them; NULL and bad if there are fewer. */
const uint8_t *rd_bytes(struct rd *r, size_t n);
void rd_skip(struct rd *r, size_t n);
/* A reader of the next n bytes alone; bad in both if there are fewer. */
struct rd rd_sub(struct rd *r, size_t n);
uint8_t rd_u8(struct rd *r);
uint16_t rd_be16(struct rd *r);
uint32_t rd_be32(struct rd *r);
uint16_t rd_le16(struct rd *r);
uint32_t rd_le32(struct rd *r);
/* True if nothing was read past the end and nothing is left. */
bool rd_end(const struct rd *r);

struct wr {
    uint8_t *buf;
    size_t cap, len;
    bool bad;
};

struct wr wr_to(void *buf, size_t cap);
void wr_bytes(struct wr *w, const void *p, size_t n);
void wr_zero(struct wr *w, size_t n);
void wr_u8(struct wr *w, uint8_t v);
void wr_be16(struct wr *w, uint16_t v);
void wr_be32(struct wr *w, uint32_t v);
void wr_le16(struct wr *w, uint16_t v);
void wr_le32(struct wr *w, uint32_t v);
/*
 * A size field that is patched when its content is complete: keep the mark,
 * write the content, close.  The size counts what follows the field.
 */
size_t wr_size_be16(struct wr *w);
size_t wr_size_be32(struct wr *w);
size_t wr_size_le32(struct wr *w);
void wr_close_be16(struct wr *w, size_t mark);
void wr_close_be32(struct wr *w, size_t mark);
void wr_close_le32(struct wr *w, size_t mark);
/* Overwrite a 32-bit big-endian field at an offset already written. */
void wr_patch_be32(struct wr *w, size_t at, uint32_t v);

#endif
