/* SPDX-License-Identifier: MIT */
/*
 * Whatever root leaves in the region, and configurations that lie.
 */
#include "check.h"
#include "ppi_host.h"

static void test_hostile(void **state)
{
    (void)state;
    for (int v = 1; v <= 2; v++) {
        begin(v);
        assert_false(boot());
        if (v == 2)
            own();
        for (uint32_t code = 0; code < 60; code++) {
            uint32_t n = code < 40 ? code : code < 50 ? 5u * code + 5
                                                      : (uint32_t)rand() << 9;

            /* func[] and the rest are the OS's to scribble on. */
            for (unsigned i = 0; i < sizeof(region); i++)
                region[i] = (uint8_t)rand();
            region[PPI_REGION_NEXT] = (uint8_t)code;
            told.timeout = "1";
            (void)reboot_with(n, (uint32_t)rand());
            assert_true(hw.now < 30000000);
            if (v == 2)
                assert_int_equal(owned(), 1);
            region[PPI_REGION_NEXT] = (uint8_t)code;
            (void)reboot_with(PPI_NO_OPERATION, 0);
        }
        if (v == 2) {
            assert_int_equal(owned(), 1);
            assert_int_equal(t.bank_count, 4);
        }
        realtpm_end();
    }
}

static void test_config(void **state)
{
    static const uint8_t bad[][6] = {
        { 0, 0, 1, 0, 2, 1 }, { 0, 0x50, 0xd4, 0xfe, 1, 1 },
        { 0, 0x50, 0xd4, 0xfe, 2, 2 }, { 4, 0x50, 0xd4, 0xfe, 2, 1 },
        { 0, 0, 0x0f, 0, 2, 1 }, { 0xff, 0xff, 0xff, 0xff, 2, 1 },
    };

    (void)state;
    begin(2);
    boot();
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        memcpy(told.config, bad[i], 6);
        memset(region, 5, sizeof(region));
        hw.out[0] = 0;
        assert_int_equal(tcg_ppi_capture(&t, &ppi), ERR_ABSENT);
        assert_contains(hw.out, "not used");
        assert_int_equal(region[0], 5);
        assert_false(tcg_ppi_run(&t, &ppi));
    }
    hw.plat.read_file = NULL;
    assert_int_equal(tcg_ppi_capture(&t, &ppi), ERR_ABSENT);
    realtpm_end();
    memset(&t, 0, sizeof(t));
    assert_int_equal(tcg_ppi_capture(&t, &ppi), ERR_ABSENT);
    assert_false(tcg_ppi_run(&t, &ppi));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_config),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
