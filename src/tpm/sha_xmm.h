/* SPDX-License-Identifier: MIT */
/*
 * The processor's SHA extensions, for src/hash/hash.h.
 */
#ifndef HW_SHA_NI_H
#define HW_SHA_NI_H

/*
 * Make SHA-1 and SHA-256 use them if CPUID has them; otherwise nothing
 * changes.  Once, before the first hash.
 */
void sha_ni_setup(void);

#endif
