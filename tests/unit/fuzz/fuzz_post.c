/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: a whole POST, or a resume, against a TPM whose every answer is
 * made from the input.  The first byte chooses interface and path; then each
 * answer is a length byte and that many bytes behind a good header, or, with
 * the length's top bit set, raw bytes.
 */
#include <stdlib.h>
#include <string.h>

#include "fakehw.h"
#include "replay.h"
#include "tcg/ppi.h"

static struct rd in;
static struct fakehw hw;
static struct tcg t;
static uint8_t log_area[0x2000];
static struct replay rp;

static int exec(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                uint32_t cap)
{
    uint8_t n = rd_u8(&in);
    const uint8_t *p;
    struct wr w;

    (void)arg, (void)len;
    if (in.bad)
        return FAKE_NO_ANSWER;
    p = rd_bytes(&in, n & 0x7f);
    if (!p)
        return FAKE_NO_ANSWER;
    w = wr_to(rsp, cap);
    if (!(n & 0x80)) {
        wr_u8(&w, cmd[0]);
        wr_u8(&w, cmd[0] ? cmd[1] : 0xc4);
        wr_be32(&w, 10u + n);
        wr_be32(&w, 0);
    }
    wr_bytes(&w, p, n & 0x7f);
    return (int)w.len;
}

/* A physical presence interface whose operation is run without asking. */
static int read_file(void *ctx, const char *name, void *buf, size_t cap)
{
    (void)ctx;
    if (!strcmp(name, "etc/tpm/config") && cap == 6) {
        memcpy(buf, "\0\120\324\376\2\1", 6);
        ((uint8_t *)buf)[4] = t.family;
        return 6;
    }
    if (!strcmp(name, "opt/org.keelbios/ppi-policy") && cap >= 5) {
        memcpy(buf, "allow", 5);
        return 5;
    }
    return ERR_ABSENT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum fake_kind kinds[] = { FAKE_CRB, FAKE_TIS20, FAKE_TIS12 };
    struct tcg_piece piece;
    uint8_t how;
    struct tcg_ppi ppi;
    char line[80];

    in = rd_from(data, size);
    how = rd_u8(&in);
    fakehw_init(&hw, kinds[how % 3], exec, NULL);
    hw.hurry = 5000;
    memset(log_area, 0, sizeof(log_area));
    if (how & 0x40) {
        tcg_resume(&t, &hw.plat, log_area, sizeof(log_area));
        return 0;
    }
    tcg_start(&t, &hw.plat);
    tcg_attach_log(&t, log_area, sizeof(log_area));
    piece = (struct tcg_piece){ data, (uint32_t)size };
    tcg_measure(&t, TCG_OPTION_ROM, &piece, 1, 8, "x");
    hw.plat.read_file = read_file;
    tcg_ppi_capture(&t, &ppi);
    tcg_before_third_party(&t);
    ppi.request = how >> 3 & 7 ? data[size / 2] % 40 : 0;
    tcg_ppi_run(&t, &ppi);
    tcg_status_line(&t, line, sizeof(line));
    tcg_handover(&t);
    if (t.log.area && replay_log(&rp, log_area, sizeof(log_area)))
        abort();
    return 0;
}
