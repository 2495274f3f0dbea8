/* SPDX-License-Identifier: MIT */
/*
 * A whole POST with one fault in it: every command's response cut at every
 * length, replaced by every response code that matters, lost, delayed,
 * filled with garbage.  However it goes: POST ends in bounded time, the log
 * stays readable, and either trust is kept for a stated reason or measured
 * boot is closed with a message.
 */
#include "check.h"
#include "fakehw.h"
#include "realtpm.h"
#include "replay.h"
#include "tcg/tpm_spec.h"

#define COMMANDS_MAX    80

enum fault { NONE, CUT, CUT_FITTING, CODE, LOST, GARBAGE, LONGER, WRONG_TAG };

/* What a real TPM answered, command by command. */
static struct { uint32_t code, len; uint8_t rsp[1024]; } script[COMMANDS_MAX];
static unsigned script_len;
static bool recording;

static enum fault fault;
static unsigned fault_at, fault_times;
static uint32_t fault_value;
static unsigned at;             /* commands so far */
static unsigned pos;            /* in the script */
static bool advance;
static bool repeating;          /* the fault asks for the command again */
static bool hit;                /* the fault changed a response */

static struct fakehw hw;
static struct tcg t;
static uint8_t log_area[0x3000];
static struct replay rp;
static int version;

static uint32_t code_of(const uint8_t *cmd)
{
    return (uint32_t)cmd[6] << 24 | (uint32_t)cmd[7] << 16 |
           (uint32_t)cmd[8] << 8 | cmd[9];
}

static void set_size(uint8_t *rsp, uint32_t n)
{
    rsp[2] = rsp[3] = 0;
    rsp[4] = (uint8_t)(n >> 8);
    rsp[5] = (uint8_t)n;
}

static int error(uint8_t *rsp, uint32_t code)
{
    rsp[0] = version == 2 ? 0x80 : 0;
    rsp[1] = version == 2 ? 1 : 0xc4;
    set_size(rsp, 10);
    rsp[6] = (uint8_t)(code >> 24);
    rsp[7] = (uint8_t)(code >> 16);
    rsp[8] = (uint8_t)(code >> 8);
    rsp[9] = (uint8_t)code;
    return 10;
}

/*
 * The recorded answer to this command: the next one in order, else the next
 * like it, else the first like it, else success.
 */
static int answer(const uint8_t *cmd, uint8_t *rsp)
{
    static const uint8_t done[19] = { 0x80, 2, 0, 0, 0, 19 };
    uint32_t code = code_of(cmd);

    for (unsigned k = 0; k < 2 * script_len; k++) {
        unsigned i = (pos + k) % script_len;

        if (script[i].code == code) {
            memcpy(rsp, script[i].rsp, script[i].len);
            advance = k == 0;
            return (int)script[i].len;
        }
    }
    advance = false;
    if (version == 1)
        return error(rsp, 0);
    memcpy(rsp, done, sizeof(done));
    return sizeof(done);
}

static int exec(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                uint32_t cap)
{
    int n;

    if (recording) {
        n = realtpm_exec(arg, cmd, len, rsp, cap);
        assert_true(script_len < COMMANDS_MAX);
        script[script_len].code = code_of(cmd);
        script[script_len].len = (uint32_t)n;
        memcpy(script[script_len++].rsp, rsp, (size_t)n);
        return n;
    }
    n = answer(cmd, rsp);
    if (at++ < fault_at || at > fault_at + fault_times) {
        pos += advance;
        return n;
    }
    hit = true;
    pos += advance && !repeating;
    switch (fault) {
    case CUT:
        return (int)fault_value;
    case CUT_FITTING:
        set_size(rsp, fault_value);
        return (int)fault_value;
    case CODE:
        return error(rsp, fault_value);
    case LOST:
        return FAKE_NO_ANSWER;
    case GARBAGE:
        memset(rsp, (int)fault_value, (size_t)n);
        return n;
    case LONGER:
        memset(rsp + n, 0x5a, fault_value);
        set_size(rsp, (uint32_t)n + fault_value);
        return n + (int)fault_value;
    case WRONG_TAG:
        rsp[1] ^= (uint8_t)fault_value;
        return n;
    default:
        hit = false;
        return n;
    }
}

