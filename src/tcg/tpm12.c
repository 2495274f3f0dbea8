/* SPDX-License-Identifier: MIT */
/*
 * The TPM 1.2 commands that are needed after POST.  Resident.
 *
 * TPM Main 1.2 part 3.
 */
#include "tcg/internal.h"
#include "tcg/tpm_spec.h"

#define SHA1_SIZE   20u

int tpm12_extend(struct tcg *t, uint32_t pcr, const uint8_t *digest)
{
    struct wr w = tpm_begin(t, TPM12_TAG_RQU, TPM12_ORD_Extend);
    struct tpm_reply reply;
    int rc;

    wr_be32(&w, pcr);
    wr_bytes(&w, digest, SHA1_SIZE);
    rc = tpm_do(t, &w, DURATION_SHORT, &reply);
    if (rc < 0) {
        return rc;
    }
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

/* Is presence locked until the next start-up, as the flags tell? */
static bool presence_is_locked(struct tcg *t)
{
    struct rd r;

    if (tpm12_get_capability(t, TPM12_CAP_FLAG, TPM12_CAP_FLAG_VOLATILE,
                             &r) < 0) {
        return false;
    }
    rd_skip(&r, 2 + 2);                     /* tag and two other flags */
    return rd_u8(&r) == 0 && rd_u8(&r) == 1;
}

int tpm12_lock_presence(struct tcg *t)
{
    int rc = tpm12_presence(t, TPM12_PP_NOTPRESENT | TPM12_PP_LOCK);

    return rc == ERR_TPM && presence_is_locked(t) ? 0 : rc;
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
