/* SPDX-License-Identifier: MIT */
/* Readers and writers: values, bounds, stickiness, patched sizes. */
#include "check.h"
#include "lib/cursor.h"

static const uint8_t data[] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13 };

static void test_read(void **state)
{
    struct rd r = rd_from(data, sizeof(data)), s;

    (void)state;
    assert_int_equal(rd_u8(&r), 1);
    assert_int_equal(rd_be16(&r), 0x0203);
    assert_int_equal(rd_le16(&r), 0x0504);
    assert_int_equal(rd_be32(&r), 0x06070809);
    s = r;
    assert_int_equal(rd_le32(&s), 0x0d0c0b0a);
    assert_true(rd_end(&s));
    s = rd_sub(&r, 2);
    assert_false(rd_end(&s));
    assert_int_equal(rd_be16(&s), 0x0a0b);
    assert_true(rd_end(&s));
    assert_int_equal(rd_u8(&s), 0);
    assert_true(s.bad);
    assert_false(rd_end(&s));
    assert_ptr_equal(rd_bytes(&r, 2), data + 11);
    assert_true(rd_end(&r));
}

static void test_read_short(void **state)
{
    (void)state;
    for (size_t n = 0; n < 4; n++) {
        struct rd r = rd_from(data, n);

        assert_int_equal(rd_be32(&r), 0);
        assert_true(r.bad);
        assert_int_equal(rd_u8(&r), 0);
        r = rd_from(data, n);
        assert_int_equal(rd_le32(&r), 0);
        assert_true(r.bad);
        r = rd_from(data, n);
        rd_skip(&r, n + 1);
        assert_true(r.bad);
        r = rd_from(data, n);
        assert_true(rd_sub(&r, SIZE_MAX).bad);
        assert_true(r.bad);
        assert_null(rd_bytes(&r, 0));
    }
    for (size_t n = 0; n < 2; n++) {
        struct rd r = rd_from(data, n);

        assert_int_equal(rd_be16(&r), 0);
        r = rd_from(data, n);
        assert_int_equal(rd_le16(&r), 0);
        assert_true(r.bad);
    }
}

static void test_write(void **state)
{
    static const uint8_t want[] = {
        1, 2, 3, 5, 4, 0, 4, 9, 8, 7, 6, 6, 7, 8, 9, 0, 0, 0, 2, 0, 0,
        1, 0, 0, 0, 'x',
    };
    uint8_t buf[26];
    struct wr w = wr_to(buf, sizeof(buf));
    size_t mark;

    (void)state;
    wr_u8(&w, 1);
    wr_be16(&w, 0x0203);
    wr_le16(&w, 0x0405);
    mark = wr_size_be16(&w);
    wr_be32(&w, 0x09080706);
    wr_close_be16(&w, mark);
    wr_le32(&w, 0x09080706);
    mark = wr_size_be32(&w);
    wr_zero(&w, 2);
    wr_close_be32(&w, mark);
    mark = wr_size_le32(&w);
    wr_bytes(&w, "x", 1);
    wr_close_le32(&w, mark);
    wr_bytes(&w, NULL, 0);
    wr_zero(&w, 0);
    assert_false(w.bad);
    assert_int_equal(w.len, sizeof(want));
    assert_memory_equal(buf, want, sizeof(want));
    wr_patch_be32(&w, 22, 0x01020304);
    assert_memory_equal(buf + 22, "\1\2\3\4", 4);
    assert_false(w.bad);
    wr_patch_be32(&w, 23, 0);
    assert_true(w.bad);
}

static void test_write_full(void **state)
{
    uint8_t buf[8];

    (void)state;
    for (size_t cap = 0; cap < 4; cap++) {
        struct wr w = wr_to(buf, cap);
        size_t mark = wr_size_be32(&w);

        assert_true(w.bad);
        wr_close_be32(&w, mark);
        wr_close_le32(&w, mark);
        wr_close_be16(&w, mark);
        wr_u8(&w, 1);
        wr_bytes(&w, "", 1);
        wr_zero(&w, 1);
        wr_patch_be32(&w, 0, 1);
        assert_int_equal(w.len, 0);
    }
}

static void test_write_size_too_large(void **state)
{
    static uint8_t buf[0x10010];
    struct wr w = wr_to(buf, sizeof(buf));
    size_t mark = wr_size_be16(&w);

    (void)state;
    wr_zero(&w, 0x10000);
    assert_false(w.bad);
    wr_close_be16(&w, mark);
    assert_true(w.bad);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_read),
        cmocka_unit_test(test_read_short),
        cmocka_unit_test(test_write),
        cmocka_unit_test(test_write_full),
        cmocka_unit_test(test_write_size_too_large),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
