/* SPDX-License-Identifier: MIT */
/*
 * The processor's SHA extensions, SSE2 and AVX2, for src/hash/hash.h.
 */
#ifndef TPM_SHA_XMM_H
#define TPM_SHA_XMM_H

#include "hash/hash.h"

/*
 * POST only.  Make SHA-1, SHA-256, SHA-384 and SHA-512 use them, as far as
 * CPUID has them; otherwise nothing changes.  Once, before the first hash.
 */
void sha_xmm_setup(void);

/* Resident.  Of hash_use(), and the third one of hash_use_pair(): all registers
 * are as before. */
void sha1_blocks_xmm(void *state, const uint8_t *p, size_t blocks);
void sha256_blocks_xmm(void *state, const uint8_t *p, size_t blocks);
void sha512_blocks_xmm(void *states, const uint8_t *p, size_t blocks);
void sha512_blocks_ymm(void *state, const uint8_t *p, size_t blocks);

#endif
