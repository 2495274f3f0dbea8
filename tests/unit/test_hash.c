/* SPDX-License-Identifier: MIT */
/*
 * Hash algorithms against the example messages of NIST's cryptographic
 * standards page (SHA-1, SHA-2, SHA-3: "", "abc", 448 bits, 896 bits, a
 * million times "a") and GB/T 32905-2016 A.1 (SM3: "abc"); SM3 digests of the
 * other messages as OpenSSL gives them.  All in a streaming interface, cut in
 * every way.
 */
#if defined(__i386__) || defined(__x86_64__)
#include <cpuid.h>
#endif

#include "check.h"
#include "hash/hash.h"
#include "tcg/internal.h"

static const char *const messages[] = {
    "", "abc",
    "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
    "abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
    "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
};
#define MILLION_A   4

static const struct { uint16_t alg; unsigned message; const char *hex; }
vectors[] = {
    { 0x04, 0,
      "da39a3ee5e6b4b0d3255bfef95601890afd80709" },
    { 0x04, 1,
      "a9993e364706816aba3e25717850c26c9cd0d89d" },
    { 0x04, 2,
      "84983e441c3bd26ebaae4aa1f95129e5e54670f1" },
    { 0x04, 3,
      "a49b2446a02c645bf419f995b67091253a04a259" },
    { 0x04, 4,
      "34aa973cd4c4daa4f61eeb2bdbad27316534016f" },
    { 0x0b, 0,
      "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b"
      "7852b855" },
    { 0x0b, 1,
      "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61"
      "f20015ad" },
    { 0x0b, 2,
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd4"
      "19db06c1" },
    { 0x0b, 3,
      "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac4503"
      "7afee9d1" },
    { 0x0b, 4,
      "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39cc"
      "c7112cd0" },
    { 0x0c, 0,
      "38b060a751ac96384cd9327eb1b1e36a21fdb71114be07434c0cc7bf"
      "63f6e1da274edebfe76f65fbd51ad2f14898b95b" },
    { 0x0c, 1,
      "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a"
      "43ff5bed8086072ba1e7cc2358baeca134c825a7" },
    { 0x0c, 2,
      "3391fdddfc8dc7393707a65b1b4709397cf8b1d162af05abfe8f450d"
      "e5f36bc6b0455a8520bc4e6f5fe95b1fe3c8452b" },
    { 0x0c, 3,
      "09330c33f71147e83d192fc782cd1b4753111b173b3b05d22fa08086"
      "e3b0f712fcc7c71a557e2db966c3e9fa91746039" },
    { 0x0c, 4,
      "9d0e1809716474cb086e834e310a4a1ced149e9c00f248527972cec5"
      "704c2a5b07b8b3dc38ecc4ebae97ddd87f3d8985" },
    { 0x0d, 0,
      "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921"
      "d36ce9ce47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81"
      "a538327af927da3e" },
    { 0x0d, 1,
      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee6"
      "4b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e"
      "2a9ac94fa54ca49f" },
    { 0x0d, 2,
      "204a8fc6dda82f0a0ced7beb8e08a41657c16ef468b228a8279be331"
      "a703c33596fd15c13b1b07f9aa1d3bea57789ca031ad85c7a71dd703"
      "54ec631238ca3445" },
    { 0x0d, 3,
      "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aead"
      "b6889018501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd2654"
      "5e96e55b874be909" },
    { 0x0d, 4,
      "e718483d0ce769644e2e42c7bc15b4638e1f98b13b2044285632a803"
      "afa973ebde0ff244877ea60a4cb0432ce577c31beb009c5c2c49aa2e"
      "4eadb217ad8cc09b" },
    { 0x12, 0,
      "1ab21d8355cfa17f8e61194831e81a8f22bec8c728fefb747ed035eb"
      "5082aa2b" },
    { 0x12, 1,
      "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b"
      "8f4ba8e0" },
    { 0x12, 2,
      "639b6cc5e64d9e37a390b192df4fa1ea0720ab747ff692b9f38c4e66"
      "ad7b8c05" },
    { 0x12, 3,
      "78bcfb586acd983d7fae8e6930157f1562019e2caf68f1c98a855f1a"
      "95bb89bb" },
    { 0x12, 4,
      "c8aaf89429554029e231941a2acc0ad61ff2a5acd8fadd25847a3a73"
      "2b3b02c3" },
    { 0x27, 0,
      "a7ffc6f8bf1ed76651c14756a061d662f580ff4de43b49fa82d80a4b"
      "80f8434a" },
    { 0x27, 1,
      "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe245"
      "11431532" },
    { 0x27, 2,
      "41c0dba2a9d6240849100376a8235e2c82e1b9998a999e21db32dd97"
      "496d3376" },
    { 0x27, 3,
      "916f6061fe879741ca6469b43971dfdb28b1a32dc36cb3254e812be2"
      "7aad1d18" },
    { 0x27, 4,
      "5c8875ae474a3634ba4fd55ec85bffd661f32aca75c6d699d0cdcb6c"
      "115891c1" },
    { 0x28, 0,
      "0c63a75b845e4f7d01107d852e4c2485c51a50aaaa94fc61995e71bb"
      "ee983a2ac3713831264adb47fb6bd1e058d5f004" },
    { 0x28, 1,
      "ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0"
      "e49be4b298d88cea927ac7f539f1edf228376d25" },
    { 0x28, 2,
      "991c665755eb3a4b6bbdfb75c78a492e8c56a22c5c4d7e429bfdbc32"
      "b9d4ad5aa04a1f076e62fea19eef51acd0657c22" },
    { 0x28, 3,
      "79407d3b5916b59c3e30b09822974791c313fb9ecc849e406f23592d"
      "04f625dc8c709b98b43b3852b337216179aa7fc7" },
    { 0x28, 4,
      "eee9e24d78c1855337983451df97c8ad9eedf256c6334f8e948d252d"
      "5e0e76847aa0774ddb90a842190d2c558b4b8340" },
    { 0x29, 0,
      "a69f73cca23a9ac5c8b567dc185a756e97c982164fe25859e0d1dcc1"
      "475c80a615b2123af1f5f94c11e3e9402c3ac558f500199d95b6d3e3"
      "01758586281dcd26" },
    { 0x29, 1,
      "b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d02"
      "40d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a5"
      "6592f8274eec53f0" },
    { 0x29, 2,
      "04a371e84ecfb5b8b77cb48610fca8182dd457ce6f326a0fd3d7ec2f"
      "1e91636dee691fbe0c985302ba1b0d8dc78c086346b533b49c030d99"
      "a27daf1139d6e75e" },
    { 0x29, 3,
      "afebb2ef542e6579c50cad06d2e578f9f8dd6881d7dc824d26360fee"
      "bf18a4fa73e3261122948efcfd492e74e82e2189ed0fb440d187f382"
      "270cb455f21dd185" },
    { 0x29, 4,
      "3c3a876da14034ab60627c077bb98f7e120a2a5370212dffb3385a18"
      "d4f38859ed311d0a9d5141ce9cc5c66ee689b266a8aa18ace8282a0e"
      "0db596c90b0a7b87" },
};