static void post(enum fake_kind kind)
{
    static uint8_t rom[100], sector[512];
    struct tcg_piece one = { rom, sizeof(rom) };
    char line[100];

    fakehw_init(&hw, kind, exec, NULL);
    at = pos = 0;
    hit = false;
    memset(log_area, 0xee, sizeof(log_area));
    if (tcg_start(&t, &hw.plat) == 0)
        tcg_status_line(&t, line, sizeof(line));
    tcg_cross_check(&t, &(struct tcg_promise){ 0 });
    tcg_attach_log(&t, log_area, sizeof(log_area));
    tcg_measure_bytes(&t, TCG_POST_CODE, rom, sizeof(rom));
    tcg_before_third_party(&t);
    tcg_measure(&t, TCG_OPTION_ROM, &one, 1, 8, NULL);
    tcg_handover(&t);
    tcg_measure_mbr(&t, sector);
}

static void record(enum fake_kind kind, int v)
{
    version = v;
    fault_times = 0;
    realtpm_new(v);
    script_len = 0;
    recording = true;
    post(kind);
    recording = false;
    assert_int_equal(t.state, TCG_MEASURING);
    realtpm_end();
    post(kind);
    assert_int_equal(t.state, TCG_MEASURING);
    assert_int_equal(at, script_len);
}

static bool log_ok(void)
{
    const char *bad;

    if (!t.log.area)
        return true;
    bad = replay_log(&rp, log_area, sizeof(log_area));
    if (bad)
        printf("log: %s\n", bad);
    return !bad;
}

/* Commands whose failure costs nothing but words on the console. */
static bool is_harmless(unsigned command, enum fault f)
{
    uint32_t code = script[command].code;

    if (version == 2) {
        /* The second capability is that of the status line. */
        return code == TPM2_CC_SelfTest ||
               (code == TPM2_CC_GetCapability && command > 1);
    }
    /* An error code to these means: keep the specification's values. */
    return code == TPM12_ORD_ContinueSelfTest ||
           (code == TPM12_ORD_GetCapability && (f == CODE || command > 4))
           /* A refusal is looked into, and the command sent again. */
           || (code == TSC_ORD_PhysicalPresence && f == CODE);
}

static void inject(enum fake_kind kind, unsigned command, enum fault f,
                   uint32_t value)
{
    fault = f;
    fault_at = command;
    fault_times = 1;
    fault_value = value;
    post(kind);
    if (!log_ok())
        fail_msg("fault %d value %x at command %u: log", f, value, command);
    /* Nothing waits longer than a handful of its time-outs. */
    assert_true(hw.now < 100000000u);
    if (!hit)
        return;
    if (t.state == TCG_MEASURING && !is_harmless(command, f) &&
        command != 0) { /* it is started again */
        fail_msg("fault %d value %x at command %u (%x): still trusted", f,
                 value, command, script[command].code);
    }
    if (t.state != TCG_MEASURING && hw.out[0] == 0) {
        fail_msg("fault %d value %x at command %u: no message", f, value,
                 command);
    }
    if (t.state == TCG_FAILED) {
        struct tcg_regs r = { .eax = 0xbb00 };

        tcg_int1a(&t, &r);
        assert_int_equal(r.eax, 1 | 0x24 << 16);
    }
}

static const enum fake_kind kinds[] = { FAKE_TIS20, FAKE_CRB, FAKE_TIS12 };

static int version_of(enum fake_kind kind)
{
    return kind == FAKE_TIS12 ? 1 : 2;
}

