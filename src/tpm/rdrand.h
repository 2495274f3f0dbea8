/* SPDX-License-Identifier: MIT */
/*
 * Random bytes from the processor.  Resident.
 */
#ifndef TPM_RDRAND_H
#define TPM_RDRAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * len bytes, a multiple of 4, by RDRAND.  Returns 0, or ERR_ABSENT when the
 * processor has no RDRAND or what it gives cannot be random; *to is then of no
 * use.  ctx is not used.
 */
int rdrand_bytes(void *ctx, void *to, size_t len);

/* The same from any source of words; next() may fail now and then. */
int rdrand_fill(bool (*next)(uint32_t *word), uint8_t *to, size_t len);

#endif
