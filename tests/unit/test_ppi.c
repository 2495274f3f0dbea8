/* SPDX-License-Identifier: MIT */
/*
 * The physical presence interface against real TPMs: requests, confirmation,
 * policy, flags that outlive a power cycle, hostile contents.
 */
#include "check.h"
#include "fakehw.h"
#include "realtpm.h"
#include "tcg/ppi.h"

static struct fakehw hw;
static struct tcg t;
static struct tcg_ppi ppi;
static uint8_t region[0x400];
static unsigned outside;            /* accesses beside TPM and region */
static uint8_t config[6];
static const char *policy, *timeout;
static const int *keys;             /* ends with 0 */
static struct tcg_platform inner;

static uint32_t mmio_read(void *ctx, uint32_t addr, unsigned bytes)
{
    uint32_t v = 0;

    if (addr - 0xfed45000u < sizeof(region)) {
        memcpy(&v, region + (addr - 0xfed45000u), bytes);
        return v;
    }
    outside += addr - TPM_BASE >= 0x1000;
    return inner.mmio_read(ctx, addr, bytes);
}

static void mmio_write(void *ctx, uint32_t addr, unsigned bytes, uint32_t v)
{
    if (addr - 0xfed45000u < sizeof(region)) {
        memcpy(region + (addr - 0xfed45000u), &v, bytes);
        return;
    }
    outside += addr - TPM_BASE >= 0x1000;
    inner.mmio_write(ctx, addr, bytes, v);
}

static int read_file(void *ctx, const char *name, void *buf, size_t cap)
{
    const void *p = NULL;
    size_t n = 0;

    (void)ctx;
    if (!strcmp(name, "etc/tpm/config")) {
        p = config;
        n = sizeof(config);
    } else if (!strcmp(name, "opt/org.keelbios/ppi-policy") && policy) {
        p = policy;
        n = strlen(policy);
    } else if (!strcmp(name, "opt/org.keelbios/ppi-timeout") && timeout) {
        p = timeout;
        n = strlen(timeout);
    }
    if (!p)
        return ERR_ABSENT;
    memcpy(buf, p, n < cap ? n : cap);
    return (int)n;
}

static unsigned ahead;              /* keys that were typed too early */

static int read_key(void *ctx, uint32_t wait_ms)
{
    struct fakehw *h = ctx;

    if (!wait_ms && ahead)
        return ahead--, TCG_KEY_F12;
    if (wait_ms && keys && *keys)
        return *keys++;
    h->now += (uint64_t)wait_ms * 1000;
    return ERR_TIMEOUT;
}

static int version;
static unsigned before;             /* commands before the operation's */

/* One POST up to the hand-over; the request is in the region already. */
static bool boot(void)
{
    bool reset;

    fakehw_init(&hw, version == 1 ? FAKE_TIS12 : FAKE_CRB, realtpm_exec,
                NULL);
    inner = hw.plat;
    hw.plat.mmio_read = mmio_read;
    hw.plat.mmio_write = mmio_write;
    hw.plat.read_file = read_file;
    hw.plat.read_key = read_key;
    outside = 0;
    memcpy(config, "\0\120\324\376\0\1", 6);
    config[4] = (uint8_t)version;
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_attach_log(&t, NULL, 0), 0);
    tcg_ppi_capture(&t, &ppi);
    assert_memory_equal(region + 0x109, "\0\0\0\0", 4);
    assert_int_equal(tcg_before_third_party(&t), 0);
    before = hw.commands;
    reset = tcg_ppi_run(&t, &ppi);
    assert_int_equal(reset, hw.resets);
    assert_int_equal(outside, 0);
    if (!reset)
        assert_int_equal(tcg_handover(&t), 0);
    return reset;
}

static bool request(uint32_t code, uint32_t parameter)
{
    memcpy(region + 0x109, &code, 4);
    memcpy(region + 0x10d, &parameter, 4);
    return boot();
}

static void begin(int v)
{
    version = v;
    memset(region, 0, sizeof(region));
    policy = timeout = NULL;
    keys = NULL;
    realtpm_new(v);
}

static void check_response(uint32_t code, uint32_t response)
{
    uint32_t v;

    memcpy(&v, region + 0x111, 4);
    assert_int_equal(v, code);
    memcpy(&v, region + 0x105, 4);
    if (v != response)
        fail_msg("response %x, not %x\n%s", v, response, hw.out);
}

static const int f10[] = { 'x', TCG_KEY_F10, 0 };
static const int f12[] = { TCG_KEY_F10, TCG_KEY_F12, 0 };
static const int esc[] = { TCG_KEY_ESC, TCG_KEY_F12, 0 };
static const int word[] = { 'a', 'c', 'a', 'c', 'c', 'e', 'p', 't', 0 };