static void check(const struct hash_alg *a, struct hash *h, const char *hex)
{
    uint8_t digest[HASH_MAX_SIZE];
    char text[2 * HASH_MAX_SIZE + 1];

    hash_final(h, digest);
    for (unsigned i = 0; i < a->size; i++)
        sprintf(text + 2 * i, "%02x", digest[i]);
    assert_string_equal(text, hex);
}

static void test_vectors(void **state)
{
    static char million[1000000];

    (void)state;
    memset(million, 'a', sizeof(million));
    for (size_t i = 0; i < sizeof(vectors) / sizeof(*vectors); i++) {
        const struct hash_alg *a = hash_find(vectors[i].alg);
        bool big = vectors[i].message == MILLION_A;
        const char *m = big ? million : messages[vectors[i].message];
        size_t len = big ? sizeof(million) : strlen(m);
        struct hash h;

        assert_non_null(a);
        hash_init(&h, a);
        hash_update(&h, m, len);
        check(a, &h, vectors[i].hex);
        for (size_t step = 1; step <= 2 * a->block && !big; step++) {
            hash_init(&h, a);
            for (size_t at = 0; at < len; at += step)
                hash_update(&h, m + at, len - at < step ? len - at : step);
            hash_update(&h, m, 0);
            check(a, &h, vectors[i].hex);
        }
    }
}

/* Every length around the blocks' ends: one call against many. */
static void test_lengths(void **state)
{
    uint8_t m[600], one[64], two[64];
    const struct hash_alg *a;

    (void)state;
    for (unsigned i = 0; i < sizeof(m); i++)
        m[i] = (uint8_t)(i * 31 + 7);
    for (unsigned k = 0; (a = hash_at(k)) != NULL; k++) {
        for (size_t len = 0; len < 300; len++) {
            struct hash h;

            hash_init(&h, a);
            hash_update(&h, m, len);
            hash_final(&h, one);
            hash_init(&h, a);
            hash_update(&h, m, len / 3);
            hash_update(&h, m + len / 3, len / 2);
            hash_update(&h, m + len / 3 + len / 2, len - len / 3 - len / 2);
            hash_final(&h, two);
            assert_memory_equal(one, two, a->size);
        }
    }
}

