/* SPDX-License-Identifier: MIT */
/*
 * ACPI tables as they are measured: without checksums, without the addresses
 * that the linker fills in, and without what follows from the size of RAM (the
 * windows of the PCI host bridge, the ranges in SRAT).  Those count as zero
 * bytes; all other bytes of a table count, zeros between tables do not.  What
 * is no table is hashed as it is.  POST only.
 *
 * ACPI 6.4, 5.2 and 6.4.3.5; TCG ACPI Specification 1.4, 8.
 */
#include <string.h>

#include "lib/compiler.h"
#include "tcg/acpi_log.h"
#include "tcg/internal.h"

#define HEADER_SIZE         36u
#define RSDP_SIZE           36u
#define CHECKSUM_AT         9u
#define SRAT_FIRST          48u         /* first structure */
#define SRAT_MEMORY         1u          /* a structure's type */

/* Address space descriptors in AML: tag, 16-bit length, kind, flags... */
#define DESC_FIXED          6u          /* bytes before the numbers */
#define DESC_MEMORY         0u          /* kind */

/* What is left out of a table, beside the place of the log; len 0: to its
 * end. */
static const struct field {
    char signature[4] NONSTRING;
    uint16_t at, len;
} fields[] = {
    { "FACP", 36, 4 },                  /* FIRMWARE_CTRL */
    { "FACP", 40, 4 },                  /* DSDT */
    { "FACP", 132, 8 },                 /* X_FIRMWARE_CTRL */
    { "FACP", 140, 8 },                 /* X_DSDT */
    { "RSDT", HEADER_SIZE, 0 },         /* the tables' addresses */
    { "XSDT", HEADER_SIZE, 0 },
};

/* A table being hashed. */
struct table {
    struct multihash *m;
    const uint8_t *p;
    size_t len, done;
};

static void hash_zeros(struct multihash *m, size_t n)
{
    static const uint8_t zero[16];

    for (; n; n -= n < sizeof(zero) ? n : sizeof(zero))
        multihash_update(m, zero, n < sizeof(zero) ? n : sizeof(zero));
}

/* Leave out a range; ranges come in rising order. */
static void omit(struct table *t, size_t at, size_t len)
{
    if (at < t->done || at > t->len || len > t->len - at)
        return;                         /* not in this table */
    multihash_update(t->m, t->p + t->done, at - t->done);
    hash_zeros(t->m, len);
    t->done = at + len;
}

static void omit_fields(struct table *t)
{
    uint32_t lasa_at = tcg_acpi_lasa_at(t->p, (uint32_t)t->len);

    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        const struct field *f = &fields[i];

        if (!memcmp(t->p, f->signature, 4) && f->at <= t->len)
            omit(t, f->at, f->len ? f->len : t->len - f->at);
    }
    if (lasa_at)
        omit(t, lasa_at, sizeof(uint64_t));
}

/* Memory affinity structures: base and length of the range. */
static void omit_srat(struct table *t)
{
    for (size_t at = SRAT_FIRST; at < t->len && t->len - at >= 2; ) {
        size_t len = t->p[at + 1];

        if (len < 2 || len > t->len - at)
            return;
        if (t->p[at] == SRAT_MEMORY && len >= 24)
            omit(t, at + 8, 16);
        at += len;
    }
}

/*
 * The numbers of DWord and QWord address space descriptors for memory, found
 * by their fixed first bytes.  Granularity and translation offset stay.
 */
static void omit_windows(struct table *t)
{
    for (size_t at = HEADER_SIZE; t->len - at > DESC_FIXED; at++) {
        const uint8_t *p = t->p + at;
        size_t width = p[0] == 0x87 && p[1] == 23 ? 4
                     : p[0] == 0x8a && p[1] == 43 ? 8 : 0;

        if (!width || p[2] || p[3] != DESC_MEMORY ||
            t->len - at < DESC_FIXED + 5 * width)
            continue;
        omit(t, at + DESC_FIXED + width, 2 * width);    /* minimum, maximum */
        omit(t, at + DESC_FIXED + 4 * width, width);    /* length */
        at += DESC_FIXED + 5 * width - 1;
    }
}

