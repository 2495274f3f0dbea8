/* SPDX-License-Identifier: MIT */
/*
 * The TPM 1.2 commands that are needed after POST.  Resident.
 *
 * TPM Main 1.2 part 3.
 */
#include <string.h>

#include "tcg/internal.h"
#include "tcg/tpm_spec.h"

int tpm12_get_capability(struct tcg *t, uint32_t area, uint32_t sub,
                         struct rd *data)
{
    struct wr w = tpm_begin(t, TPM12_TAG_RQU, TPM12_ORD_GetCapability);
    struct tpm_reply reply;
    size_t mark;
    int rc;

    wr_be32(&w, area);
    mark = wr_size_be32(&w);
    if (sub)
        wr_be32(&w, sub);
    wr_close_be32(&w, mark);
    rc = tpm_do(t, &w, DURATION_SHORT, &reply);
    if (rc < 0)
        return rc;
    *data = rd_sub(&reply.body, rd_be32(&reply.body));
    return rd_end(&reply.body) ? 0 : ERR_FORMAT;
}

int tpm12_extend(struct tcg *t, uint32_t pcr, const uint8_t *digest)
{
    struct wr w = tpm_begin(t, TPM12_TAG_RQU, TPM12_ORD_Extend);
    struct tpm_reply reply;
    int rc;

    wr_be32(&w, pcr);
    wr_bytes(&w, digest, SHA1_SIZE);
    rc = tpm_do(t, &w, DURATION_SHORT, &reply);
    if (rc < 0)
        return rc;
    rd_skip(&reply.body, SHA1_SIZE);        /* the PCR's new value */
    return rd_end(&reply.body) ? 0 : ERR_FORMAT;
}

/* tpm_do() of a command without results. */
static int do_plain(struct tcg *t, struct wr *w, enum tcg_duration d)
{
    struct tpm_reply reply;
    int rc = tpm_do(t, w, d, &reply);

    return rc < 0 || rd_end(&reply.body) ? rc : ERR_FORMAT;
}

int tpm12_presence(struct tcg *t, uint16_t bits)
{
    struct wr w = tpm_begin(t, TPM12_TAG_RQU, TSC_ORD_PhysicalPresence);

    wr_be16(&w, bits);
    return do_plain(t, &w, DURATION_SHORT);
}

/* The first n bytes of a flags capability, its tag in front; false if the TPM
 * does not tell. */
static bool get_flags(struct tcg *t, uint32_t which, uint8_t *flag, size_t n)
{
    struct rd r;
    const uint8_t *p;

    if (tpm12_get_capability(t, TPM12_CAP_FLAG, which, &r) < 0)
        return false;
    p = rd_bytes(&r, n);
    if (p)
        memcpy(flag, p, n);
    return p != NULL;
}

/*
 * Can no command assert physical presence before the next start-up?  Either
 * that is locked, or commands are switched off for the TPM's lifetime.
 */
static bool presence_is_out_of_reach(struct tcg *t)
{
    uint8_t now[TPM12_STCLEAR_PP_LOCK + 1];
    uint8_t ever[TPM12_PERM_PP_CMD_ENABLE + 1];

    if (get_flags(t, TPM12_CAP_FLAG_VOLATILE, now, sizeof(now)) &&
        now[TPM12_STCLEAR_PP_LOCK] && !now[TPM12_STCLEAR_PP])
        return true;
    return get_flags(t, TPM12_CAP_FLAG_PERMANENT, ever, sizeof(ever)) &&
           ever[TPM12_PERM_PP_LIFETIME_LOCK] && !ever[TPM12_PERM_PP_CMD_ENABLE];
}

int tpm12_lock_presence(struct tcg *t)
{
    uint16_t bits = TPM12_PP_NOTPRESENT | TPM12_PP_LOCK;
    int rc = tpm12_presence(t, bits);

    if (rc != ERR_TPM || presence_is_out_of_reach(t))
        return rc == ERR_TPM ? 0 : rc;
    rc = tpm12_presence(t, TPM12_PP_CMD_ENABLE);
    return rc < 0 ? rc : tpm12_presence(t, bits);
}

int tpm12_temp_deactivate(struct tcg *t)
{
    struct wr w = tpm_begin(t, TPM12_TAG_RQU, TPM12_ORD_SetTempDeactivated);

    return do_plain(t, &w, DURATION_SHORT);
}

int tpm_extend(struct tcg *t, uint32_t pcr, const struct tcg_digests *d)
{
    return t->family == TCG_FAMILY_12 ? tpm12_extend(t, pcr, d->value[0])
                                      : tpm2_extend(t, pcr, d);
}