static void test_truncations(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        record(kinds[k], version_of(kinds[k]));
        for (unsigned c = 0; c < script_len; c++) {
            for (uint32_t n = 0; n < script[c].len; n++) {
                if (kinds[k] != FAKE_CRB)
                    inject(kinds[k], c, CUT, n);
                if (n >= 6)
                    inject(kinds[k], c, CUT_FITTING, n);
            }
        }
    }
}

static void test_codes(void **state)
{
    static const uint32_t codes20[] = {
        0x100, 0x101, 0x103, 0x120, 0x143, 0x14a, 0x1c4, 0x9a2, 0x98e, 0x18b,
        0x904, 0x907, 0x909, 0x921, 0x923, 0x1e, 0xffffffff, 0x80000000,
    };
    static const uint32_t codes12[] = {
        1, 3, 6, 7, 9, 0x1c, 0x1e, 0x26, 0x2d, 0x3d, 0x803, 0xffffffff,
    };

    (void)state;
    for (int k = 0; k < 3; k++) {
        bool v12 = kinds[k] == FAKE_TIS12;
        size_t n = v12 ? sizeof(codes12) / 4 : sizeof(codes20) / 4;

        record(kinds[k], version_of(kinds[k]));
        for (unsigned c = 0; c < script_len; c++)
            for (size_t i = 0; i < n; i++)
                inject(kinds[k], c, CODE, v12 ? codes12[i] : codes20[i]);
    }
}

static void test_lost_and_garbage(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        record(kinds[k], version_of(kinds[k]));
        for (unsigned c = 0; c < script_len; c++) {
            inject(kinds[k], c, LOST, 0);
            inject(kinds[k], c, GARBAGE, 0);
            inject(kinds[k], c, GARBAGE, 0xff);
            inject(kinds[k], c, GARBAGE, 0x80);
            inject(kinds[k], c, LONGER, 1);
            inject(kinds[k], c, LONGER, 4);
            inject(kinds[k], c, LONGER, 600);
            inject(kinds[k], c, WRONG_TAG, 3);
            inject(kinds[k], c, WRONG_TAG, 0x40);
        }
    }
}

/* How often a command was sent in this POST. */
static unsigned sent(uint32_t code)
{
    unsigned n = 0;

    for (unsigned i = 0; i < hw.code_count; i++)
        n += hw.codes[i] == code;
    return n;
}

/* Codes that ask for the same command again: it is sent again, and works. */
static void test_repeats(void **state)
{
    static const uint32_t again20[] = { 0x908, 0x90a, 0x920, 0x922 };
    static const uint32_t again12[] = { 0x800, 0x801, 0x802 };

    (void)state;
    repeating = true;
    for (int k = 0; k < 3; k++) {
        bool v12 = kinds[k] == FAKE_TIS12;
        size_t n = v12 ? 3 : 4;
        uint32_t selftest = v12 ? TPM12_ORD_ContinueSelfTest
                                : TPM2_CC_SelfTest;

        record(kinds[k], version_of(kinds[k]));
        for (unsigned c = 0; c < script_len; c++) {
            for (size_t i = 0; i < n; i++) {
                for (unsigned times = 1; times < 4; times += 2) {
                    fault = CODE;
                    fault_at = c;
                    fault_times = times;
                    fault_value = v12 ? again12[i] : again20[i];
                    post(kinds[k]);
                    assert_int_equal(t.state, TCG_MEASURING);
                    assert_string_equal(hw.out, "");
                    assert_true(hw.now < 1000000);
                    assert_true(log_ok());
                    /* Only NEEDS_SELFTEST asks for one, whose answer is the
                     * next to be spoilt. */
                    if (script[c].code != selftest) {
                        assert_int_equal(sent(selftest) - 1,
                                         v12 && fault_value == 0x801
                                         ? (times + 1) / 2 : 0);
                    }
                }
                fault_times = 100000;           /* and it ends */
                post(kinds[k]);
                assert_int_not_equal(t.state, TCG_MEASURING);
                assert_true(hw.now < 400000000u);
            }
        }
    }
    repeating = false;
}