static void hash_table(struct table *t)
{
    if (!memcmp(t->p, "FACS", 4)) {
        omit(t, 8, 24);                 /* signature, vectors, global lock */
    } else {
        omit(t, CHECKSUM_AT, 1);
        omit_fields(t);
        if (!memcmp(t->p, "SRAT", 4))
            omit_srat(t);
        if (!memcmp(t->p, "DSDT", 4) || !memcmp(t->p, "SSDT", 4))
            omit_windows(t);
    }
    multihash_update(t->m, t->p + t->done, t->len - t->done);
}

/* The length of the table that begins here, or 0 if none does. */
static size_t table_length(const struct rd *at)
{
    struct rd r = *at;
    const uint8_t *signature = rd_bytes(&r, 4);
    uint32_t len = rd_le32(&r);

    if (r.bad || len < HEADER_SIZE || len > at->left)
        return 0;
    for (unsigned i = 0; i < 4; i++) {
        uint8_t c = signature[i];

        if (!((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')))
            return 0;
    }
    return len;
}

/* By words, since nearly all of the 128 KiB that QEMU delivers is zeros. */
static void skip_zeros(struct rd *r)
{
    const struct { uint32_t v; } PACKED *word = (const void *)r->at;
    size_t n = 0;

    while (r->left - n >= sizeof(*word) && word->v == 0) {
        word++;
        n += sizeof(*word);
    }
    while (n < r->left && r->at[n] == 0)
        n++;
    rd_skip(r, n);
}

/* The root pointer, which is no table: its addresses and checksums go. */
static void hash_root_pointer(struct multihash *m, struct rd *r)
{
    struct table t = { .m = m };

    t.len = r->left < RSDP_SIZE ? r->left : RSDP_SIZE;
    t.p = rd_bytes(r, t.len);
    omit(&t, 8, 1);
    omit(&t, 16, 4);                    /* RSDT */
    omit(&t, 24, 9);                    /* XSDT, extended checksum */
    multihash_update(m, t.p + t.done, t.len - t.done);
}

static void hash_area(struct multihash *m, const struct tcg_piece *area)
{
    struct rd r = rd_from(area->at, area->len);
    struct table t = { .m = m };

    if (r.left >= 8 && !memcmp(r.at, "RSD PTR ", 8))
        hash_root_pointer(m, &r);
    for (skip_zeros(&r); (t.len = table_length(&r)) != 0; skip_zeros(&r)) {
        t.p = rd_bytes(&r, t.len);
        t.done = 0;
        hash_table(&t);
    }
    while (r.left && !r.at[r.left - 1])
        r.left--;
    multihash_update(m, r.at, r.left);
}

struct areas {
    const struct tcg_piece *piece;
    unsigned count;
};

static void feed_acpi(void *arg, struct multihash *m)
{
    const struct areas *in = arg;

    for (unsigned i = 0; i < in->count; i++)
        hash_area(m, &in->piece[i]);
}

int tcg_hash_acpi(struct tcg *t, const struct tcg_piece *piece,
                  unsigned count, struct tcg_digests *d)
{
    struct areas in = { .piece = piece, .count = count };

    if (!tcg_usable(t))
        return ERR_ABSENT;
    tcg_hash_feed(t, feed_acpi, &in, d);
    return 0;
}

int tcg_measure_acpi(struct tcg *t, const struct tcg_piece *piece,
                     unsigned count)
{
    struct tcg_digests d;
    int rc = tcg_hash_acpi(t, piece, count, &d);

    return rc < 0 ? rc : tcg_measure_taken(t, TCG_ACPI, &d, 0, NULL);
}
