/* SPDX-License-Identifier: MIT */
/*
 * One pass over data for all banks of a TPM; and data that is not in memory as
 * a whole, which the caller hands out in parts.  Resident.
 */
#ifndef TCG_MULTIHASH_H
#define TCG_MULTIHASH_H

#include "hash/hash.h"
#include "tcg/tcg.h"

/* Banks hashed side by side; more active banks take another pass. */
#define MULTI_BANKS         4

struct multihash {
    struct hash hash[MULTI_BANKS];
    unsigned count;
    unsigned skip;          /* bit i: an update is not for hash[i]: another
                             * one computes it, too */
};

/* From none on: one more, before any data; the data; no more will come. */
void multihash_add(struct multihash *m, const struct hash_alg *alg);
void multihash_update(struct multihash *m, const void *data, size_t len);
void multihash_end(struct multihash *m);

/* Hands all data to m; called again, with the same result, per pass. */
typedef void (*tcg_feed)(void *arg, struct multihash *m);

/* Hash what feed hands out, for every bank of *t. */
void tcg_hash_feed(const struct tcg *t, tcg_feed feed, void *arg,
                   struct tcg_digests *d);
void tcg_hash_pieces(const struct tcg *t, const struct tcg_piece *piece,
                     unsigned count, struct tcg_digests *d);

#endif
