/* SPDX-License-Identifier: MIT */
/*
 * Operations on a TPM 2.0: PCR banks, confirmation flags, hierarchies turned
 * off; what of it outlives a power cycle.
 */
#include "check.h"
#include "ppi_host.h"

static void test_banks(void **state)
{
    uint8_t v[64];

    (void)state;
    begin(2);
    told.keys = f12;
    assert_true(request(PPI_SET_PCR_BANKS, 0x02));
    check_response(PPI_SET_PCR_BANKS, 0);
    assert_contains(hw.out, "banks now:   SHA1 SHA256 SHA384 SHA512\n");
    assert_contains(hw.out, "banks then:  SHA256\n");
    assert_false(reboot());
    assert_int_equal(t.bank_count, 1);
    assert_int_equal(realtpm_pcr(4, 0, v), 0);
    /* None, or one that the TPM does not have. */
    told.policy = "allow";
    assert_false(reboot_with(PPI_SET_PCR_BANKS, 0));
    check_response(PPI_SET_PCR_BANKS, PPI_RSP_FAILURE);
    assert_false(reboot_with(PPI_SET_PCR_BANKS, 0x82));
    check_response(PPI_SET_PCR_BANKS, PPI_RSP_FAILURE);
    assert_false(reboot_with(PPI_SET_PCR_BANKS, 0xffffff02));
    check_response(PPI_SET_PCR_BANKS, PPI_RSP_FAILURE);
    /* All of them. */
    assert_true(reboot_with(PPI_LOG_ALL_DIGESTS, 0));
    check_response(PPI_LOG_ALL_DIGESTS, 0);
    assert_false(reboot());
    assert_int_equal(t.bank_count, 4);
    realtpm_end();
}

static void test_flags(void **state)
{
    (void)state;
    begin(2);
    assert_false(boot());
    assert_int_equal(func(PPI_NO_OPERATION), PPI_FUNC_NO_USER);
    assert_int_equal(func(PPI_ENABLE), PPI_FUNC_NO_USER);         /* turn on */
    assert_int_equal(func(PPI_DISABLE), PPI_FUNC_USER);
    assert_int_equal(func(PPI_CLEAR), PPI_FUNC_USER);
    assert_int_equal(func(PPI_SET_PCR_BANKS), PPI_FUNC_USER);
    assert_int_equal(func(PPI_CLEAR_USER), PPI_FUNC_NO_USER);
    assert_int_equal(func(PPI_CLEAR_NO_USER), PPI_FUNC_USER);
    assert_int_equal(func(3), PPI_FUNC_UNKNOWN);
    assert_int_equal(func(96), PPI_FUNC_UNKNOWN);
    assert_int_equal(func(255), PPI_FUNC_UNKNOWN);
    /* Let the OS clear without asking: asked for, kept, in force. */
    told.keys = esc;
    assert_false(reboot_with(PPI_CLEAR_NO_USER, 0));
    check_response(PPI_CLEAR_NO_USER, PPI_RSP_ABORT);
    told.keys = f12;
    assert_false(reboot_with(PPI_CLEAR_NO_USER, 0));
    check_response(PPI_CLEAR_NO_USER, 0);
    assert_int_equal(func(PPI_CLEAR), PPI_FUNC_NO_USER);
    told.keys = NULL;
    assert_false(reboot());
    assert_int_equal(func(PPI_CLEAR), PPI_FUNC_NO_USER);
    own();
    assert_true(reboot_with(PPI_CLEAR, 0));
    assert_false(owned());
    assert_false(reboot_with(PPI_CLEAR_USER, 0));
    check_response(PPI_CLEAR_USER, 0);
    assert_int_equal(func(PPI_CLEAR), PPI_FUNC_USER);
    /* The others, there and back. */
    told.policy = "allow";
    for (uint32_t op = PPI_FIRST_FLAG; op <= PPI_LAST_FLAG; op++) {
        assert_false(reboot_with(op, 0));
        check_response(op, 0);
    }
    told.policy = "deny";
    assert_false(reboot());
    assert_int_equal(func(PPI_CLEAR), PPI_FUNC_BLOCKED);
    assert_int_equal(func(PPI_CLEAR_USER), PPI_FUNC_BLOCKED);
    realtpm_end();
}

static void test_turn_off(void **state)
{
    (void)state;
    begin(2);
    told.policy = "allow";
    assert_false(request(PPI_DISABLE, 0));
    check_response(PPI_DISABLE, 0);
    assert_int_equal(realtpm_property(TPM2_PT_STARTUP_CLEAR) & 6, 0);
    for (int i = 0; i < 2; i++) {
        assert_false(reboot());
        assert_int_equal(realtpm_property(TPM2_PT_STARTUP_CLEAR) & 6, 0);
    }
    assert_true(reboot_with(PPI_DISABLE_ENDORSEMENT, 0));
    assert_false(reboot());
    assert_int_equal(realtpm_property(TPM2_PT_STARTUP_CLEAR) & 6, 2);
    assert_true(reboot_with(PPI_ENABLE, 0));
    assert_false(reboot());
    assert_int_equal(realtpm_property(TPM2_PT_STARTUP_CLEAR) & 6, 6);
    assert_true(reboot_with(PPI_CHANGE_EPS, 0));
    check_response(PPI_CHANGE_EPS, 0);
    assert_true(reboot_with(PPI_ENABLE_CLEAR_ENABLE, 0));
    check_response(PPI_ENABLE_CLEAR_ENABLE, 0);
    realtpm_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_banks),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_turn_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
