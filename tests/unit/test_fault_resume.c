/* SPDX-License-Identifier: MIT */
/*
 * A resume from S3 with one fault in it: either the TPM is as before the
 * sleep, or the console says what became of it.
 */
#include "check.h"
#include "faulty.h"
#include "tcg/tpm_spec.h"

/* May the TPM be as before, although this answer was spoilt? */
static bool is_harmless(unsigned command, bool v12)
{
    uint32_t code = script[command].code;

    if (command == 0)                   /* it is started again */
        return true;
    if (code == TPM2_CC_SelfTest || code == TPM12_ORD_ContinueSelfTest)
        return true;
    /* unknown flags: locked again, and that worked */
    if (code == TPM12_ORD_GetCapability && command > 3 &&
        sent(TSC_ORD_PhysicalPresence) == 3)
        return true;
    return fault.kind == CODE &&
           (v12 || fault.value == 0x98e || fault.value == 0x9a2);
}

static void inject(enum fake_kind kind)
{
    int rc;

    if (fault.kind == CUT && kind == FAKE_CRB)
        return;                         /* a buffer has no length */
    restart(kind);
    hw.hurry = 100;
    rc = tcg_resume(&t, &hw.plat, NULL, 0);
    assert_true(rc >= 0);
    if (rc == TCG_RESUME_RESTORED &&
        !is_harmless(fault.at, kind == FAKE_TIS12))
        fail_msg("kind %d fault %d at %u: restored", kind, fault.kind,
                 fault.at);
    if (rc != TCG_RESUME_RESTORED && !hw.out[0])
        fail_msg("kind %d fault %d at %u: no message", kind, fault.kind,
                 fault.at);
    assert_true(hw.now < 500000000u);
}

static void test_resume_faults(void **state)
{
    static const struct fault faults[] = {
        { .kind = LOST }, { .kind = CUT, .value = 9 },
        { .kind = CUT_FITTING, .value = 9 }, { .kind = LONGER, .value = 2 },
        { .kind = GARBAGE, .value = 0xff }, { .kind = CODE, .value = 0x101 },
        { .kind = CODE, .value = 0x1c4 }, { .kind = CODE, .value = 0x1c },
        { .kind = CODE, .value = 9 }, { .kind = CODE, .value = 0x98e },
        { .kind = CODE, .value = 0x9a2 },
        { .kind = WRONG_TAG, .value = 0x40 },
    };
    const size_t count = sizeof(faults) / sizeof(*faults);

    (void)state;
    for (int k = 0; k < KINDS; k++) {
        record_resume(kinds[k]);
        for (size_t i = 0; i < script_len * count; i++) {
            fault = faults[i % count];
            fault.at = (unsigned)(i / count);
            fault.times = 1;
            inject(kinds[k]);
            fault.times = FOR_EVER;
            inject(kinds[k]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume_faults),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
