/* SPDX-License-Identifier: MIT */
/*
 * A TPM that somebody else has started: is it as a start-up leaves it, and is
 * it a virtual machine's own?  Only questions, no changes.  Resident, since a
 * resume from S3 asks, too.
 *
 * TPM Main 1.2 part 3, 16.2 (PCRRead); TPM 2.0 Library part 3, 22.4
 * (PCR_Read) and part 2, 6.13 (vendor strings).
 */
#include <string.h>

#include "tcg/internal.h"
#include "tcg/tpm_spec.h"

#define PCRS_AT_ONCE        4u          /* of the longest digest, in a reply */
#define SELECT_BYTES        3u
#define DIGEST12_SIZE       20u

/* What libtpms, the TPM inside swtpm, says of itself. */
#define VENDOR_IBM          0x49424d00u /* "IBM", TCG vendor registry */
#define VENDOR_STRING_SW    0x53572020u /* "SW  " */

static bool is_zero(const uint8_t *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i])
            return false;
    return true;
}

static bool untouched12(struct tcg *t, uint32_t pcr)
{
    struct wr w = tpm_begin(t, TPM12_TAG_RQU, TPM12_ORD_PcrRead);
    struct tpm_reply reply;
    const uint8_t *p;

    wr_be32(&w, pcr);
    if (tpm_do(t, &w, DURATION_SHORT, &reply) < 0)
        return false;
    p = rd_bytes(&reply.body, DIGEST12_SIZE);
    return p && is_zero(p, DIGEST12_SIZE);
}

/* PCRs first to first + PCRS_AT_ONCE - 1 of one bank. */
static bool untouched20(struct tcg *t, uint16_t alg, uint32_t first)
{
    struct wr w = tpm_begin(t, TPM2_ST_NO_SESSIONS, TPM2_CC_PCR_Read);
    uint8_t select = (uint8_t)(((1u << PCRS_AT_ONCE) - 1) << first);
    struct tpm_reply reply;
    uint32_t count;

    wr_be32(&w, 1);
    wr_be16(&w, alg);
    wr_u8(&w, SELECT_BYTES);
    wr_u8(&w, select);
    wr_zero(&w, SELECT_BYTES - 1);
    if (tpm_do(t, &w, DURATION_SHORT, &reply) < 0)
        return false;
    rd_skip(&reply.body, 4);                /* the update counter */
    if (rd_be32(&reply.body) != 1 || rd_be16(&reply.body) != alg ||
        rd_u8(&reply.body) != SELECT_BYTES || rd_u8(&reply.body) != select)
        return false;                       /* not all that was asked for */
    rd_skip(&reply.body, SELECT_BYTES - 1);
    count = rd_be32(&reply.body);
    for (uint32_t i = 0; i < count && i < PCRS_AT_ONCE; i++) {
        uint16_t size = rd_be16(&reply.body);
        const uint8_t *p = rd_bytes(&reply.body, size);

        if (!p || !size || !is_zero(p, size))
            return false;
    }
    return count == PCRS_AT_ONCE && rd_end(&reply.body);
}

static bool bank_is_untouched(struct tcg *t, uint16_t alg)
{
    for (uint32_t pcr = 0; pcr < TCG_BIOS_PCRS; pcr += PCRS_AT_ONCE)
        if (!untouched20(t, alg, pcr))
            return false;
    return true;
}

bool tcg_is_untouched(struct tcg *t)
{
    if (t->family == TCG_FAMILY_12) {
        for (uint32_t pcr = 0; pcr < TCG_BIOS_PCRS; pcr++)
            if (!untouched12(t, pcr))
                return false;
        return true;
    }
    if (tpm2_learn_banks(t) < 0)
        return false;
    for (unsigned i = 0; i < t->bank_count; i++)
        if (!bank_is_untouched(t, t->bank[i].alg))
            return false;
    for (unsigned i = 0; i < t->strange_count; i++)
        if (!bank_is_untouched(t, t->strange[i]))
            return false;
    return true;
}

/* The value of one property of a TPM 2.0, or 0. */
static uint32_t property20(struct tcg *t, uint32_t id)
{
    struct rd r;

    if (tpm2_get_capability(t, TPM2_CAP_TPM_PROPERTIES, id, 1, &r) < 0 ||
        rd_be32(&r) != 1 || rd_be32(&r) != id)
        return 0;
    return rd_be32(&r);
}

bool tcg_is_emulated(struct tcg *t)
{
    struct rd r;

    if (t->family == TCG_FAMILY_20) {
        return property20(t, TPM2_PT_MANUFACTURER) == VENDOR_IBM &&
               property20(t, TPM2_PT_VENDOR_STRING_1) == VENDOR_STRING_SW;
    }
    if (tpm12_get_capability(t, TPM12_CAP_VERSION_VAL, 0, &r) < 0 ||
        rd_be16(&r) != TPM12_TAG_CAP_VERSION_INFO)
        return false;
    rd_skip(&r, 4 + 2 + 1);                 /* version, level, errata */
    return rd_be32(&r) == VENDOR_IBM && !r.bad;
}
