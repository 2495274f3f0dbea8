/* SPDX-License-Identifier: MIT */
/*
 * A recorded TPM with a fault, as faulty.h says.
 */
#include "faulty.h"

#include "check.h"
#include "realtpm.h"

struct fault fault;
struct answer script[COMMANDS_MAX];
unsigned script_len;
struct fakehw hw;
struct tcg t;
struct replay rp;
uint8_t log_area[0x3000];
const enum fake_kind kinds[KINDS] = { FAKE_TIS20, FAKE_CRB, FAKE_TIS12 };

static bool recording;
static unsigned at;             /* commands so far */
static unsigned pos;            /* in the script */
static bool advance;
static bool hit;                /* the fault changed a response */
static int version;

int version_of(enum fake_kind kind)
{
    return kind == FAKE_TIS12 ? 1 : 2;
}

uint32_t code_of(const uint8_t *cmd)
{
    return (uint32_t)cmd[6] << 24 | (uint32_t)cmd[7] << 16 |
           (uint32_t)cmd[8] << 8 | cmd[9];
}

void set_size(uint8_t *rsp, uint32_t n)
{
    rsp[2] = rsp[3] = 0;
    rsp[4] = (uint8_t)(n >> 8);
    rsp[5] = (uint8_t)n;
}

int error_response(uint8_t *rsp, uint32_t code)
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
        return error_response(rsp, 0);
    memcpy(rsp, done, sizeof(done));
    return sizeof(done);
}

/* Spoil an answer of n bytes; how many it has then. */
static int spoil(uint8_t *rsp, int n)
{
    switch (fault.kind) {
    case CUT:
        return (int)fault.value;
    case CUT_FITTING:
        set_size(rsp, fault.value);
        return (int)fault.value;
    case CODE:
        return error_response(rsp, fault.value);
    case LOST:
        return FAKE_NO_ANSWER;
    case GARBAGE:
        memset(rsp, (int)fault.value, (size_t)n);
        return n;
    case LONGER:
        memset(rsp + n, 0x5a, fault.value);
        set_size(rsp, (uint32_t)n + fault.value);
        return n + (int)fault.value;
    case WRONG_TAG:
        rsp[1] ^= (uint8_t)fault.value;
        return n;
    default:
        hit = false;
        return n;
    }
}

int script_exec(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
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
    if (at++ < fault.at || at > fault.at + fault.times) {
        pos += advance;
        return n;
    }
    hit = true;
    pos += advance && !fault.repeating;
    return spoil(rsp, n);
}

void restart(enum fake_kind kind)
{
    fakehw_init(&hw, kind, script_exec, NULL);
    at = pos = 0;
    hit = false;
}

void replay_post(enum fake_kind kind)
{
    static uint8_t rom[100], sector[512];
    struct tcg_piece one = { rom, sizeof(rom) };
    char line[100];

    restart(kind);
    memset(log_area, 0xee, sizeof(log_area));
    if (tcg_start(&t, &hw.plat) == 0)
        tcg_status_line(&t, line, sizeof(line));
    tcg_cross_check(&t, &(struct tcg_promise){ 0 });
    tcg_attach_log(&t, log_area, sizeof(log_area));
    tcg_measure_bytes(&t, TCG_POST_CODE, rom, sizeof(rom));
    tcg_before_third_party(&t);
    tcg_measure(&t, TCG_OPTION_ROM, &one, 1, 8, NULL);
    tcg_handover(&t);
    (void)tcg_measure_bytes(&t, TCG_IPL_MBR, sector, 440);
    (void)tcg_measure_bytes(&t, TCG_PARTITION_TABLE, sector + 440, 72);
}

void record(enum fake_kind kind)
{
    version = version_of(kind);
    fault.times = 0;
    realtpm_new(version);
    script_len = 0;
    recording = true;
    replay_post(kind);
    recording = false;
    assert_int_equal(t.state, TCG_MEASURING);
    realtpm_end();
    replay_post(kind);
    assert_int_equal(t.state, TCG_MEASURING);
    assert_int_equal(at, script_len);
}

/* Record a resume that works; its Startup(STATE) follows a saved state. */
void record_resume(enum fake_kind kind)
{
    record(kind);
    realtpm_new(version);
    if (version == 2) {
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
    restart(kind);
    assert_int_equal(tcg_resume(&t, &hw.plat, NULL, 0), TCG_RESUME_RESTORED);
    recording = false;
    realtpm_end();
}

bool fault_hit(void)
{
    return hit;
}

/* How often a command was sent in this POST. */
unsigned sent(uint32_t code)
{
    unsigned n = 0;

    for (unsigned i = 0; i < hw.code_count; i++)
        n += hw.codes[i] == code;
    return n;
}

bool log_ok(void)
{
    const char *bad;

    if (!t.log.area)
        return true;
    bad = replay_log(&rp, log_area, sizeof(log_area));
    if (bad)
        printf("log: %s\n", bad);
    return !bad;
}
