/* SPDX-License-Identifier: MIT */
/*
 * The management flags and the turned-off state of a TPM 2.0, kept in an NV
 * index that only the platform can write.  A TPM 1.2 has the defaults.  Init.
 *
 * TPM 2.0 Library part 2, 13 and part 3, 31; Registry of Reserved TPM 2.0
 * Handles (01400000h-017FFFFFh: platform manufacturer).
 */
#include "tcg/internal.h"
#include "tcg/ppi.h"
#include "tcg/tpm_spec.h"

#define INDEX           0x01404b42u
#define DATA_SIZE       8u
#define DATA_MAGIC      0x4b504901u     /* "KPI", version 1 */

#define NV_PPWRITE          (1u << 0)
#define NV_PPREAD           (1u << 16)
#define NV_NO_DA            (1u << 25)
#define NV_WRITTEN          (1u << 29)
#define NV_PLATFORMCREATE   (1u << 30)
#define NV_ATTRIBUTES       (NV_PPWRITE | NV_PPREAD | NV_NO_DA \
                             | NV_PLATFORMCREATE)

#define RC_FMT1_HANDLE      0x08bu      /* no such index */

#define DEFAULTS_20         (PPI_F_CLEAR | PPI_F_TURN_OFF | PPI_F_CHANGE_EPS \
                             | PPI_F_CHANGE_PCRS)
#define DEFAULTS_12         PPI_F_CLEAR
#define KNOWN_FLAGS         (PPI_F_CLEAR | PPI_F_TURN_ON | PPI_F_TURN_OFF \
                             | PPI_F_CHANGE_EPS | PPI_F_CHANGE_PCRS \
                             | PPI_F_STORAGE_OFF | PPI_F_ENDORSE_OFF)

/*
 * Is the index there, as only the platform can have made it?  0, ERR_ABSENT,
 * ERR_FORMAT for one that is not ours, another error.  An index that was
 * never written counts as absent only for reading.
 */
static int check_index(struct tcg *t, uint32_t *attributes)
{
    struct wr w = tpm_begin(t, TPM2_ST_NO_SESSIONS, TPM2_CC_NV_ReadPublic);
    struct tpm_reply reply;
    struct rd area;
    int rc;

    wr_be32(&w, INDEX);
    rc = tpm_do(t, &w, DURATION_SHORT, &reply);
    if (rc == ERR_TPM && (t->code & TPM2_RC_FMT1_MASK) == RC_FMT1_HANDLE) {
        return ERR_ABSENT;
    }
    if (rc < 0) {
        return rc;
    }
    area = rd_sub(&reply.body, rd_be16(&reply.body));
    if (rd_be32(&area) != INDEX) {
        return ERR_FORMAT;
    }
    rd_skip(&area, 2);                      /* name algorithm */
    *attributes = rd_be32(&area);
    rd_skip(&area, rd_be16(&area));         /* policy */
    if (rd_be16(&area) != DATA_SIZE || !rd_end(&area)
        || (*attributes & ~NV_WRITTEN) != NV_ATTRIBUTES) {
        return ERR_FORMAT;
    }
    return 0;
}

/* Handles: PLATFORM, authorised, and the index. */
static struct wr begin_nv(struct tcg *t, uint32_t code)
{
    struct wr w = tpm_begin(t, TPM2_ST_SESSIONS, code);

    wr_be32(&w, TPM2_RH_PLATFORM);
    wr_be32(&w, INDEX);
    tpm2_put_auth_area(t, &w, TPM2_RH_PLATFORM);
    return w;
}

static int read_flags(struct tcg *t, uint32_t *flags)
{
    struct tpm_reply reply;
    uint32_t attributes = 0;
    struct wr w;
    int rc = check_index(t, &attributes);

    if (rc < 0) {
        return rc;
    }
    if (!(attributes & NV_WRITTEN)) {
        return ERR_ABSENT;
    }
    w = begin_nv(t, TPM2_CC_NV_Read);
    wr_be16(&w, DATA_SIZE);
    wr_be16(&w, 0);
    rc = tpm_do(t, &w, DURATION_SHORT, &reply);
    if (rc < 0) {
        return rc;
    }
    rd_skip(&reply.body, 4);                /* size of the parameters */
    if (rd_be16(&reply.body) != DATA_SIZE
        || rd_be32(&reply.body) != DATA_MAGIC) {
        return ERR_FORMAT;
    }
    *flags = rd_be32(&reply.body);
    return reply.body.bad || *flags & ~KNOWN_FLAGS ? ERR_FORMAT : 0;
}

void ppi_load_flags(struct tcg *t, struct tcg_ppi *ppi)
{
    int rc;

    if (t->family == TCG_FAMILY_12) {
        ppi->flags = DEFAULTS_12;
        return;
    }
    rc = read_flags(t, &ppi->flags);
    if (rc < 0) {
        ppi->flags = DEFAULTS_20;
    }
    if (rc == ERR_ABSENT) {
        tcg_debug(t, "no physical presence settings: defaults");
    } else if (rc < 0) {
        tcg_say(t, "the physical presence settings in NV index %X are not "
                "usable: defaults", INDEX);
    }
}

static int define_index(struct tcg *t)
{
    struct wr w = tpm_begin(t, TPM2_ST_SESSIONS, TPM2_CC_NV_DefineSpace);
    size_t mark;

    tpm2_put_auth(t, &w, TPM2_RH_PLATFORM);
    wr_be16(&w, 0);                         /* no authorisation value */
    mark = wr_size_be16(&w);
    wr_be32(&w, INDEX);
    wr_be16(&w, TPM_ALG_SHA256);
    wr_be32(&w, NV_ATTRIBUTES);
    wr_be16(&w, 0);                         /* no policy */
    wr_be16(&w, DATA_SIZE);
    wr_close_be16(&w, mark);
    return tpm2_do_auth(t, &w, DURATION_MEDIUM);
}

int ppi_store_flags(struct tcg *t, struct tcg_ppi *ppi, uint32_t flags)
{
    uint32_t attributes;
    struct wr w;
    int rc;

    if (flags == ppi->flags) {
        return 0;
    }
    rc = check_index(t, &attributes);
    if (rc == ERR_ABSENT) {
        rc = define_index(t);
    }
    if (rc < 0) {
        return rc;                          /* a foreign one stays */
    }
    w = begin_nv(t, TPM2_CC_NV_Write);
    wr_be16(&w, DATA_SIZE);
    wr_be32(&w, DATA_MAGIC);
    wr_be32(&w, flags);
    wr_be16(&w, 0);                         /* offset */
    rc = tpm2_do_auth(t, &w, DURATION_MEDIUM);
    if (rc == 0) {
        ppi->flags = flags;
    }
    return rc;
}