/* A TPM that is gone from some command on. */
static void test_silence(void **state)
{
    (void)state;
    for (int k = 0; k < 3; k++) {
        record(kinds[k], version_of(kinds[k]));
        for (unsigned c = 0; c < script_len; c++) {
            fault = LOST;
            fault_at = c;
            fault_times = 100000;
            post(kinds[k]);
            assert_int_equal(t.state, TCG_FAILED);
            assert_int_not_equal(hw.out[0], 0);
            if (hw.now > 75000000u) {
                fail_msg("kind %d, silent from %u: %u ms\n%s", k, c,
                         (unsigned)(hw.now / 1000), hw.out);
            }
            assert_true(log_ok());
        }
    }
}

/* Record a resume that works; its Startup(STATE) follows a saved state. */
static void record_resume(enum fake_kind kind, int v)
{
    record(kind, v);
    realtpm_new(v);
    if (v == 2) {
        assert_int_equal(realtpm_hex("8001 00000000 00000144 0000"), 0);
        assert_int_equal(realtpm_hex("8001 00000000 00000145 0001"), 0);
    } else {
        assert_int_equal(realtpm_hex("00c1 00000000 00000099 0001"), 0);
        /* presence is locked, as at every hand-over */
        assert_int_equal(realtpm_hex("00c1 00000000 4000000a 0020"), 0);
        assert_int_equal(realtpm_hex("00c1 00000000 4000000a 0014"), 0);
        assert_int_equal(realtpm_hex("00c1 00000000 00000098"), 0);
    }
    realtpm_reset();
    script_len = 0;
    recording = true;
    fakehw_init(&hw, kind, exec, NULL);
    assert_int_equal(tcg_resume(&t, &hw.plat, NULL, 0), TCG_RESUME_RESTORED);
    recording = false;
    realtpm_end();
}

/*
 * A fault in a resume: either the TPM is as before the sleep, or the console
 * says what became of it.
 */
static void test_resume_faults(void **state)
{
    static const struct { enum fault f; uint32_t value; } c[] = {
        { LOST, 0 }, { CUT, 9 }, { CUT_FITTING, 9 }, { LONGER, 2 },
        { GARBAGE, 0xff }, { CODE, 0x101 }, { CODE, 0x1c4 }, { CODE, 0x1c },
        { CODE, 9 }, { CODE, 0x98e }, { CODE, 0x9a2 }, { WRONG_TAG, 0x40 },
    };

    (void)state;
    for (int k = 0; k < 3; k++) {
        record_resume(kinds[k], version_of(kinds[k]));
        for (unsigned n = 0; n < script_len; n++) {
            for (size_t i = 0; i < 2 * sizeof(c) / sizeof(*c); i++) {
                int rc;

                if (c[i / 2].f == CUT && kinds[k] == FAKE_CRB)
                    continue;           /* a buffer has no length */
                fault = c[i / 2].f;
                fault_value = c[i / 2].value;
                fault_at = n;
                fault_times = i % 2 ? 1000000 : 1;
                at = pos = 0;
                hit = false;
                fakehw_init(&hw, kinds[k], exec, NULL);
                hw.hurry = 100;
                rc = tcg_resume(&t, &hw.plat, NULL, 0);
                assert_true(rc >= 0);
                if (rc == TCG_RESUME_RESTORED) {
                    uint32_t code = script[n].code;
                    bool refused = fault == CODE && (fault_value == 0x98e ||
                                                     fault_value == 0x9a2);

                    if (n > 0 && code != TPM2_CC_SelfTest &&
                        code != TPM12_ORD_ContinueSelfTest
                        /* unknown flags: locked again, and that worked */
                        && !(code == TPM12_ORD_GetCapability && n > 3 &&
                             sent(TSC_ORD_PhysicalPresence) == 3) &&
                        !refused && !(version == 1 && fault == CODE)) {
                        fail_msg("kind %d fault %d at %u: restored", k,
                                 fault, n);
                    }
                } else if (!hw.out[0]) {
                    fail_msg("kind %d fault %d at %u: no message", k, fault,
                             n);
                }
                assert_true(hw.now < 500000000u);
            }
        }
    }
}

