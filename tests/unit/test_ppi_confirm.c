/* SPDX-License-Identifier: MIT */
/*
 * Who confirms a request: a person at the console, a policy, nobody; and what
 * an OS may not waive.
 */
#include "check.h"
#include "ppi_host.h"

static void test_clear(void **state)
{
    static const struct { const int *keys; const char *policy; bool done; }
    c[] = {
        { f12, NULL, true }, { word, NULL, true }, { esc, NULL, false },
        { f10, NULL, false }, { NULL, NULL, false }, { NULL, "allow", true },
        { f12, "deny", false }, { NULL, "allow\n", true },
        { NULL, "allowed", false }, { NULL, "", false },
        { NULL, "aaaaaaaaaaaaaaaaaaaaaaaaa", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
        begin(2);
        assert_false(boot());
        own();
        told.keys = c[i].keys;
        told.policy = c[i].policy;
        assert_int_equal(reboot_with(PPI_CLEAR, 0), c[i].done);
        check_response(PPI_CLEAR, c[i].done ? 0 : PPI_RSP_ABORT);
        assert_int_equal(owned(), !c[i].done);
        assert_true(hw.now < 40000000);
        /* And never again by itself. */
        assert_false(reboot());
        realtpm_end();
    }
}

static void test_keys_ahead(void **state)
{
    (void)state;
    begin(2);
    assert_false(boot());
    own();
    told.ahead = 20;
    assert_false(reboot_with(PPI_CLEAR, 0));
    assert_int_equal(told.ahead, 0);
    check_response(PPI_CLEAR, PPI_RSP_ABORT);
    assert_true(owned());
    realtpm_end();
}

static void test_timeout_file(void **state)
{
    static const char *const bad[] = { "five", "3601", "99999", "-1" };

    (void)state;
    begin(2);
    told.timeout = "5\n";
    assert_false(request(PPI_CLEAR, 0));
    assert_true(hw.now > 5000000 && hw.now < 7000000);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        told.timeout = bad[i];
        assert_false(reboot_with(PPI_CLEAR, 0));
        assert_contains(hw.out, "is no number of seconds");
        assert_true(hw.now > 30000000 && hw.now < 33000000);
    }
    told.timeout = "0";
    assert_false(reboot_with(PPI_CLEAR, 0));
    assert_true(hw.now < 2000000);
    realtpm_end();
}

/* An index that an owner made at our place waives nothing. */
static void test_foreign_index(void **state)
{
    (void)state;
    begin(2);
    assert_false(boot());
    /* TPM2_NV_DefineSpace by the owner, with PPREAD and OWNERWRITE */
    assert_int_equal(realtpm_hex("8002 00000000 0000012a 40000001 00000009"
                                 "40000009 0000 00 0000 0000"
                                 "000e 01404b42 000b 02010002 0000 0008"), 0);
    assert_int_equal(realtpm_hex("8002 00000000 00000137 40000001 01404b42"
                                 "00000009 40000009 0000 00 0000"
                                 "0008 4b504901 00000000 0000"), 0);
    assert_false(reboot_with(PPI_CLEAR, 0));
    check_response(PPI_CLEAR, PPI_RSP_ABORT);
    assert_contains(hw.out, "are not usable: defaults");
    told.keys = f12;
    assert_false(reboot_with(PPI_CLEAR_NO_USER, 0));
    check_response(PPI_CLEAR_NO_USER, PPI_RSP_FAILURE);
    realtpm_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clear),
        cmocka_unit_test(test_keys_ahead),
        cmocka_unit_test(test_timeout_file),
        cmocka_unit_test(test_foreign_index),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
