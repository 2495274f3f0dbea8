/* SPDX-License-Identifier: MIT */
/*
 * Large data, whole in memory, hashed by several processors: each takes one
 * bank, or two that are computed at once.  For the first thing that is booted
 * only: afterwards the other processors may be somebody else's.
 */
#ifndef TPM_SHARE_H
#define TPM_SHARE_H

#include "tcg/multihash.h"

/*
 * Get help with hashing len bytes at at for all of m.  False: there is none, or
 * nothing to share.
 */
bool share_begin(struct multihash *m, const uint8_t *at, uint32_t len);

/*
 * True: the caller updates m, which is set to take part of the banks only, with
 * all of the data, and asks again.  False: all is done.
 */
bool share_next(struct multihash *m);

#endif
