/* SPDX-License-Identifier: MIT */
/*
 * The TPM 2.0 commands that are needed after POST.  Resident.
 *
 * TPM 2.0 Library part 3.
 */
#include <string.h>

#include "tcg/internal.h"
#include "tcg/tpm_spec.h"

int tpm2_get_capability(struct tcg *t, uint32_t cap, uint32_t property,
                        uint32_t count, struct rd *data)
{
    struct wr w = tpm_begin(t, TPM2_ST_NO_SESSIONS, TPM2_CC_GetCapability);
    struct tpm_reply reply;
    int rc;

    wr_be32(&w, cap);
    wr_be32(&w, property);
    wr_be32(&w, count);
    rc = tpm_do(t, &w, DURATION_SHORT, &reply);
    if (rc < 0)
        return rc;
    rd_skip(&reply.body, 1);                /* moreData */
    if (rd_be32(&reply.body) != cap || reply.body.bad)
        return ERR_FORMAT;
    *data = reply.body;
    return 0;
}

void tpm2_put_auth_area(const struct tcg *t, struct wr *w, uint32_t handle)
{
    bool ours = handle == TPM2_RH_PLATFORM && t->flags & TCG_F_AUTH_SET;
    size_t mark, auth;

    mark = wr_size_be32(w);
    wr_be32(w, TPM2_RS_PW);
    wr_be16(w, 0);                          /* no nonce */
    wr_u8(w, 0);                            /* attributes */
    auth = wr_size_be16(w);
    wr_bytes(w, t->auth, ours ? t->auth_len : 0);
    wr_close_be16(w, auth);
    wr_close_be32(w, mark);
}

void tpm2_put_auth(const struct tcg *t, struct wr *w, uint32_t handle)
{
    wr_be32(w, handle);
    tpm2_put_auth_area(t, w, handle);
}

int tpm2_do_auth(struct tcg *t, struct wr *w, enum tcg_duration d)
{
    struct tpm_reply reply;
    int rc = tpm_do(t, w, d, &reply);

    if (rc < 0)
        return rc;
    if (reply.tag != TPM2_ST_SESSIONS || rd_be32(&reply.body) != 0)
        return ERR_FORMAT;                  /* there are no parameters */
    rd_skip(&reply.body, 2 + 1 + 2);        /* the session's: no nonce, HMAC */
    return rd_end(&reply.body) ? 0 : ERR_FORMAT;
}

bool tpm2_auth_refused(const struct tcg *t)
{
    uint32_t code = t->code & TPM2_RC_FMT1_MASK;

    return code == TPM2_RC_BAD_AUTH || code == TPM2_RC_AUTH_FAIL;
}

int tpm2_extend(struct tcg *t, uint32_t pcr, const struct tcg_digests *d)
{
    struct wr w = tpm_begin(t, TPM2_ST_SESSIONS, TPM2_CC_PCR_Extend);

    if (!t->bank_count)
        return 0;
    tpm2_put_auth(t, &w, pcr);
    wr_be32(&w, t->bank_count);
    for (unsigned i = 0; i < t->bank_count; i++) {
        wr_be16(&w, t->bank[i].alg);
        wr_bytes(&w, d->value[i], t->bank[i].size);
    }
    return tpm2_do_auth(t, &w, DURATION_SHORT);
}

int tpm2_extend_one(struct tcg *t, uint32_t pcr, uint16_t alg,
                    const uint8_t *digest, size_t size)
{
    struct wr w = tpm_begin(t, TPM2_ST_SESSIONS, TPM2_CC_PCR_Extend);

    tpm2_put_auth(t, &w, pcr);
    wr_be32(&w, 1);
    wr_be16(&w, alg);
    wr_bytes(&w, digest, size);
    return tpm2_do_auth(t, &w, DURATION_SHORT);
}

int tpm2_error_event(struct tcg *t, uint32_t pcr)
{
    struct wr w = tpm_begin(t, TPM2_ST_SESSIONS, TPM2_CC_PCR_Event);
    struct tpm_reply reply;

    tpm2_put_auth(t, &w, pcr);
    wr_be16(&w, sizeof(tcg_error_separator));
    wr_bytes(&w, tcg_error_separator, sizeof(tcg_error_separator));
    return tpm_do(t, &w, DURATION_SHORT, &reply);   /* digests: not needed */
}

int tpm2_hierarchy_off(struct tcg *t, uint32_t hierarchy)
{
    struct wr w = tpm_begin(t, TPM2_ST_SESSIONS, TPM2_CC_HierarchyControl);

    tpm2_put_auth(t, &w, TPM2_RH_PLATFORM);
    wr_be32(&w, hierarchy);
    wr_u8(&w, 0);
    return tpm2_do_auth(t, &w, DURATION_SHORT);
}
