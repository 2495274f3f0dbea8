/* SPDX-License-Identifier: MIT */
/*
 * The processor's SHA extensions and SSE2, for src/hash/hash.h.
 */
#ifndef TPM_SHA_XMM_H
#define TPM_SHA_XMM_H

/*
 * Make SHA-1, SHA-256, SHA-384 and SHA-512 use them, as far as CPUID has them;
 * otherwise nothing changes.  Once, before the first hash.
 */
void sha_xmm_setup(void);

#endif