/* Set an owner authorisation, as an OS would. */
static void own(void)
{
    assert_int_equal(realtpm_hex("8002 00000000 00000129 40000001 00000009"
                                 "40000009 0000 00 0000 0003 616263"), 0);
    assert_int_equal(realtpm_property(0x200) & 1, 1);
}

static bool owned(void)
{
    return realtpm_property(0x200) & 1;
}

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
        keys = c[i].keys;
        policy = c[i].policy;
        realtpm_reset();
        assert_int_equal(request(5, 0), c[i].done);
        check_response(5, c[i].done ? 0 : PPI_RSP_ABORT);
        assert_int_equal(owned(), !c[i].done);
        assert_true(hw.now < 40000000);
        /* And never again by itself. */
        realtpm_reset();
        assert_false(boot());
        realtpm_end();
    }
}

static void test_keys_ahead(void **state)
{
    (void)state;
    begin(2);
    assert_false(boot());
    own();
    ahead = 20;
    realtpm_reset();
    assert_false(request(5, 0));
    assert_int_equal(ahead, 0);
    check_response(5, PPI_RSP_ABORT);
    assert_true(owned());
    realtpm_end();
}

static void test_banks(void **state)
{
    uint8_t v[64];

    (void)state;
    begin(2);
    keys = f12;
    assert_true(request(23, 0x02));
    check_response(23, 0);
    assert_contains(hw.out, "banks now:   SHA1 SHA256 SHA384 SHA512\n");
    assert_contains(hw.out, "banks then:  SHA256\n");
    realtpm_reset();
    assert_false(boot());
    assert_int_equal(t.bank_count, 1);
    assert_int_equal(realtpm_pcr(4, 0, v), 0);
    /* None, or one that the TPM does not have. */
    policy = "allow";
    realtpm_reset();
    assert_false(request(23, 0));
    check_response(23, PPI_RSP_FAILURE);
    realtpm_reset();
    assert_false(request(23, 0x82));
    check_response(23, PPI_RSP_FAILURE);
    realtpm_reset();
    assert_false(request(23, 0xffffff02));
    check_response(23, PPI_RSP_FAILURE);
    /* All of them. */
    realtpm_reset();
    assert_true(request(33, 0));
    check_response(33, 0);
    realtpm_reset();
    assert_false(boot());
    assert_int_equal(t.bank_count, 4);
    realtpm_end();
}

static void test_flags(void **state)
{
    (void)state;
    begin(2);
    assert_false(boot());
    assert_int_equal(region[0], 4);
    assert_int_equal(region[1], 4);         /* turn on */
    assert_int_equal(region[2], 3);
    assert_int_equal(region[5], 3);
    assert_int_equal(region[23], 3);
    assert_int_equal(region[17], 4);
    assert_int_equal(region[18], 3);
    assert_int_equal(region[3], 0);
    assert_int_equal(region[96], 0);
    assert_int_equal(region[255], 0);
    /* Let the OS clear without asking: asked for, kept, in force. */
    keys = esc;
    realtpm_reset();
    assert_false(request(18, 0));
    check_response(18, PPI_RSP_ABORT);
    keys = f12;
    realtpm_reset();
    assert_false(request(18, 0));
    check_response(18, 0);
    assert_int_equal(region[5], 4);
    keys = NULL;
    realtpm_reset();
    assert_false(boot());
    assert_int_equal(region[5], 4);
    own();
    realtpm_reset();
    assert_true(request(5, 0));
    assert_false(owned());
    realtpm_reset();
    assert_false(request(17, 0));
    check_response(17, 0);
    assert_int_equal(region[5], 3);
    /* The others, there and back. */
    policy = "allow";
    for (uint32_t op = 25; op <= 32; op++) {
        realtpm_reset();
        assert_false(request(op, 0));
        check_response(op, 0);
    }
    policy = "deny";
    realtpm_reset();
    assert_false(boot());
    assert_int_equal(region[5], 2);
    assert_int_equal(region[17], 2);
    realtpm_end();
}

