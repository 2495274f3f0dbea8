/* SPDX-License-Identifier: MIT */
/*
 * The table of hash algorithms, and what they share: buffering, padding and
 * output.  The block functions are in sha1.c, sha256.c, sha512.c, sm3.c and
 * keccak.c.  Resident: boot attempts and INT 1Ah hash after POST.
 *
 * FIPS 180-4 (SHA-1, SHA-2), FIPS 202 (SHA-3), GB/T 32905 (SM3).
 */
#include "hash/hash.h"

#include <string.h>

static const uint32_t sha1_initial[5] = {
    0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0,
};

static const uint32_t sha256_initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

static const uint64_t sha384_initial[8] = {
    0xcbbb9d5dc1059ed8, 0x629a292a367cd507, 0x9159015a3070dd17,
    0x152fecd8f70e5939, 0x67332667ffc00b31, 0x8eb44a8768581511,
    0xdb0c2e0d64f98fa7, 0x47b5481dbefa4fa4,
};

static const uint64_t sha512_initial[8] = {
    0x6a09e667f3bcc908, 0xbb67ae8584caa73b, 0x3c6ef372fe94f82b,
    0xa54ff53a5f1d36f1, 0x510e527fade682d1, 0x9b05688c2b3e6c1f,
    0x1f83d9abfb41bd6b, 0x5be0cd19137e2179,
};

static const uint32_t sm3_initial[8] = {
    0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
    0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e,
};

static const struct hash_alg algs[] = {
    { TPM_ALG_SHA1, 0x01, 20, 64, 5, 4, "SHA1", sha1_initial, sha1_blocks },
    { TPM_ALG_SHA256, 0x02, 32, 64, 8, 4, "SHA256", sha256_initial,
      sha256_blocks },
    { TPM_ALG_SHA384, 0x04, 48, 128, 8, 8, "SHA384", sha384_initial,
      sha512_blocks },
    { TPM_ALG_SHA512, 0x08, 64, 128, 8, 8, "SHA512", sha512_initial,
      sha512_blocks },
    { TPM_ALG_SM3_256, 0x10, 32, 64, 8, 4, "SM3", sm3_initial, sm3_blocks },
    { TPM_ALG_SHA3_256, 0x20, 32, 136, 0, 8, "SHA3-256", NULL, NULL },
    { TPM_ALG_SHA3_384, 0x40, 48, 104, 0, 8, "SHA3-384", NULL, NULL },
    { TPM_ALG_SHA3_512, 0x80, 64, 72, 0, 8, "SHA3-512", NULL, NULL },
};

/* What hash_use() has set, by row. */
static hash_blocks_fn instead[sizeof(algs) / sizeof(algs[0])];
static hash_blocks_fn pair;

const struct hash_alg *hash_at(unsigned i)
{
    return i < sizeof(algs) / sizeof(algs[0]) ? &algs[i] : NULL;
}

const struct hash_alg *hash_find(uint16_t id)
{
    const struct hash_alg *a;

    for (unsigned i = 0; (a = hash_at(i)) != NULL; i++)
        if (a->id == id)
            break;
    return a;
}

void hash_use(uint16_t id, hash_blocks_fn blocks)
{
    const struct hash_alg *a = hash_find(id);

    if (a)
        instead[a - algs] = blocks;
}

void hash_use_pair(hash_blocks_fn blocks)
{
    pair = blocks;
}

static void take_blocks(struct hash *h, const uint8_t *p, size_t blocks)
{
    hash_blocks_fn own = instead[h->alg - algs];
    void *states[2] = { &h->s, h->twin ? &h->twin->s : &h->s };

    if (pair && h->alg->blocks == sha512_blocks && (h->twin || !own))
        pair(states, p, blocks);
    else
        (own ? own : h->alg->blocks)(&h->s, p, blocks);
}

/* The buffer of a block that is not yet full; not for sponges. */
static uint8_t *pending(struct hash *h)
{
    return h->alg->word_bytes == 4 ? h->s.w32.block : h->s.w64.block;
}

void hash_init(struct hash *h, const struct hash_alg *alg)
{
    h->alg = alg;
    h->len = 0;
    h->twin = NULL;
    if (alg->words)
        memcpy(&h->s, alg->initial, (size_t)alg->words * alg->word_bytes);
    else
        memset(&h->s, 0, sizeof(h->s));
}

static void sponge_byte(struct hash *h, unsigned at, uint8_t v)
{
    h->s.sponge.lane[at / 8] ^= (uint64_t)v << (at % 8 * 8);
}

static void sponge_update(struct hash *h, const uint8_t *p, size_t len)
{
    unsigned rate = h->alg->block;
    unsigned at = (unsigned)(h->len % rate);

    h->len += len;
    for (; len; len--) {
        sponge_byte(h, at, *p++);
        if (++at == rate) {
            keccak_f1600(h->s.sponge.lane);
            at = 0;
        }
    }
}

void hash_update(struct hash *h, const void *data, size_t len)
{
    const uint8_t *p = data;
    size_t block = h->alg->block, have, take;

    if (!len)
        return;
    if (!h->alg->words) {
        sponge_update(h, p, len);
        return;
    }
    have = (size_t)h->len & (block - 1);
    h->len += len;
    if (have) {
        take = block - have < len ? block - have : len;
        memcpy(pending(h) + have, p, take);
        p += take;
        len -= take;
        if (have + take < block)
            return;
        take_blocks(h, pending(h), 1);
    }
    if (len >= block) {
        take_blocks(h, p, len / block);
        p += len / block * block;
        len &= block - 1;
    }
    memcpy(pending(h), p, len);
}

bool hash_join(struct hash *h, struct hash *twin)
{
    if (!pair || h->twin || h->alg->blocks != sha512_blocks ||
        twin->alg->blocks != sha512_blocks)
        return false;
    h->twin = twin;
    return true;
}

void hash_part(struct hash *h)
{
    if (!h->twin)
        return;
    memcpy(pending(h->twin), pending(h), h->alg->block);
    h->twin->len = h->len;
    h->twin = NULL;
}

static void sponge_final(struct hash *h, uint8_t *digest)
{
    unsigned rate = h->alg->block;

    sponge_byte(h, (unsigned)(h->len % rate), 0x06);
    sponge_byte(h, rate - 1, 0x80);
    keccak_f1600(h->s.sponge.lane);
    for (unsigned i = 0; i < h->alg->size; i++)
        digest[i] = (uint8_t)(h->s.sponge.lane[i / 8] >> (i % 8 * 8));
}

void hash_final(struct hash *h, uint8_t *digest)
{
    size_t block = h->alg->block;
    size_t have = (size_t)h->len & (block - 1);
    size_t length_bytes = block / 8;
    uint64_t bits = h->len * 8;
    uint8_t *buf = pending(h);

    if (!h->alg->words) {
        sponge_final(h, digest);
        return;
    }
    buf[have++] = 0x80;
    if (have > block - length_bytes) {
        memset(buf + have, 0, block - have);
        take_blocks(h, buf, 1);
        have = 0;
    }
    memset(buf + have, 0, block - have);
    for (unsigned i = 1; i <= 8; i++, bits >>= 8)
        buf[block - i] = (uint8_t)bits;
    take_blocks(h, buf, 1);
    for (unsigned i = 0; i < h->alg->size; i++) {
        digest[i] = h->alg->word_bytes == 4
            ? (uint8_t)(h->s.w32.h[i / 4] >> (24 - i % 4 * 8))
            : (uint8_t)(h->s.w64.h[i / 8] >> (56 - i % 8 * 8));
    }
}
