/* SPDX-License-Identifier: MIT */
/*
 * One event into the TPM and into the log.  Resident.
 *
 * TCG conventional BIOS 1.21, 10. and 11.3.
 */
#include "tcg/internal.h"

const uint8_t tcg_error_separator[4] = { 1, 0, 0, 0 };

/* Once measured boot has failed, what follows is summed up in one line. */
static int extend_failed(struct tcg *t, uint32_t pcr, int err)
{
    if (t->state == TCG_FAILED)
        return err;
    if (err == ERR_TPM)
        tcg_say(t, "PCR%u could not be extended: code %xh", pcr, t->code);
    else
        tcg_say(t, "PCR%u could not be extended: %s", pcr, tcg_err_text(err));
    return err;
}

int tcg_extend_and_log(struct tcg *t, uint32_t pcr, uint32_t type,
                       const struct tcg_digests *d,
                       const struct tcg_piece *data, unsigned count)
{
    int rc = tpm_extend(t, pcr, d);

    if (rc < 0)
        return extend_failed(t, pcr, rc);
    rc = tcglog_append(t, pcr, type, d, data, count);
    if (rc < 0 && !(t->flags & TCG_F_LOG_SAID)) {
        t->flags |= TCG_F_LOG_SAID;
        tcg_say(t, "the event log is full (%u bytes) and ends early; further "
                "measurements go into the PCRs only, so it does not give "
                "their values", t->log.size);
    }
    return rc;
}

int tcg_separator(struct tcg *t, uint32_t pcr, bool error)
{
    static const uint8_t normal[4] = { 0xff, 0xff, 0xff, 0xff };
    struct tcg_piece data = { error ? tcg_error_separator : normal, 4 };
    struct tcg_digests d;

    tcg_hash_pieces(t, &data, 1, &d);
    return tcg_extend_and_log(t, pcr, EV_SEPARATOR, &d, &data, 1);
}