static void test_turn_off(void **state)
{
    (void)state;
    begin(2);
    policy = "allow";
    assert_false(request(2, 0));
    check_response(2, 0);
    assert_int_equal(realtpm_property(0x201) & 6, 0);
    for (int i = 0; i < 2; i++) {
        realtpm_reset();
        assert_false(boot());
        assert_int_equal(realtpm_property(0x201) & 6, 0);
    }
    realtpm_reset();
    assert_true(request(34, 0));
    realtpm_reset();
    assert_false(boot());
    assert_int_equal(realtpm_property(0x201) & 6, 2);
    realtpm_reset();
    assert_true(request(1, 0));
    realtpm_reset();
    assert_false(boot());
    assert_int_equal(realtpm_property(0x201) & 6, 6);
    realtpm_reset();
    assert_true(request(24, 0));
    check_response(24, 0);
    realtpm_reset();
    assert_true(request(22, 0));
    check_response(22, 0);
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
    realtpm_reset();
    assert_false(request(5, 0));
    check_response(5, PPI_RSP_ABORT);
    assert_contains(hw.out, "are not usable: defaults");
    keys = f12;
    realtpm_reset();
    assert_false(request(18, 0));
    check_response(18, PPI_RSP_FAILURE);
    realtpm_end();
}

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
            region[0x159] = (uint8_t)code;
            timeout = "1";
            realtpm_reset();
            (void)request(n, (uint32_t)rand());
            assert_true(hw.now < 30000000);
            if (v == 2)
                assert_int_equal(owned(), 1);
            region[0x159] = (uint8_t)code;
            realtpm_reset();
            (void)request(0, 0);
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
        memcpy(config, bad[i], 6);
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

static uint32_t flags12(void)
{
    uint8_t cmd[22] = { 0, 0xc1, 0, 0, 0, 22, 0, 0, 0, 0x65, 0, 0, 0, 4,
                        0, 0, 0, 4, 0, 0, 1, 8 };
    uint8_t rsp[100];

    assert_true(realtpm_exec(NULL, cmd, 22, rsp, sizeof(rsp)) > 20);
    /* disable, ownership, deactivated */
    return (uint32_t)rsp[16] << 2 | (uint32_t)rsp[17] << 1 | rsp[18];
}

static void test_tpm12(void **state)
{
    (void)state;
    begin(1);
    assert_false(boot());
    assert_int_equal(region[5], 3);
    assert_int_equal(region[6], 4);
    assert_int_equal(region[23], 0);
    realtpm_reset();
    assert_true(request(10, 0));
    check_response(10, 0);
    assert_int_equal(region[0x159], 10);
    realtpm_reset();
    assert_false(boot());
    assert_int_equal(region[0x159], 0);
    check_response(10, 0);
    assert_int_equal(flags12(), 2);
    realtpm_reset();
    assert_true(request(11, 0));
    assert_int_equal(flags12(), 5);
    realtpm_reset();
    assert_true(request(6, 0));
    assert_int_equal(flags12() & 5, 0);
    keys = esc;
    realtpm_reset();
    assert_false(request(14, 0));
    check_response(14, PPI_RSP_ABORT);
    keys = f12;
    realtpm_reset();
    assert_true(request(14, 0));
    check_response(14, 0);
    assert_int_equal(flags12() & 5, 0);
    /* Two boots; the TPM knows that the second half was confirmed, too. */
    keys = f12;
    realtpm_reset();
    assert_true(request(22, 0));
    assert_int_equal(region[0x159], 22);
    keys = NULL;
    realtpm_reset();
    assert_true(boot());
    assert_int_equal(region[0x159], 0);
    check_response(22, 0);
    /* The OS's word for it is not enough. */
    assert_int_equal(flags12(), 2);
    region[0x159] = 22;
    realtpm_reset();
    assert_false(boot());
    check_response(22, PPI_RSP_ABORT);
    assert_int_equal(flags12(), 2);
    policy = "allow";
    for (uint32_t op = 1; op <= 9; op++) {
        realtpm_reset();
        (void)request(op, 0);
    }
    realtpm_end();
}

/* TPM 1.2: flags in NV storage, which gets locked. */
static void test_flags12(void **state)
{
    (void)state;
    begin(1);
    assert_true(request(6, 0));
    realtpm_reset();
    keys = f12;
    assert_false(request(18, 0));
    check_response(18, 0);
    assert_int_equal(region[5], 4);
    assert_int_equal(region[6], 4);
    keys = NULL;
    realtpm_reset();
    assert_false(request(15, 0));
    check_response(15, 0);
    assert_int_equal(region[6], 3);
    realtpm_reset();
    assert_false(request(19, 0));
    check_response(19, 0);
    realtpm_reset();
    assert_false(boot());
    assert_int_equal(region[5], 4);
    assert_int_equal(region[6], 3);
    realtpm_reset();
    assert_false(request(17, 0));
    assert_int_equal(region[5], 3);
    /* A disabled TPM does not tell: everything is asked for. */
    policy = "allow";
    realtpm_reset();
    assert_false(request(16, 0));
    check_response(16, 0);
    realtpm_reset();
    assert_false(request(2, 0));
    check_response(2, 0);
    policy = NULL;
    realtpm_reset();
    assert_false(boot());
    assert_int_equal(region[5], 3);
    realtpm_end();
}

