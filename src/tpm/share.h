/* SPDX-License-Identifier: MIT */
/*
 * Large data hashed by several processors while it comes into memory: each
 * takes one bank, or two, and follows.  For the first thing that is booted
 * only: afterwards the other processors may be somebody else's.
 */
#ifndef TPM_SHARE_H
#define TPM_SHARE_H

#include "tcg/multihash.h"

/*
 * Bytes that are copied and hashed at a time: what was copied is still in the
 * cache, and a transfer of fw_cfg or a change of control registers, which leave
 * a virtual machine, is nothing beside it.
 */
#define SHARE_STEP      0x100000u

/*
 * Get help with hashing len bytes at at for all of m.  *there says how many of
 * them are there, and grows to len before share_next() is called.  False: there
 * is no help.
 */
bool share_begin(struct multihash *m, const uint8_t *at, uint32_t len,
                 const volatile uint32_t *there);

/*
 * True: the caller updates m, which is set to take part of the banks only, with
 * all of the data, and asks again.  False: ask share_waits().
 */
bool share_next(struct multihash *m);

/*
 * Are the others still at work, or have left something to do?  Then ask
 * share_next() again.  False: all is done, and m is as the caller alone would
 * have made it.
 */
bool share_waits(struct multihash *m);

#endif
