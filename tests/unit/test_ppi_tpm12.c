/* SPDX-License-Identifier: MIT */
/*
 * Operations on a TPM 1.2, some over two boots, and its flags in NV storage.
 */
#include "check.h"
#include "ppi_host.h"

static void test_tpm12(void **state)
{
    (void)state;
    begin(1);
    assert_false(boot());
    assert_int_equal(func(PPI_CLEAR), PPI_FUNC_USER);
    assert_int_equal(func(PPI_ENABLE_ACTIVATE), PPI_FUNC_NO_USER);
    assert_int_equal(func(PPI_SET_PCR_BANKS), PPI_FUNC_UNKNOWN);
    assert_true(reboot_with(PPI_ENABLE_ACTIVATE_OWNER_ON, 0));
    check_response(PPI_ENABLE_ACTIVATE_OWNER_ON, 0);
    assert_int_equal(region[PPI_REGION_NEXT], PPI_ENABLE_ACTIVATE_OWNER_ON);
    assert_false(reboot());
    assert_int_equal(region[PPI_REGION_NEXT], 0);
    check_response(PPI_ENABLE_ACTIVATE_OWNER_ON, 0);
    assert_int_equal(flags12(), 2);
    assert_true(reboot_with(PPI_OWNER_OFF_DEACTIVATE_DISABLE, 0));
    assert_int_equal(flags12(), 5);
    assert_true(reboot_with(PPI_ENABLE_ACTIVATE, 0));
    assert_int_equal(flags12() & 5, 0);
    told.keys = esc;
    assert_false(reboot_with(PPI_CLEAR_ENABLE_ACTIVATE, 0));
    check_response(PPI_CLEAR_ENABLE_ACTIVATE, PPI_RSP_ABORT);
    told.keys = f12;
    assert_true(reboot_with(PPI_CLEAR_ENABLE_ACTIVATE, 0));
    check_response(PPI_CLEAR_ENABLE_ACTIVATE, 0);
    assert_int_equal(flags12() & 5, 0);
    /* Two boots; the TPM knows that the second half was confirmed, too. */
    told.keys = f12;
    assert_true(reboot_with(PPI_ENABLE_CLEAR_ENABLE, 0));
    assert_int_equal(region[PPI_REGION_NEXT], PPI_ENABLE_CLEAR_ENABLE);
    told.keys = NULL;
    assert_true(reboot());
    assert_int_equal(region[PPI_REGION_NEXT], 0);
    check_response(PPI_ENABLE_CLEAR_ENABLE, 0);
    /* The OS's word for it is not enough. */
    assert_int_equal(flags12(), 2);
    region[PPI_REGION_NEXT] = PPI_ENABLE_CLEAR_ENABLE;
    assert_false(reboot());
    check_response(PPI_ENABLE_CLEAR_ENABLE, PPI_RSP_ABORT);
    assert_int_equal(flags12(), 2);
    told.policy = "allow";
    for (uint32_t op = 1; op <= 9; op++)
        (void)reboot_with(op, 0);
    realtpm_end();
}

/* TPM 1.2: flags in NV storage, which gets locked. */
static void test_flags12(void **state)
{
    (void)state;
    begin(1);
    assert_true(request(PPI_ENABLE_ACTIVATE, 0));
    realtpm_reset();
    told.keys = f12;
    assert_false(request(PPI_CLEAR_NO_USER, 0));
    check_response(PPI_CLEAR_NO_USER, 0);
    assert_int_equal(func(PPI_CLEAR), PPI_FUNC_NO_USER);
    assert_int_equal(func(PPI_ENABLE_ACTIVATE), PPI_FUNC_NO_USER);
    told.keys = NULL;
    assert_false(reboot_with(PPI_PROVISION_USER, 0));
    check_response(PPI_PROVISION_USER, 0);
    assert_int_equal(func(PPI_ENABLE_ACTIVATE), PPI_FUNC_USER);
    assert_false(reboot_with(PPI_MAINTENANCE_USER, 0));
    check_response(PPI_MAINTENANCE_USER, 0);
    assert_false(reboot());
    assert_int_equal(func(PPI_CLEAR), PPI_FUNC_NO_USER);
    assert_int_equal(func(PPI_ENABLE_ACTIVATE), PPI_FUNC_USER);
    assert_false(reboot_with(PPI_CLEAR_USER, 0));
    assert_int_equal(func(PPI_CLEAR), PPI_FUNC_USER);
    /* A disabled TPM does not tell: everything is asked for. */
    told.policy = "allow";
    assert_false(reboot_with(PPI_PROVISION_NO_USER, 0));
    check_response(PPI_PROVISION_NO_USER, 0);
    assert_false(reboot_with(PPI_DISABLE, 0));
    check_response(PPI_DISABLE, 0);
    told.policy = NULL;
    assert_false(reboot());
    assert_int_equal(func(PPI_CLEAR), PPI_FUNC_USER);
    realtpm_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tpm12),
        cmocka_unit_test(test_flags12),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