/* The vectors again, and random data, by the SHA extensions if there are
 * any. */
static void test_sha_extensions(void **state)
{
#if defined(__i386__) || defined(__x86_64__)
    static const uint16_t ids[2] = { TPM_ALG_SHA1, TPM_ALG_SHA256 };
    static uint8_t data[5000];
    uint8_t plain[2][64], fast[64];
    struct hash h;
    unsigned a, b, c, d;

    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b >> 29 & 1))
        skip();
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * i + i / 7);
    for (size_t len = 0; len < sizeof(data); len += 37) {
        for (int k = 0; k < 2; k++) {
            hash_use(ids[k], k ? sha256_blocks : sha1_blocks);
            hash_init(&h, hash_find(ids[k]));
            hash_update(&h, data + 1, len);
            hash_final(&h, plain[k]);
            hash_use(ids[k], k ? sha256_ni_blocks : sha1_ni_blocks);
            hash_init(&h, hash_find(ids[k]));
            hash_update(&h, data + 1, len);
            hash_final(&h, fast);
            assert_memory_equal(plain[k], fast, hash_find(ids[k])->size);
        }
    }
    test_vectors(state);
    hash_use(TPM_ALG_SHA1, sha1_blocks);
    hash_use(TPM_ALG_SHA256, sha256_blocks);
    hash_use(TPM_ALG_NULL, sha1_blocks);        /* no such row: nothing */
#else
    (void)state;
    skip();
#endif
}

#if defined(__i386__) || defined(__x86_64__)

/* SHA-384 and SHA-512 of data in pieces, as twins or each for itself. */
static void both(bool as_twins, const uint8_t *data, size_t len, size_t piece,
                 uint8_t digest[2][64])
{
    struct hash h[2];

    hash_init(&h[0], hash_find(TPM_ALG_SHA512));
    hash_init(&h[1], hash_find(TPM_ALG_SHA384));
    if (as_twins)
        assert_true(hash_join(&h[0], &h[1]));
    for (size_t at = 0; at < len; at += piece) {
        size_t n = len - at < piece ? len - at : piece;

        hash_update(&h[0], data + at, n);
        if (!as_twins)
            hash_update(&h[1], data + at, n);
    }
    hash_part(&h[0]);
    hash_part(&h[1]);
    hash_final(&h[0], digest[0]);
    hash_final(&h[1], digest[1]);
}

/* By SSE2, each for itself and as twins: every length around the blocks' ends
 * and longer ones, at addresses of every kind, against the C code. */
static void sse2_lengths(void)
{
    static uint8_t data[3000];
    uint8_t plain[2][64] = { 0 }, fast[2][64] = { 0 };
    uint32_t random = 1;

    for (unsigned i = 0; i < sizeof(data); i++) {
        random = random * 1664525 + 1013904223;
        data[i] = (uint8_t)(random >> 24);
    }
    for (size_t len = 0; len < sizeof(data) - 16;
         len += len < 400 ? 1 : 1 + len % 61) {
        const uint8_t *p = data + len % 16;

        hash_use_pair(NULL);
        both(false, p, len, len + 1, plain);
        hash_use_pair(sha512_sse2_blocks);
        both(false, p, len, len + 1, fast);
        assert_memory_equal(plain, fast, sizeof(plain));
        for (size_t piece = 1; piece < 600; piece = piece * 3 + 1) {
            both(true, p, len, piece, fast);
            assert_memory_equal(plain, fast, sizeof(plain));
        }
    }
}

/* Who has a twin, and who cannot. */
static void sse2_twins(void)
{
    static const uint16_t ids[4] = {
        TPM_ALG_SHA512, TPM_ALG_SHA384, TPM_ALG_SHA384, TPM_ALG_SHA256,
    };
    struct hash h[4];

    for (unsigned i = 0; i < 4; i++)
        hash_init(&h[i], hash_find(ids[i]));
    assert_false(hash_join(&h[0], &h[3]));
    assert_false(hash_join(&h[3], &h[0]));
    assert_true(hash_join(&h[0], &h[1]));
    assert_false(hash_join(&h[0], &h[2]));
    hash_use_pair(NULL);
    hash_init(&h[0], hash_find(ids[0]));
    assert_false(hash_join(&h[0], &h[1]));
}

static void test_multihash(void **state);