/* A Startup whose answer makes no sense, though it was executed. */
static void test_second_chance(void **state)
{
    (void)state;
    record(FAKE_TIS20, 2);
    fault = GARBAGE;
    fault_at = 0;
    fault_times = 1;
    at = pos = 0;
    fakehw_init(&hw, FAKE_TIS20, exec, NULL);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_contains(hw.out, "trying once more");
    /* The same, and the second answer is TPM_RC_INITIALIZE. */
    error(script[0].rsp, 0x100);
    at = pos = 0;
    fakehw_init(&hw, FAKE_TIS20, exec, NULL);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(t.state, TCG_STARTED);
    /* Refused twice, and all else as well: nothing is claimed. */
    at = pos = 0;
    fault = CODE;
    fault_value = 0x120;
    fault_times = 100000;
    fakehw_init(&hw, FAKE_TIS20, exec, NULL);
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_TPM);
    assert_contains(hw.out, "start-up failed with code 120h");
    assert_contains(hw.out, "PCRs could not all be capped, TPM could not be");
    assert_int_equal(t.state, TCG_FAILED);
    tcg_fail(&t, "again");                  /* said once */
    assert_null(strstr(hw.out, "again"));
    /* The first one never reached it: somebody else has started it. */
    at = pos = 0;
    fault_times = 0;
    fakehw_init(&hw, FAKE_TIS20, exec, NULL);
    hw.lose_bytes = 2 * 12;             /* both attempts at it */
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_TPM);
    assert_contains(hw.out, "its interface misbehaves; trying once more");
    assert_contains(hw.out, "started before this firmware ran; not used");
    assert_int_equal(t.state, TCG_UNUSED);
}

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
    record(FAKE_TIS12, 1);
    while (script[i].code != TPM12_ORD_GetCapability)
        i++;
    for (unsigned k = 0; k < sizeof(c) / sizeof(*c); k++) {
        set_times(script[i].rsp + 14, c[k].said, 4);
        set_times(script[i + 1].rsp + 14, c[k].said + 4, 3);
        at = pos = 0;
        fakehw_init(&hw, FAKE_TIS12, exec, NULL);
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

static void test_detection(void **state)
{
    (void)state;
    fakehw_init(&hw, FAKE_NONE, exec, NULL);
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_ABSENT);
    assert_string_equal(hw.out, "");
    fakehw_init(&hw, FAKE_FLOATING, exec, NULL);
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_ABSENT);
    assert_true(hw.now == 0);
    fakehw_init(&hw, FAKE_TIS20, exec, NULL);
    hw.registers_zero = true;
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_ABSENT);
    fakehw_init(&hw, FAKE_TIS20, exec, NULL);
    hw.never_granted = true;
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_TIMEOUT);
    assert_contains(hw.out, "did not answer in time");
    fakehw_init(&hw, FAKE_TIS20, exec, NULL);
    hw.id_override = 5;
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_DEVICE);
    assert_contains(hw.out, "interface type 5 is unknown");
    fakehw_init(&hw, FAKE_CRB, exec, NULL);
    hw.crb_size = 5;
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_DEVICE);
    assert_contains(hw.out, "no usable buffers");
    assert_int_equal(t.state, TCG_UNUSED);
    fakehw_init(&hw, FAKE_TIS20, exec, NULL);
    hw.did_vid = 0xffffffff;
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_DEVICE);
}

/* How often they contradict the hardware, and that it is said so. */
static void contradicts(struct tcg_promise p, int count, const char *words)
{
    size_t before = strlen(hw.out);

    assert_int_equal(tcg_cross_check(&t, &p), count);
    assert_int_equal(hw.out[before] != 0, count != 0);
    assert_contains(hw.out + before, words);
}

