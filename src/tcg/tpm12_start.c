/* SPDX-License-Identifier: MIT */
/*
 * TPM 1.2 from start-up to a self-test that runs: time-outs, physical
 * presence.  Resident: a resume from S3 does that, too.
 *
 * TPM Main 1.2 part 2 and 3; TCG conventional BIOS 1.21, 3.2.
 */
#include <string.h>

#include "tcg/internal.h"
#include "tcg/tpm_spec.h"

/*
 * TPM_TIMEOUT_A..D and durations as reported are taken within these bounds: a
 * virtual TPM reports minutes, and its host may be busy.
 */
#define TIMEOUT_MIN_US      750000u
#define DURATION_MIN_US     750000u
#define MILLISECONDS_BELOW  10000u

static const uint32_t timeout_max_us[4] = {
    5000000, 5000000, 5000000, 5000000,
};
static const uint32_t duration_max_us[3] = { 2000000, 20000000, 60000000 };

int tpm12_startup(struct tcg *t, bool state, uint32_t *code)
{
    struct wr w = tpm_begin(t, TPM12_TAG_RQU, TPM12_ORD_Startup);
    struct tpm_reply reply;
    int rc;

    wr_be16(&w, state ? TPM12_ST_STATE : TPM12_ST_CLEAR);
    rc = tpm_run(t, &w, DURATION_SHORT, &reply);
    *code = rc < 0 ? 0 : reply.rc;
    return rc < 0 || rd_end(&reply.body) ? rc : ERR_FORMAT;
}

/*
 * Take a list of times, each within its bounds; zero keeps what is there.  Some
 * TPMs report milliseconds.  The first time of either list is most of a second
 * (TIMEOUT_A, short commands): if it is below 10 000, all of the list is in
 * milliseconds.
 */
static int get_times(struct tcg *t, uint32_t property, uint32_t *time,
                     unsigned count, uint32_t min_us, const uint32_t *max_us)
{
    uint32_t unit = 0;                      /* in microseconds */
    struct rd r;
    int rc = tpm12_get_capability(t, TPM12_CAP_PROPERTY, property, &r);

    for (unsigned i = 0; i < count && rc == 0; i++) {
        uint32_t n = rd_be32(&r);

        if (n && !unit)
            unit = n < MILLISECONDS_BELOW ? 1000 : 1;
        if (n > max_us[i] / (unit ? unit : 1))
            time[i] = max_us[i];
        else if (n)
            time[i] = n * unit < min_us ? min_us : n * unit;
    }
    return rc < 0 ? rc : rd_end(&r) ? 0 : ERR_FORMAT;
}

int tpm12_assert_presence(struct tcg *t)
{
    int rc = tpm12_presence(t, TPM12_PP_PRESENT);

    if (rc == ERR_TPM && tpm12_presence(t, TPM12_PP_CMD_ENABLE) == 0)
        rc = tpm12_presence(t, TPM12_PP_PRESENT);
    if (rc == 0) {
        t->flags |= TCG_F_PRESENCE;
    } else if (rc == ERR_TPM) {
        tcg_debug(t, "physical presence cannot be asserted");
        rc = 0;
    }
    return rc;
}

int tpm12_begin(struct tcg *t)
{
    struct wr w;
    int rc;

    /* A TPM that keeps its times to itself gets the specification's. */
    rc = get_times(t, TPM12_CAP_PROP_TIMEOUTS, t->dev.timeout_us, 4,
                   TIMEOUT_MIN_US, timeout_max_us);
    if (rc == 0 || rc == ERR_TPM) {
        rc = get_times(t, TPM12_CAP_PROP_DURATIONS, t->duration_us, 3,
                       DURATION_MIN_US, duration_max_us);
    }
    if (rc < 0 && rc != ERR_TPM)
        return rc;
    w = tpm_begin(t, TPM12_TAG_RQU, TPM12_ORD_ContinueSelfTest);
    return tpm_send_only(t, &w, DURATION_MEDIUM);
}
