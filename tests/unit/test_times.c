/* SPDX-License-Identifier: MIT */
/*
 * The times that a TPM 1.2 says, for its interface and its commands.
 */
#include "check.h"
#include "faulty.h"
#include "tcg/tpm_spec.h"

static void set_times(uint8_t *p, const uint32_t *time, unsigned count)
{
    for (unsigned i = 0; i < count; i++, p += 4) {
        p[0] = (uint8_t)(time[i] >> 24);
        p[1] = (uint8_t)(time[i] >> 16);
        p[2] = (uint8_t)(time[i] >> 8);
        p[3] = (uint8_t)time[i];
    }
}

/*
 * TPM 1.2: times in microseconds, in milliseconds, of none at all, and out of
 * all bounds.  What a list's first time is in, all of it is in.
 */
static void test_times(void **state)
{
    static const struct {
        uint32_t said[7], want[7];      /* A-D; short, medium, long */
    } c[] = {
        { { 800000, 2100000, 800000, 900000, 1000000, 9000000, 40000000 },
          { 800000, 2100000, 800000, 900000, 1000000, 9000000, 40000000 } },
        { { 900, 2500, 800, 750, 1000, 9000, 40000 },
          { 900000, 2500000, 800000, 750000, 1000000, 9000000, 40000000 } },
        { { 0, 0, 0, 0, 0, 0, 0 },
          { 750000, 2000000, 750000, 750000, 2000000, 20000000, 60000000 } },
        { { 0, 2500, 0, 1, 0, 9000000, 0 },
          { 750000, 2500000, 750000, 750000, 2000000, 9000000, 60000000 } },
        { { 0, 10000, 0, 2000, 0, 9000, 50000 },
          { 750000, 750000, 750000, 750000, 2000000, 9000000, 50000000 } },
        { { 1, 0xffffffff, 0, 0xff000000, 1, 0xffffffff, 0x80000000 },
          { 750000, 5000000, 750000, 5000000, 750000, 20000000, 60000000 } },
        { { 0xffffffff, 1, 0x80000000, 0, 0xffffffff, 10000, 1 },
          { 5000000, 750000, 5000000, 750000, 2000000, 750000, 750000 } },
    };
    unsigned i = 0;

    (void)state;
    record(FAKE_TIS12);
    while (script[i].code != TPM12_ORD_GetCapability)
        i++;
    for (unsigned k = 0; k < sizeof(c) / sizeof(*c); k++) {
        set_times(script[i].rsp + 14, c[k].said, 4);
        set_times(script[i + 1].rsp + 14, c[k].said + 4, 3);
        restart(FAKE_TIS12);
        assert_int_equal(tcg_start(&t, &hw.plat), 0);
        for (unsigned n = 0; n < 7; n++) {
            uint32_t is = n < 4 ? t.dev.timeout_us[n] : t.duration_us[n - 4];

            if (is != c[k].want[n]) {
                fail_msg("case %u, time %u: %u, not %u", k, n, is,
                         c[k].want[n]);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_times),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