static void test_cross_check(void **state)
{
    static const struct tcg_promise right_crb = { 6, 2, true, false, 7 },
                                    right_tis = { 6, 2, true, false, 6 },
                                    right_12 = { 6, 1, false, true, 0 },
                                    nothing = { 0 };

    (void)state;
    record(FAKE_CRB, 2);
    contradicts(right_crb, 0, "");
    contradicts(nothing, 0, "");
    contradicts((struct tcg_promise){ 6, 0, true, false, 7 }, 0, "");
    contradicts(right_tis, 1, "start method 6 does not fit");
    contradicts((struct tcg_promise){ 6, 2, true, false, 0 }, 1,
                "start method 0 does not fit");
    contradicts((struct tcg_promise){ 6, 1, true, false, 7 }, 1,
                "etc/tpm/config says version 1.2, the hardware 2.0");
    contradicts((struct tcg_promise){ 6, 3, true, false, 7 }, 1,
                "etc/tpm/config says version code 3");
    contradicts((struct tcg_promise){ 5, 2, true, false, 7 }, 1,
                "etc/tpm/config has 5 bytes, not 6");
    contradicts((struct tcg_promise){ 6, 2, true, true, 7 }, 1,
                "TCPA table is for TPM 1.2, the hardware is TPM 2.0");
    contradicts(right_12, 2, "TCPA table is for TPM 1.2");
    record(FAKE_TIS20, 2);
    contradicts(right_tis, 0, "");
    contradicts(right_crb, 1, "start method 7 does not fit");
    record(FAKE_TIS12, 1);
    contradicts(right_12, 0, "");
    contradicts(nothing, 0, "");
    contradicts(right_tis, 2, "etc/tpm/config says version 2.0, the hardware");
    contradicts(right_tis, 2, "TPM2 table is for TPM 2.0, the hardware is TPM "
                "1.2");
    /* A TPM that is not used is compared as well; none at all is not. */
    fakehw_init(&hw, FAKE_CRB, exec, NULL);
    hw.never_granted = true;
    assert_int_equal(tcg_start(&t, &hw.plat), ERR_TIMEOUT);
    contradicts(right_tis, 1, "start method 6");
    memset(&t, 0, sizeof(t));
    assert_int_equal(tcg_cross_check(&t, &right_tis), 0);
}

/* Answers of a TPM 2.0 that no libtpms gives. */
static int pcrs_len;
static uint8_t pcrs[600];
static unsigned hashes, extends;
static enum { HASHES, REFUSES_TO_HASH, HASHES_NOTHING, REFUSES_TO_EXTEND } odd;

static int odd_tpm(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                   uint32_t cap)
{
    int n = exec(arg, cmd, len, rsp, cap);

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
        return error(rsp, 0x127);
    if (odd == REFUSES_TO_HASH && code_of(cmd) == TPM2_CC_Hash)
        return error(rsp, 0x143);
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
    fault_times = 0;
    hashes = extends = 0;
    at = pos = 0;
    fakehw_init(&hw, FAKE_CRB, odd_tpm, NULL);
    if (tcg_start(&t, &hw.plat) == 0) {
        assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)) < 0,
                         odd != HASHES);
    }
}

