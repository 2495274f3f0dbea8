/* SPDX-License-Identifier: MIT */
/*
 * The SMBIOS structure table as it is measured: without what tells identical
 * machines apart.  The fields of one table below count as zero bytes, the
 * texts that they number as empty.  A table that breaks the format's rules is
 * hashed as it is from there on.  POST only.
 *
 * DMTF DSP0134 (SMBIOS) 3.6, 6.1 and 7.; TCG conventional BIOS 1.21, 10.2.
 */
#include "tcg/internal.h"

#define TYPE_END        127u
#define HEADER_SIZE     4u
#define TEXTS_MAX       255u            /* a string number is a byte */

enum kind { FIELD_BYTES, FIELD_TEXT };

/* What is left out. len counts bytes of the field in the structure. */
static const struct field {
    uint8_t type, at, len, kind;
} fields[] = {
    { 1, 0x07, 1, FIELD_TEXT },         /* system: serial number */
    { 1, 0x08, 16, FIELD_BYTES },       /* system: UUID */
    { 2, 0x07, 1, FIELD_TEXT },         /* baseboard: serial number */
    { 2, 0x08, 1, FIELD_TEXT },         /* baseboard: asset tag */
    { 3, 0x07, 1, FIELD_TEXT },         /* chassis: serial number */
    { 3, 0x08, 1, FIELD_TEXT },         /* chassis: asset tag */
    { 4, 0x20, 1, FIELD_TEXT },         /* processor: serial number */
    { 4, 0x21, 1, FIELD_TEXT },         /* processor: asset tag */
    { 15, 0x0b, 5, FIELD_BYTES },       /* event log: status, change token */
    { 17, 0x18, 1, FIELD_TEXT },        /* memory device: serial number */
    { 17, 0x19, 1, FIELD_TEXT },        /* memory device: asset tag */
    { 22, 0x07, 1, FIELD_TEXT },        /* battery: serial number */
    { 22, 0x10, 2, FIELD_BYTES },       /* battery: SBDS serial number */
    { 39, 0x08, 1, FIELD_TEXT },        /* power supply: serial number */
    { 39, 0x09, 1, FIELD_TEXT },        /* power supply: asset tag */
};

/* The texts of a structure that are left out: bit n is number n. */
struct text_set {
    uint8_t bit[(TEXTS_MAX + 8) / 8];
};

static void hash_zeros(struct multihash *m, size_t n)
{
    static const uint8_t zero[16];

    for (; n; n -= n < sizeof(zero) ? n : sizeof(zero))
        multihash_update(m, zero, n < sizeof(zero) ? n : sizeof(zero));
}

/* The formatted area, p[0..len). Fields of a type go by rising offset. */
static void hash_formatted(struct multihash *m, const uint8_t *p, size_t len,
                           struct text_set *omit)
{
    size_t done = 0;

    for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
        const struct field *f = &fields[i];
        size_t end = (size_t)f->at + f->len;

        if (f->type != p[0] || end > len)
            continue;
        if (f->kind == FIELD_TEXT)
            omit->bit[p[f->at] / 8] |= (uint8_t)(1u << p[f->at] % 8);
        multihash_update(m, p + done, f->at - done);
        hash_zeros(m, f->len);
        done = end;
    }
    multihash_update(m, p + done, len - done);
}

/* One text without its NUL, and its NUL. False if there is no NUL. */
static bool take_text(struct rd *r, const uint8_t **text, size_t *len)
{
    size_t n = 0;

    while (n < r->left && r->at[n])
        n++;
    *len = n;
    *text = rd_bytes(r, n + 1);
    return *text != NULL;
}

/*
 * The texts behind the formatted area, up to the empty one that ends them.
 * Returns false, with nothing taken, if they have no end.
 */
static bool hash_texts(struct multihash *m, struct rd *r,
                       const struct text_set *omit)
{
    struct rd look = *r;
    const uint8_t *text;
    size_t len;
    unsigned number = 0;

    do {
        if (!take_text(&look, &text, &len))
            return false;
    } while (len);
    if (look.at == r->at + 1 && (!look.left || rd_u8(&look)))
        return false;                   /* no texts at all is two NULs */
    while (r->at < look.at && take_text(r, &text, &len)) {
        number++;
        if (number > TEXTS_MAX || !(omit->bit[number / 8] >> number % 8 & 1))
            multihash_update(m, text, len);
        multihash_update(m, text + len, 1);
    }
    return true;
}

static void feed_smbios(void *arg, struct multihash *m)
{
    const struct tcg_piece *table = arg;
    struct rd r = rd_from(table->at, table->len);

    while (r.left >= HEADER_SIZE && r.at[1] >= HEADER_SIZE &&
           r.at[1] <= r.left && r.at[0] != TYPE_END) {
        struct text_set omit = { { 0 } };
        size_t len = r.at[1];

        hash_formatted(m, rd_bytes(&r, len), len, &omit);
        if (!hash_texts(m, &r, &omit))
            break;
    }
    multihash_update(m, r.at, r.left);          /* end mark, or the rest */
}

int tcg_measure_smbios(struct tcg *t, const void *table, uint32_t len)
{
    struct tcg_piece piece = { table, len };
    struct tcg_digests d;

    if (!tcg_usable(t))
        return ERR_ABSENT;
    tcg_hash_feed(t, feed_smbios, &piece, &d);
    return tcg_measure_taken(t, TCG_SMBIOS, &d, 0, NULL);
}
