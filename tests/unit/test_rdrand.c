/* SPDX-License-Identifier: MIT */
/*
 * RDRAND as a source of a secret: one that fails now and then serves, one that
 * is stuck does not.
 */
#include "check.h"
#include "lib/err.h"
#include "tpm/rdrand.h"

static unsigned calls, bad_each, good_from;
static uint32_t stuck;

static bool counting(uint32_t *word)
{
    *word = 0x01020304u + calls;
    return bad_each == 0 || ++calls % bad_each == 0;
}

/* The same answer for ever, CF set. */
static bool same(uint32_t *word)
{
    *word = stuck;
    return ++calls < 1000;
}

/* What AMD's processors gave after S3, and then something else. */
static bool late(uint32_t *word)
{
    *word = calls < good_from ? UINT32_MAX : 0x55aa0000u + calls;
    calls++;
    return true;
}

static void test_good(void **state)
{
    uint8_t out[36];

    (void)state;
    memset(out, 0x77, sizeof(out));
    bad_each = 1;
    calls = 0;
    assert_int_equal(rdrand_fill(counting, out, 32), 0);
    assert_memory_equal(out, "\4\3\2\1\5\3\2\1", 8);
    assert_memory_equal(out + 28, "\13\3\2\1\x77\x77\x77\x77", 8);
    /* CF is set once in ten times; then never in ten. */
    bad_each = 10;
    calls = 0;
    assert_int_equal(rdrand_fill(counting, out, 32), 0);
    assert_int_equal(calls, 80);
    bad_each = 11;
    calls = 0;
    assert_int_equal(rdrand_fill(counting, out, 32), ERR_ABSENT);
    assert_int_equal(calls, 10);
}

static void test_stuck(void **state)
{
    static const uint32_t words[] = { 0, UINT32_MAX, 0x12345678u };
    uint8_t out[32];

    (void)state;
    for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++) {
        stuck = words[i];
        calls = 0;
        assert_int_equal(rdrand_fill(same, out, sizeof(out)), ERR_ABSENT);
        assert_true(calls <= 11);
    }
    for (good_from = 0; good_from < 12; good_from++) {
        calls = 0;
        assert_int_equal(rdrand_fill(late, out, sizeof(out)),
                         good_from < 10 ? 0 : ERR_ABSENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),
        cmocka_unit_test(test_stuck),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
