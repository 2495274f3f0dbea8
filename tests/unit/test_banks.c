/* SPDX-License-Identifier: MIT */
/*
 * Lists of PCR banks that no libtpms gives: unknown algorithms, none, all,
 * and lists that lie.
 */
#include "check.h"
#include "faulty.h"
#include "tcg/tpm_spec.h"

/* Answers of a TPM 2.0 that no libtpms gives. */
static int pcrs_len;
static uint8_t pcrs[600];
static unsigned hashes, extends;
static enum { HASHES, REFUSES_TO_HASH, HASHES_NOTHING, REFUSES_TO_EXTEND } odd;

static int odd_tpm(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                   uint32_t cap)
{
    int n = script_exec(arg, cmd, len, rsp, cap);

    if (code_of(cmd) == TPM2_CC_GetCapability && cmd[13] == TPM2_CAP_PCRS) {
        static const uint8_t head[15] = {
            0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5,
        };

        memcpy(rsp, head, 15);
        memcpy(rsp + 15, pcrs, (size_t)pcrs_len);
        set_size(rsp, (uint32_t)(15 + pcrs_len));
        return 15 + pcrs_len;
    }
    if (odd == REFUSES_TO_EXTEND && code_of(cmd) == TPM2_CC_PCR_Extend)
        return error_response(rsp, 0x127);
    if (odd == REFUSES_TO_HASH && code_of(cmd) == TPM2_CC_Hash)
        return error_response(rsp, 0x143);
    if (code_of(cmd) == TPM2_CC_Hash) {
        uint8_t head[12] = { 0x80, 1, [10] = 0, [11] = 24 };

        hashes++;
        head[11] = odd == HASHES_NOTHING ? 0 : 24;
        memcpy(rsp, head, 12);
        memset(rsp + 12, 0x77, 24 + 8);
        set_size(rsp, 44);
        return 44;
    }
    extends += code_of(cmd) == TPM2_CC_PCR_Extend && len == 31 + 26 &&
               cmd[31 + 24] == 0x77;
    return n;
}

static void odd_pcrs(const void *p, int len)
{
    memcpy(pcrs, p, (size_t)len);
    pcrs_len = len;
    fault.times = 0;
    hashes = extends = 0;
    restart(FAKE_CRB);
    hw.exec = odd_tpm;
    if (tcg_start(&t, &hw.plat) == 0) {
        assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)) < 0,
                         odd != HASHES);
    }
}

static void test_unknown_bank(void **state)
{
    char line[200];

    (void)state;
    record(FAKE_CRB);
    /* SM3 and SHA-256 active, SHA-1 not, one that nobody knows. */
    odd_pcrs("\0\0\0\4" "\0\22\3\377\377\377" "\0\4\3\0\0\0"
             "\0\13\3\1\0\0" "\1\2\3\377\0\0", 28);
    assert_int_equal(t.state, TCG_MEASURING);
    assert_int_equal(t.bank_count, 2);
    assert_int_equal(t.bank[0].alg, 0x12);
    assert_int_equal(t.bank[1].alg, 0x0b);
    assert_contains(hw.out, "algorithm 102h is active but unknown");
    assert_int_equal(hashes, 1);
    assert_int_equal(extends, 8);
    assert_true(log_ok());
    assert_int_equal(rp.count, 2);
    assert_int_equal(rp.event[1].type, EV_NO_ACTION);
    assert_memory_equal(rp.event[1].data, "KeelBIOS capped\0\2\1", 18);
    tcg_status_line(&t, line, sizeof(line));
    assert_contains(line, "banks SM3 SHA256");
    tcg_fail(&t, "x");
    assert_int_equal(extends, 16);
}

static void test_not_capped(void **state)
{
    (void)state;
    record(FAKE_CRB);
    /* It cannot be capped: it is not left to others. */
    for (odd = REFUSES_TO_HASH; odd <= REFUSES_TO_EXTEND; odd++) {
        odd_pcrs("\0\0\0\2" "\0\13\3\1\0\0" "\1\2\3\377\0\0", 16);
        assert_int_equal(t.state, TCG_FAILED);
        assert_contains(hw.out, "bank of unknown algorithm could not be "
                        "capped");
        assert_contains(hw.out, "PCRs could not all be capped, TPM disabled");
    }
    odd = HASHES;
}

static void test_no_bank(void **state)
{
    char line[200];

    (void)state;
    record(FAKE_CRB);
    /* No bank at all. */
    odd_pcrs("\0\0\0\1" "\0\13\3\0\0\0", 10);
    assert_int_equal(t.bank_count, 0);
    assert_contains(hw.out, "no PCR bank is active");
    assert_int_equal(tcg_measure_action(&t, TCG_ROM_SCAN, NULL), ERR_ABSENT);
    tcg_status_line(&t, line, sizeof(line));
    assert_contains(line, "banks none");
    assert_int_equal(tcg_before_third_party(&t), 0);
    assert_int_equal(tcg_handover(&t), 0);
}

static void test_lists_that_lie(void **state)
{
    (void)state;
    record(FAKE_CRB);
    odd_pcrs("\0\0\0\2" "\0\13\3\1\0\0" "\0\13\3\1\0\0", 16);
    assert_int_equal(t.state, TCG_FAILED);
    odd_pcrs("\0\0\0\2" "\0\13\3\1\0\0", 10);
    assert_int_equal(t.state, TCG_FAILED);
    odd_pcrs("\377\377\377\377" "\0\13\3\1\0\0", 10);
    assert_int_equal(t.state, TCG_FAILED);
    odd_pcrs("\0\0\0\1" "\0\13\3\1\0\0\0", 11);
    assert_int_equal(t.state, TCG_FAILED);
    odd_pcrs("\0\0\0\1" "\0\13\377\1\0\0", 10);
    assert_int_equal(t.state, TCG_FAILED);
    odd_pcrs("\0\0\0\11" "\1\1\1\1\1\2\1\1\1\3\1\1\1\4\1\1\1\5\1\1"
             "\1\6\1\1\1\7\1\1\1\10\1\1\1\11\1\1", 40);
    assert_int_equal(t.state, TCG_FAILED);
}

static void test_all_banks(void **state)
{
    static uint8_t big[3000];
    struct tcg_piece one = { big, sizeof(big) };

    (void)state;
    record(FAKE_CRB);
    odd_pcrs("\0\0\0\10" "\0\4\1\1\0\13\1\1\0\14\1\1\0\15\1\1"
             "\0\22\1\1\0\47\1\1\0\50\1\1\0\51\1\1", 36);
    assert_int_equal(t.bank_count, 8);
    assert_int_equal(tcg_measure(&t, TCG_OPTION_ROM, &one, 1, 8, NULL), 0);
    assert_true(log_ok());
    assert_int_equal(rp.banks, 8);
    assert_int_equal(rp.event[1].len, 8 + 8 + 8 * 2 + 340);
    for (unsigned b = 0; b < 8; b++) {
        uint8_t d[64];

        digest_of(rp.alg[b], rp.event[1].data, rp.event[1].len, d);
        assert_memory_equal(d, rp.event[1].digest[b], rp.size[b]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_bank),
        cmocka_unit_test(test_not_capped),
        cmocka_unit_test(test_no_bank),
        cmocka_unit_test(test_lists_that_lie),
        cmocka_unit_test(test_all_banks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
