/* SPDX-License-Identifier: MIT */
#include "replay.h"

#include <stdio.h>
#include <string.h>

#include "realtpm.h"
#include "hash/hash.h"

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 |
           p[0];
}

void digest_of(uint16_t alg, const void *p, uint32_t len, uint8_t *out)
{
    struct hash h;

    hash_init(&h, hash_find(alg));
    hash_update(&h, p, len);
    hash_final(&h, out);
}

static void extend(struct replay *r, unsigned bank, uint32_t pcr,
                   const uint8_t *digest)
{
    uint8_t both[128];

    memcpy(both, r->pcr[bank][pcr], r->size[bank]);
    memcpy(both + r->size[bank], digest, r->size[bank]);
    digest_of(r->alg[bank], both, 2u * r->size[bank], r->pcr[bank][pcr]);
}

static const char *header(struct replay *r, const uint8_t *d, uint32_t len)
{
    /* TPM 1.2 has no header; a tiny area has room for the mark alone. */
    if (len == 16 && !memcmp(d, "KeelBIOS full", 14))
        return NULL;
    if (len < 29 || memcmp(d, "Spec ID Event03", 16))
        return "header signature";
    r->agile = true;
    r->banks = le32(d + 24);
    if (r->banks > 8 || len != 29 + 4 * r->banks)
        return "header size";
    for (unsigned i = 0; i < r->banks; i++) {
        r->alg[i] = (uint16_t)(d[28 + 4 * i] | d[29 + 4 * i] << 8);
        r->size[i] = (uint16_t)(d[30 + 4 * i] | d[31 + 4 * i] << 8);
    }
    return NULL;
}

/* The digests of an event: *p goes behind them.  NULL, or what is wrong. */
static const char *digests(const struct replay *r, struct replay_event *e,
                           const uint8_t **p)
{
    bool agile = r->agile && r->count;

    if (agile && le32(*p) != r->banks)
        return "digest count";
    *p += agile ? 4 : 0;
    for (unsigned i = 0; i < r->banks; i++) {
        if (agile && ((*p)[0] | (*p)[1] << 8) != r->alg[i])
            return "digest order";
        *p += agile ? 2 : 0;
        memcpy(e->digest[i], *p, r->size[i]);
        *p += r->size[i];
    }
    return NULL;
}

/* One event at *p, which goes behind it. */
static const char *event(struct replay *r, const uint8_t **p,
                         const uint8_t *end)
{
    struct replay_event *e = &r->event[r->count];
    const char *bad;

    if (r->count == 300)
        return "too many events";
    e->pcr = le32(*p);
    e->type = le32(*p + 4);
    *p += 8;
    if (e->pcr > 23)
        return "PCR";
    bad = digests(r, e, p);
    if (bad)
        return bad;
    e->len = le32(*p);
    e->data = *p + 4;
    if (e->len > (uint32_t)(end - e->data))
        return "event size";
    *p = e->data + e->len;
    if (r->count == 0 && e->type == 3)
        bad = header(r, e->data, e->len);
    if (bad)
        return bad;
    for (unsigned i = 0; i < r->banks && e->type != 3; i++)
        extend(r, i, e->pcr, e->digest[i]);
    r->count++;
    return NULL;
}

const char *replay_log(struct replay *r, const uint8_t *log, uint32_t size)
{
    uint32_t at = 0;

    memset(r, 0, sizeof(*r));
    r->banks = 1;
    r->alg[0] = 4;
    r->size[0] = 20;
    while (size - at >= 32 && (le32(log + at + 4) || le32(log + at + 8))) {
        const uint8_t *p = log + at;
        const char *bad = event(r, &p, log + size);

        if (bad)
            return bad;
        at = (uint32_t)(p - log);
    }
    r->used = at;
    for (; at < size; at++)
        if (log[at])
            return "bytes after the end";
    return NULL;
}

const char *replay_compare(const struct replay *r)
{
    static char text[80];
    uint8_t value[64];

    for (unsigned i = 0; i < r->banks; i++) {
        for (uint32_t pcr = 0; pcr < 17; pcr++) {
            unsigned n = realtpm_pcr(r->alg[i], pcr, value);

            if (n != r->size[i] || memcmp(value, r->pcr[i][pcr], n)) {
                snprintf(text, sizeof(text), "bank %x PCR %u", r->alg[i],
                         pcr);
                return text;
            }
        }
    }
    return NULL;
}

int replay_find(const struct replay *r, unsigned from, uint32_t pcr,
                uint32_t type)
{
    for (unsigned i = from; i < r->count; i++)
        if (r->event[i].pcr == pcr && r->event[i].type == type)
            return (int)i;
    return -1;
}
