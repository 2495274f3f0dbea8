/* SPDX-License-Identifier: MIT */
/*
 * The same data hashed for every active bank, in one pass for up to four
 * banks.  Resident.
 */
#include "tcg/multihash.h"

/*
 * Per bank and turn, if there are several: a piece that stays in the first
 * cache between the banks, and is long enough for what a block function does
 * around it (src/tpm/sha_xmm.c writes CR4, which some hypervisors intercept).
 */
#define CHUNK   16384u

void multihash_add(struct multihash *m, const struct hash_alg *alg)
{
    struct hash *h = &m->hash[m->count];

    hash_init(h, alg);
    for (unsigned i = 0; i < m->count; i++) {
        if (!(m->skip & 1u << i) && hash_join(&m->hash[i], h)) {
            m->skip |= 1u << m->count;
            break;
        }
    }
    m->count++;
}

void multihash_end(struct multihash *m)
{
    for (unsigned i = 0; i < m->count; i++)
        hash_part(&m->hash[i]);
}

void multihash_update(struct multihash *m, const void *data, size_t len)
{
    const uint8_t *p = data;
    unsigned take = ~m->skip & ((1u << m->count) - 1);
    size_t chunk = take & (take - 1) ? CHUNK : len;

    while (len) {
        size_t n = len < chunk ? len : chunk;

        for (unsigned i = 0; i < m->count; i++)
            if (take & 1u << i)
                hash_update(&m->hash[i], p, n);
        p += n;
        len -= n;
    }
}

void tcg_hash_feed(const struct tcg *t, tcg_feed feed, void *arg,
                   struct tcg_digests *d)
{
    struct multihash m;

    for (unsigned first = 0; first < t->bank_count; first += m.count) {
        m.count = m.skip = 0;
        while (m.count < MULTI_BANKS && first + m.count < t->bank_count)
            multihash_add(&m, hash_find(t->bank[first + m.count].alg));
        feed(arg, &m);
        multihash_end(&m);
        for (unsigned i = 0; i < m.count; i++)
            hash_final(&m.hash[i], d->value[first + i]);
    }
}

struct pieces {
    const struct tcg_piece *piece;
    unsigned count;
};

static void feed_pieces(void *arg, struct multihash *m)
{
    const struct pieces *in = arg;

    for (unsigned i = 0; i < in->count; i++)
        multihash_update(m, in->piece[i].at, in->piece[i].len);
}

void tcg_hash_pieces(const struct tcg *t, const struct tcg_piece *piece,
                     unsigned count, struct tcg_digests *d)
{
    struct pieces in = { .piece = piece, .count = count };

    tcg_hash_feed(t, feed_pieces, &in, d);
}