/* The vectors again, and more, by AVX2; twins still take SSE2. */
static void test_avx2(void **state)
{
    static const uint16_t ids[2] = { TPM_ALG_SHA384, TPM_ALG_SHA512 };
    static uint8_t data[3000];
    uint8_t plain[2][64] = { 0 }, fast[2][64] = { 0 };

    if (!__builtin_cpu_supports("avx2"))
        skip();
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * i * 11 + i / 5);
    for (size_t len = 0; len < sizeof(data) - 16;
         len += len < 400 ? 1 : 1 + len % 61) {
        const uint8_t *p = data + len % 16;

        for (unsigned i = 0; i < 2; i++)
            hash_use(ids[i], NULL);
        both(false, p, len, len + 1, plain);
        for (unsigned i = 0; i < 2; i++)
            hash_use(ids[i], sha512_avx2_blocks);
        for (size_t piece = 1; piece < 600; piece = piece * 3 + 1) {
            both(false, p, len, piece, fast);
            assert_memory_equal(plain, fast, sizeof(plain));
        }
        hash_use_pair(sha512_sse2_blocks);
        both(true, p, len, len / 2 + 1, fast);
        assert_memory_equal(plain, fast, sizeof(plain));
        both(false, p, len, len / 2 + 1, fast);
        assert_memory_equal(plain, fast, sizeof(plain));
        hash_use_pair(NULL);
    }
    test_vectors(state);
    test_lengths(state);
    test_multihash(state);
    hash_use_pair(sha512_sse2_blocks);
    test_multihash(state);
    hash_use_pair(NULL);
    for (unsigned i = 0; i < 2; i++)
        hash_use(ids[i], NULL);
}

/* Which function the hashes of one and of both are given to. */
static unsigned taken_alone, taken_both;

static void alone_blocks(void *state, const uint8_t *p, size_t blocks)
{
    (void)state;
    (void)p;
    taken_alone += (unsigned)blocks;
}

static void both_blocks(void *states, const uint8_t *p, size_t blocks)
{
    uint64_t *const *state = states;

    (void)p;
    taken_both += (unsigned)blocks;
    assert_ptr_not_equal(state[0], state[1]);
}

static void test_choice(void **state)
{
    static uint8_t data[2048];
    uint8_t digest[2][64];

    (void)state;
    hash_use(TPM_ALG_SHA384, alone_blocks);
    hash_use(TPM_ALG_SHA512, alone_blocks);
    hash_use_pair(both_blocks);
    both(true, data, 2048, 2048, digest);
    assert_int_equal(taken_both, 16);
    assert_int_equal(taken_alone, 2);           /* each one's padding */
    both(false, data, 2048, 2048, digest);
    assert_int_equal(taken_both, 16);
    assert_int_equal(taken_alone, 2 + 2 * 17);
    hash_use_pair(NULL);
    hash_use(TPM_ALG_SHA384, NULL);
    hash_use(TPM_ALG_SHA512, NULL);
}

/* The vectors again, and more, by SSE2. */
static void test_sse2(void **state)
{
    if (!__builtin_cpu_supports("sse2"))
        skip();
    sse2_lengths();
    hash_use_pair(sha512_sse2_blocks);
    test_vectors(state);
    test_lengths(state);
    test_multihash(state);
    sse2_twins();
    hash_use_pair(NULL);
}

#else

static void no_test(void **state)
{
    (void)state;
    skip();
}
#define test_sse2   no_test
#define test_avx2   no_test
#define test_choice no_test

#endif

static void test_table(void **state)
{
    const struct hash_alg *a;
    unsigned bits = 0;

    (void)state;
    for (unsigned k = 0; (a = hash_at(k)) != NULL; k++) {
        assert_ptr_equal(hash_find(a->id), a);
        assert_int_equal(bits & a->bit, 0);
        bits |= a->bit;
        assert_true(a->size <= HASH_MAX_SIZE);
    }
    assert_int_equal(bits, 0xff);
    assert_null(hash_find(TPM_ALG_NULL));
}

/* Eight banks in two passes give what eight hashes give. */
static void test_multihash(void **state)
{
    static uint8_t m[10000];
    struct tcg_piece piece[3] = { { m, 1 }, { m + 1, 0 }, { m + 1, 9999 } };
    struct tcg t = { 0 };
    struct tcg_digests d;

    (void)state;
    for (unsigned i = 0; i < sizeof(m); i++)
        m[i] = (uint8_t)(i * 13);
    for (unsigned k = 0; hash_at(k); k++) {
        t.bank[t.bank_count++] =
            (struct tcg_bank){ hash_at(k)->id, hash_at(k)->size };
    }
    tcg_hash_pieces(&t, piece, 3, &d);
    for (unsigned k = 0; hash_at(k); k++) {
        uint8_t one[64];
        struct hash h;

        hash_init(&h, hash_at(k));
        hash_update(&h, m, sizeof(m));
        hash_final(&h, one);
        assert_memory_equal(one, d.value[k], hash_at(k)->size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vectors),
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_sha_extensions),
        cmocka_unit_test(test_sse2),
        cmocka_unit_test(test_avx2),
        cmocka_unit_test(test_choice),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_multihash),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