static void test_banks(void **state)
{
    char line[200];

    (void)state;
    record(FAKE_CRB, 2);
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
    /* It cannot be capped: it is not left to others. */
    for (odd = REFUSES_TO_HASH; odd <= REFUSES_TO_EXTEND; odd++) {
        odd_pcrs("\0\0\0\2" "\0\13\3\1\0\0" "\1\2\3\377\0\0", 16);
        assert_int_equal(t.state, TCG_FAILED);
        assert_contains(hw.out, "bank of unknown algorithm could not be "
                        "capped");
        assert_contains(hw.out, "PCRs could not all be capped, TPM disabled");
    }
    odd = HASHES;
    /* No bank at all. */
    odd_pcrs("\0\0\0\1" "\0\13\3\0\0\0", 10);
    assert_int_equal(t.bank_count, 0);
    assert_contains(hw.out, "no PCR bank is active");
    assert_int_equal(tcg_measure_action(&t, TCG_ROM_SCAN, NULL), ERR_ABSENT);
    tcg_status_line(&t, line, sizeof(line));
    assert_contains(line, "banks none");
    assert_int_equal(tcg_before_third_party(&t), 0);
    assert_int_equal(tcg_handover(&t), 0);
    /* Lists that lie. */
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
    record(FAKE_CRB, 2);
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

static void test_misuse(void **state)
{
    struct tcg_digests d;
    char long_text[200];

    (void)state;
    record(FAKE_CRB, 2);
    assert_int_equal(tcg_measure(&t, TCG_EVENT_COUNT, NULL, 0, 0, NULL),
                     ERR_PARAM);
    assert_int_equal(tcg_hash(&t, NULL, 0, &d), 0);
    assert_int_equal(tcg_measure_hashed(&t, TCG_ROM_SCAN, &d, 0, NULL),
                     ERR_PARAM);
    assert_int_equal(tcg_measure_hashed(&t, TCG_ACPI, &d, 0, NULL), 0);
    memset(long_text, 'x', sizeof(long_text));
    long_text[199] = 0;
    long_text[0] = '\n';
    assert_int_equal(tcg_measure_action(&t, TCG_BOOT_BEV, long_text), 0);
    assert_true(log_ok());
    assert_int_equal(rp.event[rp.count - 1].len, 19 + 64);
    assert_memory_equal(rp.event[rp.count - 1].data,
                        "Booting BEV Device ?xx", 22);
    memset(long_text, 'x', 199);
    assert_int_equal(tcg_measure_bytes(&t, TCG_CRTM_VERSION, long_text, 199),
                     0);
    assert_int_equal(tcg_measure_bytes(&t, TCG_CRTM_VERSION, log_area, 500),
                     ERR_PARAM);
    assert_int_equal(tcg_measure_bytes(&t, TCG_BOOT_ORDER, "abc", 3), 0);
    assert_true(log_ok());
    /* A boot that never got a log. */
    at = pos = 0;
    fakehw_init(&hw, FAKE_CRB, exec, NULL);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_handover(&t), ERR_PARAM);
    assert_int_equal(t.state, TCG_FAILED);
    assert_contains(hw.out, "before anything could be measured");
    assert_int_equal(tcg_handover(&t), 0);
    /* A log area that is too small for anything. */
    at = pos = 0;
    fakehw_init(&hw, FAKE_CRB, exec, NULL);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_attach_log(&t, log_area, 20), 0);
    assert_contains(hw.out, "(20 bytes) is too small");
    assert_int_equal(tcg_before_third_party(&t), 0);
    assert_int_equal(tcg_handover(&t), 0);
    tcg_fail(&t, "late");
    assert_contains(hw.out, "TPM could not be disabled");
}

static void test_format(void **state)
{
    char text[20];

    (void)state;
    assert_int_equal(tcg_format(text, 20, "%s %c%u %x %X", "a\tb", 'z', 0,
                                0xbeef, 0x12), 19);
    assert_string_equal(text, "a?b z0 beef 0000001");
    assert_int_equal(tcg_format(text, 4, "%%%q%"), 3);
    assert_string_equal(text, "%%%");
    assert_int_equal(tcg_format(text, 0, "x"), 0);
    assert_int_equal(tcg_format(text, 20, "100%"), 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_truncations),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_lost_and_garbage),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_resume_faults),
        cmocka_unit_test(test_second_chance),
        cmocka_unit_test(test_times),
        cmocka_unit_test(test_detection),
        cmocka_unit_test(test_cross_check),
        cmocka_unit_test(test_banks),
        cmocka_unit_test(test_all_banks),
        cmocka_unit_test(test_misuse),
        cmocka_unit_test(test_format),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
