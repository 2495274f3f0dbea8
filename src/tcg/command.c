/* SPDX-License-Identifier: MIT */
/*
 * Commands to the TPM and what every response has in common, for both
 * families: header, size, retries.  Resident.
 *
 * TPM Main 1.2 part 3, 4.; TPM 2.0 Library part 1, 18 and part 2, 6.6.
 */
#include <string.h>

#include "tcg/internal.h"
#include "tcg/tpm_spec.h"

/* t->buf: the command in front, its response behind. */
#define COMMAND_CAP     512u
#define SIZE_AT         2u              /* in every header */
#define FIRST_PAUSE_US  500u            /* before a command is repeated */
#define LAST_PAUSE_US   50000u
#define REPEATS_MAX     1000u           /* should the clock stand still */
#define REPEATS_US      20000000u       /* a self-test's medium duration */

struct wr tpm_begin(struct tcg *t, uint16_t tag, uint32_t code)
{
    struct wr w = wr_to(t->buf, COMMAND_CAP);

    wr_be16(&w, tag);
    wr_be32(&w, 0);
    wr_be32(&w, code);
    return w;
}

static int send(struct tcg *t, const uint8_t *cmd, uint32_t len,
                enum tcg_duration d)
{
    int rc = tpm_dev_send(&t->dev, cmd, len, t->duration_us[d]);

    t->commands += rc == 0;
    return rc;
}

static int send_built(struct tcg *t, struct wr *w, enum tcg_duration d)
{
    wr_patch_be32(w, SIZE_AT, (uint32_t)w->len);
    if (w->bad)
        return ERR_PARAM;
    return send(t, w->buf, (uint32_t)w->len, d);
}

static bool tag_fits(const struct tcg *t, uint16_t tag, uint32_t rc)
{
    if (tag == TPM12_TAG_RSP) {
        /* A 2.0 TPM answers so to a command that it takes for a 1.2 one. */
        return t->family == TCG_FAMILY_12 || rc == TPM12_BADTAG;
    }
    /* A success has the tag of its command, which is still in front. */
    return t->family == TCG_FAMILY_20 &&
           tag == (rc == TPM2_RC_SUCCESS
                       ? (uint16_t)(t->buf[0] << 8 | t->buf[1])
                       : TPM2_ST_NO_SESSIONS);
}

static int receive(struct tcg *t, struct tpm_reply *reply)
{
    uint8_t *rsp = t->buf + COMMAND_CAP;
    int len = tpm_dev_receive(&t->dev, rsp, sizeof(t->buf) - COMMAND_CAP);

    if (len < 0) {
        /* ERR_SPACE is left to the log: no answer of ours is that long. */
        return len == ERR_SPACE ? ERR_FORMAT : len;
    }
    reply->body = rd_from(rsp, (size_t)len);
    reply->tag = rd_be16(&reply->body);
    if (rd_be32(&reply->body) != (uint32_t)len)
        return ERR_FORMAT;
    reply->rc = rd_be32(&reply->body);
    t->code = reply->rc;
    if (reply->body.bad || !tag_fits(t, reply->tag, reply->rc) ||
        (reply->rc && !rd_end(&reply->body)))
        return ERR_FORMAT;
    return 0;
}

/* Does this response code ask for the same command again? */
static bool wants_repeat(const struct tcg *t, uint32_t rc)
{
    if (t->family == TCG_FAMILY_12) {
        return rc == TPM12_RETRY || rc == TPM12_NEEDS_SELFTEST ||
               rc == TPM12_DOING_SELFTEST;
    }
    return rc == TPM2_RC_RETRY || rc == TPM2_RC_YIELDED ||
           rc == TPM2_RC_TESTING || rc == TPM2_RC_NV_RATE;
}

/* TPM 1.2: the command needs a self-test that was not run. */
static int continue_selftest(struct tcg *t)
{
    static const uint8_t cmd[] = {
        0, TPM12_TAG_RQU, 0, 0, 0, 10, 0, 0, 0, TPM12_ORD_ContinueSelfTest,
    };
    struct tpm_reply reply;
    int rc = send(t, cmd, sizeof(cmd), DURATION_LONG);

    if (rc < 0)
        return rc;
    return receive(t, &reply);      /* the repeated command tells the rest */
}

int tpm_run(struct tcg *t, struct wr *w, enum tcg_duration d,
            struct tpm_reply *reply)
{
    const struct tcg_platform *p = t->dev.plat;
    uint32_t pause_us = FIRST_PAUSE_US;
    uint64_t start = 0;
    int rc;

    for (unsigned i = 0;; i++) {
        rc = send_built(t, w, d);
        if (rc < 0)
            return rc;
        rc = receive(t, reply);
        if (rc < 0 || !wants_repeat(t, reply->rc))
            return rc;
        if (!i)
            start = p->now_us(p->ctx);
        if (i == REPEATS_MAX || p->now_us(p->ctx) - start > REPEATS_US)
            return ERR_TIMEOUT;
        if (t->family == TCG_FAMILY_12 && reply->rc == TPM12_NEEDS_SELFTEST) {
            rc = continue_selftest(t);
            if (rc < 0)
                return rc;
        }
        p->delay_us(p->ctx, pause_us);
        pause_us = pause_us < LAST_PAUSE_US ? pause_us * 2 : LAST_PAUSE_US;
    }
}

int tpm_wait_on(struct tcg *t, uint32_t wait_us, struct tpm_reply *reply)
{
    t->dev.wait_us = wait_us;
    return receive(t, reply);
}

int tpm_do(struct tcg *t, struct wr *w, enum tcg_duration d,
           struct tpm_reply *reply)
{
    int rc = tpm_run(t, w, d, reply);

    return rc == 0 && reply->rc ? ERR_TPM : rc;
}

int tpm_send_only(struct tcg *t, struct wr *w, enum tcg_duration d)
{
    return send_built(t, w, d);
}

int tpm_pass(struct tcg *t, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
             uint32_t cap)
{
    int rc = send(t, cmd, len, DURATION_LONG);

    return rc < 0 ? rc : tpm_dev_receive(&t->dev, rsp, cap);
}
