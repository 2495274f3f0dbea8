/* SPDX-License-Identifier: MIT */
/*
 * Hash algorithms, streaming.  One table says which exist; a TPM bank whose
 * algorithm is not in it cannot be measured into.
 */
#ifndef TCG_HASH_H
#define TCG_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* TPM_ALG_ID, TPM 2.0 Library part 2, 6.3 */
#define TPM_ALG_SHA1        0x0004u
#define TPM_ALG_SHA256      0x000bu
#define TPM_ALG_SHA384      0x000cu
#define TPM_ALG_SHA512      0x000du
#define TPM_ALG_NULL        0x0010u
#define TPM_ALG_SM3_256     0x0012u
#define TPM_ALG_SHA3_256    0x0027u
#define TPM_ALG_SHA3_384    0x0028u
#define TPM_ALG_SHA3_512    0x0029u

#define HASH_MAX_SIZE       64          /* of a digest */

/* Takes whole blocks; state is the algorithm's, see struct hash. */
typedef void (*hash_blocks_fn)(void *state, const uint8_t *p, size_t blocks);

struct hash_alg {
    uint16_t id;            /* TPM_ALG_ID */
    uint8_t bit;            /* in the PPI's and TCG2's bank bitmaps */
    uint8_t size;           /* of the digest */
    uint8_t block;          /* bytes per block (sponges: rate) */
    uint8_t words;          /* of initial state; 0: a sponge */
    uint8_t word_bytes;     /* 4 or 8 */
    const char *name;
    const void *initial;
    hash_blocks_fn blocks;
};

/* A hash being computed. */
struct hash {
    union {
        struct { uint32_t h[8]; uint8_t block[64]; } w32;
        struct { uint64_t h[8]; uint8_t block[128]; } w64;
        struct { uint64_t lane[25]; } sponge;
    } s;
    uint64_t len;           /* bytes taken so far */
    const struct hash_alg *alg;
    struct hash *twin;      /* see hash_join() */
};

#define SHA1_SIZE           20u         /* also what a TPM 1.2 has only */

/* The table's row for an algorithm, or NULL. */
const struct hash_alg *hash_find(uint16_t id);
/* Row i, or NULL past the end. */
const struct hash_alg *hash_at(unsigned i);

/*
 * From now on the platform's own block function hashes for algorithm id, not
 * the table's.  Between hashes only.
 */
void hash_use(uint16_t id, hash_blocks_fn blocks);

/*
 * The same for SHA-384 and SHA-512, by a function that computes two states at
 * once, or one twice: its state is a uint64_t *[2].  For one alone what
 * hash_use() has set comes first.
 */
void hash_use_pair(hash_blocks_fn blocks);

void hash_init(struct hash *h, const struct hash_alg *alg);
void hash_update(struct hash *h, const void *data, size_t len);

/*
 * After hash_init() of both: if they are SHA-384 and SHA-512, and it saves
 * time, what h takes from now on is also its twin's, which takes nothing
 * itself.  Says whether; ends with hash_part(), which changes nothing if they
 * are not.
 */
bool hash_join(struct hash *h, struct hash *twin);
void hash_part(struct hash *h);

/* Writes alg->size bytes; h is used up. */
void hash_final(struct hash *h, uint8_t *digest);

/* Block functions, for the table only. */
void sha1_blocks(void *state, const uint8_t *p, size_t blocks);
void sha256_blocks(void *state, const uint8_t *p, size_t blocks);
void sha512_blocks(void *state, const uint8_t *p, size_t blocks);
void sm3_blocks(void *state, const uint8_t *p, size_t blocks);
/* For hash_use() on x86, where the processor has them; see sha_ni.c. */
void sha1_ni_blocks(void *state, const uint8_t *p, size_t blocks);
void sha256_ni_blocks(void *state, const uint8_t *p, size_t blocks);
/* For hash_use_pair(), likewise; see sha512_sse2.c. */
void sha512_sse2_blocks(void *states, const uint8_t *p, size_t blocks);
/* For hash_use() of both, see sha512_avx2.c. */
void sha512_avx2_blocks(void *state, const uint8_t *p, size_t blocks);
extern const uint32_t sha256_k[64];
extern const uint64_t sha512_k[80];         /* at a multiple of 16 */
void keccak_f1600(uint64_t lane[25]);

static inline uint32_t hash_load_be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

static inline uint32_t hash_rol32(uint32_t v, unsigned n)
{
    return v << (n & 31) | v >> (-n & 31);
}

#endif
