/* SPDX-License-Identifier: MIT */
/*
 * Decompression of the overlays beside zlib: all kinds of blocks, long codes,
 * streams that are cut or changed.
 */
#include "check.h"

#include <zlib.h>

#include "lib/inflate.h"

#define PLAIN_MAX   70000u
#define PACKED_MAX  (PLAIN_MAX + 1000u)

static uint8_t plain[PLAIN_MAX], packed[PACKED_MAX];

static uint32_t deflated(const uint8_t *in, uint32_t len, int level,
                         int strategy)
{
    z_stream z = { 0 };
    uint32_t n;

    assert_int_equal(deflateInit2(&z, level, Z_DEFLATED, -15, 9, strategy),
                     Z_OK);
    z.next_in = (uint8_t *)(uintptr_t)in;
    z.avail_in = len;
    z.next_out = packed;
    z.avail_out = sizeof(packed);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    n = (uint32_t)z.total_out;
    deflateEnd(&z);
    return n;
}

/* inflate_to(), its input and output in blocks of exactly their sizes, so
 * that the sanitizer sees one byte too far; whatever is behind the input. */
static bool inflates(const uint8_t *in, uint32_t in_len, uint8_t *out,
                     uint32_t out_len)
{
    uint8_t *copy = malloc(in_len + INFLATE_BEHIND);
    uint8_t *room = malloc(out_len ? out_len : 1);
    bool good;

    memcpy(copy, in, in_len);
    memset(copy + in_len, 0x00, INFLATE_BEHIND);
    good = inflate_to(copy, in_len, room, out_len);
    memset(copy + in_len, 0xff, INFLATE_BEHIND);
    assert_int_equal(inflate_to(copy, in_len, room, out_len), good);
    if (out)
        memcpy(out, room, out_len);
    free(copy);
    free(room);
    return good;
}

/* Bytes of which some are frequent, with repetitions near and far. */
static void make_plain(uint32_t len, uint32_t spread)
{
    uint32_t x = 12345 + spread;

    for (uint32_t i = 0; i < len; i++) {
        x = x * 1103515245u + 12345u;
        if (i > 300 && (x >> 16) % 5 == 0) {
            uint32_t back = 1 + (x >> 8) % (i < 32768 ? i : 32768);
            uint32_t n = 3 + (x >> 20) % 256;

            for (; n && i < len; n--, i++)
                plain[i] = plain[i - back];
            i--;
            continue;
        }
        /* the number of low zeros halves each byte's frequency */
        plain[i] = (uint8_t)(__builtin_ctz(x >> 8 | 1u << 20) * 11 +
                             (spread ? (x >> 24) % spread : 0));
    }
}

static void test_beside_zlib(void **state)
{
    static const uint32_t lens[] = { 0, 1, 2, 63, 1000, 40000, PLAIN_MAX };
    static const int strategies[] = {
        Z_DEFAULT_STRATEGY, Z_FIXED, Z_HUFFMAN_ONLY, Z_RLE,
    };
    static uint8_t out[PLAIN_MAX];

    (void)state;
    for (unsigned l = 0; l < sizeof(lens) / sizeof(*lens); l++) {
        for (unsigned i = 0; i < 4 * 10 * 3; i++) {
            int level = (int)(i % 10), strategy = strategies[i / 10 % 4];
            uint32_t n;

            make_plain(lens[l], i / 40 * 100);
            n = deflated(plain, lens[l], level, strategy);
            memset(out, 0xee, sizeof(out));
            if (!inflates(packed, n, out, lens[l]) ||
                memcmp(out, plain, lens[l]) != 0)
                fail_msg("%u bytes, level %d, strategy %d: not what was "
                         "packed", lens[l], level, strategy);
        }
    }
}

static void test_other_sizes_fail(void **state)
{
    uint32_t n;

    (void)state;
    make_plain(5000, 100);
    n = deflated(plain, 5000, 9, Z_DEFAULT_STRATEGY);
    assert_true(inflates(packed, n, NULL, 5000));
    assert_false(inflates(packed, n, NULL, 4999));
    assert_false(inflates(packed, n, NULL, 5001));
    assert_false(inflates(packed, n, NULL, 0));
}

static void test_cut_streams_fail(void **state)
{
    static const int strategies[] = { Z_DEFAULT_STRATEGY, Z_FIXED };

    (void)state;
    for (unsigned s = 0; s < 2; s++) {
        uint32_t n;

        make_plain(3000, 100);
        n = deflated(plain, 3000, 9, strategies[s]);
        /* the last symbol ends the block: the bytes before may be complete */
        for (uint32_t cut = 0; cut + 4 < n; cut++)
            if (inflates(packed, cut, NULL, 3000))
                fail_msg("%u of %u bytes: taken for whole", cut, n);
    }
}

/* Any change either fails or gives what zlib makes of it. */
static void test_changed_streams(void **state)
{
    static uint8_t ours[3000], theirs[3000 + 1];
    uint32_t n;

    (void)state;
    make_plain(3000, 100);
    n = deflated(plain, 3000, 9, Z_DEFAULT_STRATEGY);
    for (uint32_t bit = 0; bit < n * 8; bit++) {
        z_stream z = { 0 };
        bool good;

        packed[bit / 8] ^= (uint8_t)(1u << bit % 8);
        good = inflates(packed, n, ours, sizeof(ours));
        inflateInit2(&z, -15);
        z.next_in = packed;
        z.avail_in = n;
        z.next_out = theirs;
        z.avail_out = sizeof(theirs);
        if (inflate(&z, Z_FINISH) == Z_STREAM_END &&
            z.total_out == sizeof(ours)) {
            if (!good || memcmp(ours, theirs, sizeof(ours)) != 0)
                fail_msg("bit %u changed: zlib unpacks it otherwise", bit);
        }
        inflateEnd(&z);
        packed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_beside_zlib),
        cmocka_unit_test(test_other_sizes_fail),
        cmocka_unit_test(test_cut_streams_fail),
        cmocka_unit_test(test_changed_streams),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
