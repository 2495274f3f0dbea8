/* SPDX-License-Identifier: MIT */
/*
 * Operations that are cut short after any command: the next starts finish
 * them, or give up.
 */
#include "check.h"
#include "ppi_host.h"

#define SHA256_BANK     2u          /* parameter of PPI_SET_PCR_BANKS */

static unsigned left;               /* commands that are still answered */

static int cut_exec(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                    uint32_t cap)
{
    return left && left-- ? realtpm_exec(arg, cmd, len, rsp, cap)
                          : FAKE_NO_ANSWER;
}

/* A request, in a POST whose TPM answers that many commands.  False when they
 * were enough. */
static bool cut_request(uint32_t code, unsigned commands)
{
    set_region32(PPI_REGION_PPRQ, code);
    region[PPI_REGION_PPRM] = SHA256_BANK;
    left = commands;
    power_on(cut_exec);
    hw.hurry = 1000000;
    if (tcg_start(&t, &hw.plat) == 0) {
        (void)tcg_attach_log(&t, NULL, 0);
        (void)tcg_ppi_capture(&t, &ppi);
        (void)tcg_before_third_party(&t);
        (void)tcg_ppi_run(&t, &ppi);
    }
    return !left;
}

/* What an operation of the lists below may change. */
static uint32_t signature(void)
{
    uint32_t s = ppi.flags << 8 ^ ppi_active_banks(&t) << 20;

    return version == 1
               ? s | flags12()
               : s | (realtpm_property(TPM2_PT_PERMANENT) & 0x101) << 24 |
                     (realtpm_property(TPM2_PT_STARTUP_CLEAR) & 6);
}

/* Power off and on, until no operation wants a reset any more. */
static uint32_t settle(void)
{
    unsigned boots = 0;

    memset(region, 0, sizeof(region));
    do {
        assert_true(boots++ < 4);
        realtpm_reset();
    } while (boot());
    assert_int_equal(ppi.begun.code, 0);
    return signature();
}

/* TPM2_ClearControl by the lockout's authorisation */
static void forbid_clear(void)
{
    assert_int_equal(realtpm_hex("8002 00000000 00000127 4000000a 00000009"
                                 "40000009 0000 00 0000 01"), 0);
}

struct operation { int version; uint32_t prepare, code; };

/* A TPM on which the operation changes something; its signature. */
static uint32_t prepare(const struct operation *op)
{
    begin(op->version);
    told.policy = "allow";
    (void)boot();
    if (version == 1) {                 /* as it comes, it is disabled */
        assert_true(reboot_with(PPI_ENABLE_ACTIVATE, 0));
        (void)settle();
    } else if (op->code != PPI_DISABLE && op->code != PPI_DISABLE_ENDORSEMENT) {
        own();
        forbid_clear();
    }
    if (op->prepare)
        (void)reboot_with(op->prepare, 0);
    return settle();
}

/* The operation cut behind each of its commands: done or not begun. */
static void cut_everywhere(const struct operation *op)
{
    uint32_t old, new, now;
    unsigned done = 0, n;
    bool cut = true;

    (void)prepare(op);
    (void)reboot_with(op->code, SHA256_BANK);
    new = settle();
    realtpm_end();
    for (n = commands_before; cut; n++) {
        old = prepare(op);
        realtpm_reset();
        cut = cut_request(op->code, n);
        now = settle();
        if (now != old && now != new)
            fail_msg("operation %u cut after %u commands: %x, was %x, should "
                     "be %x\n%s", op->code, n, now, old, new, hw.out);
        done += now == new;
        realtpm_end();
    }
    assert_true(done);
}

static void test_cut_short(void **state)
{
    static const struct operation operations[] = {
        { 2, PPI_DISABLE, PPI_ENABLE_CLEAR_ENABLE },
        { 2, PPI_DISABLE, PPI_DISABLE_ENDORSEMENT },
        { 2, PPI_NO_OPERATION, PPI_CLEAR_NO_USER },
        { 1, PPI_ENABLE_ACTIVATE, PPI_CLEAR_ENABLE_ACTIVATE },
        { 1, PPI_ENABLE_ACTIVATE, PPI_OWNER_OFF_DEACTIVATE_DISABLE },
        { 1, PPI_DEACTIVATE_DISABLE, PPI_ENABLE_ACTIVATE_OWNER_ON },
        { 1, PPI_DEACTIVATE_DISABLE, PPI_ENABLE_CLEAR_ENABLE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(operations) / sizeof(*operations); i++)
        cut_everywhere(&operations[i]);
}

/* It is taken up again three times, not for ever. */
static void test_given_up(void **state)
{
    unsigned n;

    (void)state;
    begin(2);
    told.policy = "allow";
    assert_false(boot());
    own();
    for (n = 0; !ppi.begun.code; n++) {
        realtpm_reset();
        assert_true(cut_request(PPI_CLEAR, n));
        if (t.state == TCG_STARTED || ppi.begun.code) {
            realtpm_reset();
            (void)tcg_start(&t, &hw.plat);
        }
        fakehw_init(&hw, FAKE_CRB, realtpm_exec, NULL);
        realtpm_reset();
        assert_int_equal(tcg_start(&t, &hw.plat), 0);
        (void)tcg_ppi_capture(&t, &ppi);
    }
    assert_true(owned());
    for (unsigned i = 0; i < 3; i++) {
        unsigned more = n;

        assert_int_equal(ppi.begun.tries, i);
        /* cut behind the note that counts */
        do {
            realtpm_reset();
            assert_true(cut_request(PPI_NO_OPERATION, more++));
            fakehw_init(&hw, FAKE_CRB, realtpm_exec, NULL);
            realtpm_reset();
            assert_int_equal(tcg_start(&t, &hw.plat), 0);
            (void)tcg_ppi_capture(&t, &ppi);
        } while (ppi.begun.tries == i);
        assert_true(owned());
    }
    assert_false(reboot());
    check_response(PPI_CLEAR, PPI_RSP_FAILURE);
    assert_contains(hw.out, "is given up");
    assert_true(owned());
    assert_false(reboot());
    assert_null(strstr(hw.out, "given up"));
    realtpm_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
