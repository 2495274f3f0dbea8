/* SPDX-License-Identifier: MIT */
/*
 * The event log's writer: the SHA-1 format of TPM 1.2 and the crypto-agile
 * format of TPM 2.0.  An entry is written whole or not at all.  Resident.
 *
 * TCG conventional BIOS 1.21, 11.3; PC Client Platform Firmware Profile 1.05,
 * 10.2.
 */
#include <string.h>

#include "tcg/internal.h"

/* The data of the entry that ends a log which has become too small. */
static const char end_mark[16] = "KeelBIOS full";

void tcglog_init(struct tcg_log *log, uint8_t *area, uint32_t size)
{
    *log = (struct tcg_log){ .area = area, .size = area ? size : 0 };
    if (area)
        memset(area, 0, size);
}

/* An entry without data. */
static uint32_t entry_size(const struct tcg *t)
{
    uint32_t size = 4 + 4 + 4;              /* PCR, type, data's size */

    if (t->family == TCG_FAMILY_20)
        size += 4;
    for (unsigned i = 0; i < t->bank_count; i++)
        size += (t->family == TCG_FAMILY_20 ? 2u : 0u) + t->bank[i].size;
    return size;
}

/*
 * Room for an entry, with so many bytes kept for another.  Readers take the
 * area's end for the log's end, and some drop an entry that reaches it: one
 * byte always stays zero.
 */
static struct wr begin(struct tcg_log *log, size_t keep)
{
    size_t left = log->size - log->used;

    return wr_to(log->area + log->used, left > keep ? left - keep - 1 : 0);
}

static int finish(struct tcg_log *log, const struct wr *w)
{
    if (w->bad) {
        log->full = true;
        memset(w->buf, 0, w->len);          /* what there was of it */
        return ERR_SPACE;
    }
    log->last = log->used;
    log->used += (uint32_t)w->len;
    log->count++;
    return 0;
}

/* The first entry of a log for TPM 2.0: SHA-1 format, EV_NO_ACTION. */
static void header20(const struct tcg *t, struct wr *w)
{
    size_t mark;

    wr_le32(w, 0);
    wr_le32(w, EV_NO_ACTION);
    wr_zero(w, SHA1_SIZE);
    mark = wr_size_le32(w);
    wr_bytes(w, "Spec ID Event03", 16);
    wr_le32(w, 0);                          /* platform class: client */
    wr_u8(w, 0);                            /* PFP 2.0, errata 105: 1.05 */
    wr_u8(w, 2);
    wr_u8(w, 105);
    wr_u8(w, 1);                            /* UINTN has 32 bits */
    wr_le32(w, t->bank_count);
    for (unsigned i = 0; i < t->bank_count; i++) {
        wr_le16(w, t->bank[i].alg);
        wr_le16(w, t->bank[i].size);
    }
    wr_u8(w, 0);                            /* no vendor info */
    wr_close_le32(w, mark);
}

int tcglog_header(struct tcg *t)
{
    struct wr w = begin(&t->log, 0);

    if (t->family == TCG_FAMILY_20) {
        header20(t, &w);
        return finish(&t->log, &w);
    }
    /* None (docs/tcg.md), but room for an entry that ends the log. */
    wr_zero(&w, entry_size(t) + sizeof(end_mark));
    return w.bad ? ERR_SPACE : 0;
}

static void put_digests(const struct tcg *t, struct wr *w,
                        const struct tcg_digests *d)
{
    bool agile = t->family == TCG_FAMILY_20;

    if (agile)
        wr_le32(w, t->bank_count);
    for (unsigned i = 0; i < t->bank_count; i++) {
        if (agile)
            wr_le16(w, t->bank[i].alg);
        if (d)
            wr_bytes(w, d->value[i], t->bank[i].size);
        else
            wr_zero(w, t->bank[i].size);
    }
}

/*
 * One entry's worth of a log that exists; false at its end or where it breaks
 * the rules.
 */
static bool skip_entry(const struct tcg *t, struct rd *r)
{
    uint32_t pcr = rd_le32(r), type = rd_le32(r);
    bool agile = t->family == TCG_FAMILY_20;

    if (r->bad || pcr >= TCG_PCR_COUNT || !type)
        return false;
    if (agile && rd_le32(r) != t->bank_count)
        return false;
    for (unsigned i = 0; i < t->bank_count; i++) {
        if (agile && rd_le16(r) != t->bank[i].alg)
            return false;
        rd_skip(r, t->bank[i].size);
    }
    rd_skip(r, rd_le32(r));
    return !r->bad;
}

/* Does the log end with the mark?  Its last entry is well-formed. */
static bool has_end_mark(const struct tcg_log *log)
{
    struct rd r = rd_from(log->area + log->last, log->used - log->last);

    return log->count > 1 && rd_le32(&r) == 0 && rd_le32(&r) == EV_NO_ACTION &&
           r.left >= sizeof(end_mark) &&
           !memcmp(log->area + log->used - sizeof(end_mark), end_mark,
                   sizeof(end_mark));
}

int tcglog_adopt(struct tcg *t, uint8_t *area, uint32_t size)
{
    uint8_t header[128];
    struct wr w = wr_to(header, sizeof(header));
    struct rd r = rd_from(area, size), next;

    if (t->family == TCG_FAMILY_20) {
        header20(t, &w);
    } else {
        wr_le32(&w, 0);                     /* the first event's begin */
        wr_le32(&w, EV_S_CRTM_VERSION);
    }
    if (w.bad || size < w.len || memcmp(area, header, w.len))
        return ERR_FORMAT;                  /* not a log of ours */
    t->log = (struct tcg_log){ .area = area, .size = size };
    if (t->family == TCG_FAMILY_20) {
        rd_skip(&r, w.len);
        t->log.used = (uint32_t)w.len;
        t->log.count = 1;
    }
    for (next = r; skip_entry(t, &next); r = next) {
        t->log.last = t->log.used;
        t->log.used = size - (uint32_t)next.left;
        t->log.count++;
    }
    t->log.full = has_end_mark(&t->log);
    memset(area + t->log.used, 0, size - t->log.used);
    return 0;
}

static void put_entry(const struct tcg *t, struct wr *w, uint32_t pcr,
                      uint32_t type, const struct tcg_digests *d,
                      const struct tcg_piece *data, unsigned count)
{
    size_t mark;

    wr_le32(w, pcr);
    wr_le32(w, type);
    put_digests(t, w, d);
    mark = wr_size_le32(w);
    for (unsigned i = 0; i < count; i++)
        wr_bytes(w, data[i].at, data[i].len);
    wr_close_le32(w, mark);
}

/* An entry did not fit: the log ends here, and says so. */
static void end_log(struct tcg *t)
{
    struct tcg_piece mark = { end_mark, sizeof(end_mark) };
    struct wr w = begin(&t->log, 0);

    put_entry(t, &w, 0, EV_NO_ACTION, NULL, &mark, 1);
    /* Only an area that never had room for it has none now. */
    (void)finish(&t->log, &w);
}

int tcglog_append(struct tcg *t, uint32_t pcr, uint32_t type,
                  const struct tcg_digests *d,
                  const struct tcg_piece *data, unsigned count)
{
    struct wr w;
    int rc;

    if (!t->log.area)
        return 0;
    if (t->log.full)
        return ERR_SPACE;                   /* no gaps in the order */
    w = begin(&t->log, entry_size(t) + sizeof(end_mark));
    put_entry(t, &w, pcr, type, d, data, count);
    rc = finish(&t->log, &w);
    if (rc < 0)
        end_log(t);
    return rc;
}