/* ------------------------------------------------------------ cut short */

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
    memcpy(region + 0x109, &code, 4);
    region[0x10d] = 2;
    left = commands;
    fakehw_init(&hw, version == 1 ? FAKE_TIS12 : FAKE_CRB, cut_exec, NULL);
    inner = hw.plat;
    hw.plat.mmio_read = mmio_read;
    hw.plat.mmio_write = mmio_write;
    hw.plat.read_file = read_file;
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

    return version == 1 ? s | flags12()
                        : s | (realtpm_property(0x200) & 0x101) << 24 |
                              (realtpm_property(0x201) & 6);
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

static void test_cut_short(void **state)
{
    static const struct { int version; uint32_t prepare, code; } c[] = {
        { 2, 2, 22 }, { 2, 2, 34 }, { 2, 0, 18 }, { 1, 6, 14 }, { 1, 6, 11 },
        { 1, 7, 10 }, { 1, 7, 22 },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(c) / sizeof(*c); i++) {
        uint32_t old, new = 0;
        unsigned done = 0;
        bool cut = true;

        for (unsigned n = 0; cut; n = n ? n + 1 : before) {
            begin(c[i].version);
            policy = "allow";
            (void)boot();
            if (version == 1) {         /* as it comes, it is disabled */
                realtpm_reset();
                assert_true(request(6, 0));
                (void)settle();
            } else if (c[i].code != 2 && c[i].code != 34) {
                own();
                forbid_clear();
            }
            if (c[i].prepare) {
                realtpm_reset();
                (void)request(c[i].prepare, 0);
            }
            old = settle();
            if (!n) {                   /* what it is about */
                realtpm_reset();
                (void)request(c[i].code, 2);
                new = settle();
            } else {
                uint32_t now;

                realtpm_reset();
                cut = cut_request(c[i].code, n);
                now = settle();
                if (now != old && now != new) {
                    fail_msg("operation %u cut after %u commands: %x, was "
                             "%x, should be %x\n%s", c[i].code, n, now, old,
                             new, hw.out);
                }
                done += now == new;
            }
            realtpm_end();
        }
        assert_true(done);
    }
}

/* It is taken up again three times, not for ever. */
static void test_given_up(void **state)
{
    unsigned n;

    (void)state;
    begin(2);
    policy = "allow";
    assert_false(boot());
    own();
    for (n = 0; !ppi.begun.code; n++) {
        realtpm_reset();
        assert_true(cut_request(5, n));
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
            assert_true(cut_request(0, more++));
            fakehw_init(&hw, FAKE_CRB, realtpm_exec, NULL);
            realtpm_reset();
            assert_int_equal(tcg_start(&t, &hw.plat), 0);
            (void)tcg_ppi_capture(&t, &ppi);
        } while (ppi.begun.tries == i);
        assert_true(owned());
    }
    realtpm_reset();
    assert_false(boot());
    check_response(5, PPI_RSP_FAILURE);
    assert_contains(hw.out, "is given up");
    assert_true(owned());
    realtpm_reset();
    assert_false(boot());
    assert_null(strstr(hw.out, "given up"));
    realtpm_end();
}

static void test_timeout_file(void **state)
{
    static const char *const bad[] = { "five", "3601", "99999", "-1" };

    (void)state;
    begin(2);
    timeout = "5\n";
    assert_false(request(5, 0));
    assert_true(hw.now > 5000000 && hw.now < 7000000);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        timeout = bad[i];
        realtpm_reset();
        assert_false(request(5, 0));
        assert_contains(hw.out, "is no number of seconds");
        assert_true(hw.now > 30000000 && hw.now < 33000000);
    }
    timeout = "0";
    realtpm_reset();
    assert_false(request(5, 0));
    assert_true(hw.now < 2000000);
    realtpm_end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_clear),
        cmocka_unit_test(test_keys_ahead),
        cmocka_unit_test(test_banks),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_turn_off),
        cmocka_unit_test(test_foreign_index),
        cmocka_unit_test(test_hostile),
        cmocka_unit_test(test_config),
        cmocka_unit_test(test_tpm12),
        cmocka_unit_test(test_flags12),
        cmocka_unit_test(test_cut_short),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_timeout_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
