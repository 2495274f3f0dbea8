/* SPDX-License-Identifier: MIT */
/*
 * The management flags, the turned-off state and the operation that was
 * begun, kept in an NV index that only the firmware can write: with platform
 * authorisation (2.0) or physical presence before hand-over (1.2).  POST only.
 *
 * TPM 2.0 Library part 2, 13 and part 3, 31; Registry of Reserved TPM 2.0
 * Handles (01400000h-017FFFFFh: platform manufacturer).  TPM Main 1.2 part 2,
 * 19 and part 3, 20.
 */
#include <string.h>

#include "tcg/internal.h"
#include "tcg/ppi.h"
#include "tcg/tpm_spec.h"

#define INDEX           0x01404b42u
#define DATA_SIZE       8u
#define DATA_MAGIC      0x4b504901u     /* "KPI", version 1 */
#define NEVER_WRITTEN   0xffffffffu     /* TPM 1.2: bytes of a new index */

/* The second word: flags, then the note. */
#define NOTE_SHIFT      16u             /* 8 bits: operation */
#define NOTE_SECOND     (1u << 24)
#define NOTE_TRIES      25u             /* 2 bits */
#define NOTE_MASK       0x07ff0000u

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
#define DEFAULTS_12         (PPI_F_CLEAR | PPI_F_MAINTENANCE)
#define FLAGS_20            (PPI_F_CLEAR | PPI_F_TURN_ON | PPI_F_TURN_OFF \
                             | PPI_F_CHANGE_EPS | PPI_F_CHANGE_PCRS \
                             | PPI_F_STORAGE_OFF | PPI_F_ENDORSE_OFF)
#define FLAGS_12            (PPI_F_CLEAR | PPI_F_PROVISION \
                             | PPI_F_MAINTENANCE)

/* TPM 1.2 */
#define INDEX_12            0x00014b42u
#define INDEX_LOCK          0xffffffffu /* defining it locks NV storage */
#define NV12_PPWRITE        (1u << 0)
#define CAP_NV_INDEX        0x11u
#define TAG_NV_DATA_PUBLIC  0x0018u
#define TAG_NV_ATTRIBUTES   0x0017u
#define PERM_NV_LOCKED      17u         /* with the tag, like TPM12_PERM_* */
#define PCR_INFO_SIZE       26u         /* TPM_PCR_INFO_SHORT */
#define SELECT_SIZE         3u          /* bytes of a selection of 24 PCRs */
#define ANY_LOCALITY        0x1fu
#define RC12_BADINDEX       0x02u

/*
 * TPM 1.2: the index can be written only while PCR 6 and PCR 7 are as a
 * start-up leaves them.  POST measures nothing into them before the separators
 * of the hand-over, and a TPM that measured boot fails on is capped.  So the OS
 * cannot write it, not even on a TPM whose physical presence was left to it.
 */
#define WRITE_PCRS          (1u << 6 | 1u << 7)

/* SHA-1 of the TPM_PCR_COMPOSITE of these: 0003 C00000 00000028, 40 zeros. */
static const uint8_t write_pcrs_digest[SHA1_SIZE] = {
    0xb3, 0x3d, 0xa6, 0x9b, 0x31, 0x3c, 0xe1, 0x85, 0x81, 0x27,
    0xc7, 0xe6, 0xf5, 0x72, 0xfd, 0x5d, 0x40, 0x25, 0x58, 0xea,
};

/*
 * Is the index there, as only the platform can have made it?  0, ERR_ABSENT,
 * ERR_FORMAT for one that is not ours, another error.  An index that was
 * never written counts as absent only for reading.
 */
static int check_index20(struct tcg *t, uint32_t *attributes)
{
    struct wr w = tpm_begin(t, TPM2_ST_NO_SESSIONS, TPM2_CC_NV_ReadPublic);
    struct tpm_reply reply;
    struct rd area;
    int rc;

    wr_be32(&w, INDEX);
    rc = tpm_do(t, &w, DURATION_SHORT, &reply);
    if (rc == ERR_TPM && (t->code & TPM2_RC_FMT1_MASK) == RC_FMT1_HANDLE)
        return ERR_ABSENT;
    if (rc < 0)
        return rc;
    area = rd_sub(&reply.body, rd_be16(&reply.body));
    if (rd_be32(&area) != INDEX)
        return ERR_FORMAT;
    rd_skip(&area, 2);                      /* name algorithm */
    *attributes = rd_be32(&area);
    rd_skip(&area, rd_be16(&area));         /* policy */
    if (rd_be16(&area) != DATA_SIZE || !rd_end(&area) ||
        (*attributes & ~NV_WRITTEN) != NV_ATTRIBUTES)
        return ERR_FORMAT;
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

/* What the index holds; the rest of the area does not matter. */
static int take_value(struct rd *r, uint32_t known, uint32_t *value)
{
    uint32_t magic = rd_be32(r);

    *value = rd_be32(r);
    if (!r->bad && magic == NEVER_WRITTEN && *value == NEVER_WRITTEN)
        return ERR_ABSENT;
    return r->bad || magic != DATA_MAGIC || *value & ~(known | NOTE_MASK)
           ? ERR_FORMAT : 0;
}

static int read20(struct tcg *t, uint32_t *value)
{
    struct tpm_reply reply;
    uint32_t attributes = 0;
    struct wr w;
    int rc = check_index20(t, &attributes);

    if (rc < 0)
        return rc;
    if (!(attributes & NV_WRITTEN))
        return ERR_ABSENT;
    w = begin_nv(t, TPM2_CC_NV_Read);
    wr_be16(&w, DATA_SIZE);
    wr_be16(&w, 0);
    rc = tpm_do(t, &w, DURATION_SHORT, &reply);
    if (rc < 0)
        return rc;
    rd_skip(&reply.body, 4);                /* size of the parameters */
    if (rd_be16(&reply.body) != DATA_SIZE)
        return ERR_FORMAT;
    return take_value(&reply.body, FLAGS_20, value);
}

static int define_index20(struct tcg *t)
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

static int write20(struct tcg *t, uint32_t value)
{
    uint32_t attributes;
    struct wr w;
    int rc = check_index20(t, &attributes);

    if (rc == ERR_ABSENT)
        rc = define_index20(t);
    if (rc < 0)
        return rc;                          /* a foreign one stays */
    w = begin_nv(t, TPM2_CC_NV_Write);
    wr_be16(&w, DATA_SIZE);
    wr_be32(&w, DATA_MAGIC);
    wr_be32(&w, value);
    wr_be16(&w, 0);                         /* offset */
    return tpm2_do_auth(t, &w, DURATION_MEDIUM);
}

/* ---------------------------------------------------------------- TPM 1.2 */

/*
 * NV storage obeys its attributes only once it is locked, which is for the
 * TPM's manufacturer to do.  Before, anybody can write anywhere, a note that
 * something was confirmed, too.
 */
static int nv12_is_locked(struct tcg *t, bool *locked)
{
    struct rd r;
    int rc = tpm12_get_capability(t, TPM12_CAP_FLAG, TPM12_CAP_FLAG_PERMANENT,
                                  &r);

    if (rc < 0)
        return rc;
    rd_skip(&r, PERM_NV_LOCKED);
    *locked = rd_u8(&r);
    return r.bad ? ERR_FORMAT : 0;
}

/* A TPM_PCR_INFO_SHORT: nothing selected, or WRITE_PCRS as at a start-up. */
static void put_pcr_info12(struct wr *w, bool bound)
{
    wr_be16(w, SELECT_SIZE);
    wr_u8(w, bound ? WRITE_PCRS : 0);
    wr_zero(w, SELECT_SIZE - 1);
    wr_u8(w, ANY_LOCALITY);
    if (bound)
        wr_bytes(w, write_pcrs_digest, SHA1_SIZE);
    else
        wr_zero(w, SHA1_SIZE);
}

/* What does the next PCR_INFO_SHORT select?  A TPM may give fewer bytes. */
static bool take_pcr_info12(struct rd *r, bool *bound)
{
    struct rd select = rd_sub(r, rd_be16(r));
    uint8_t first = rd_u8(&select), rest = 0;
    const uint8_t *digest;

    while (select.left)
        rest |= rd_u8(&select);
    rd_skip(r, 1);                          /* localities */
    digest = rd_bytes(r, SHA1_SIZE);
    *bound = digest && first == WRITE_PCRS && !rest && !select.bad &&
             memcmp(digest, write_pcrs_digest, SHA1_SIZE) == 0;
    return digest && !select.bad;
}

/*
 * As check_index20().  *bound: it is as define12() makes it.  One that is not
 * but is ours in all else was made by version 0.1 of this firmware, or by
 * somebody who had physical presence.
 */
static int check_index12(struct tcg *t, bool *bound)
{
    struct rd r;
    uint32_t index, attributes;
    uint16_t tag;
    bool read_bound;
    int rc = tpm12_get_capability(t, CAP_NV_INDEX, INDEX_12, &r);

    if (rc == ERR_TPM && t->code == RC12_BADINDEX)
        return ERR_ABSENT;
    if (rc < 0)
        return rc;
    tag = rd_be16(&r);
    index = rd_be32(&r);
    if (!take_pcr_info12(&r, &read_bound) || !take_pcr_info12(&r, bound))
        return ERR_FORMAT;
    rd_skip(&r, 2);
    attributes = rd_be32(&r);
    rd_skip(&r, 3);
    if (tag != TAG_NV_DATA_PUBLIC || index != INDEX_12 || read_bound ||
        attributes != NV12_PPWRITE || rd_be32(&r) != DATA_SIZE || r.bad)
        return ERR_FORMAT;
    return 0;
}

/* Define an index; size 0 removes it. */
static int define12(struct tcg *t, uint32_t index, uint32_t size)
{
    struct wr w = tpm_begin(t, TPM12_TAG_RQU, TPM12_ORD_NV_DefineSpace);
    struct tpm_reply reply;

    wr_be16(&w, TAG_NV_DATA_PUBLIC);
    wr_be32(&w, index);
    put_pcr_info12(&w, false);              /* to read */
    put_pcr_info12(&w, size != 0);          /* to write */
    wr_be16(&w, TAG_NV_ATTRIBUTES);
    wr_be32(&w, size ? NV12_PPWRITE : 0);
    wr_zero(&w, 3);
    wr_be32(&w, size);
    wr_zero(&w, SHA1_SIZE);                 /* no authorisation value */
    return tpm_do(t, &w, DURATION_MEDIUM, &reply);
}

/*
 * What is at our index in open storage may be anybody's: it is made anew, and
 * the storage is locked for good, with our index or without.
 */
static int close_storage12(struct tcg *t)
{
    int rc;

    (void)define12(t, INDEX_12, 0);         /* mostly there is none */
    (void)define12(t, INDEX_12, DATA_SIZE);
    rc = define12(t, INDEX_LOCK, 0);
    if (rc == 0)
        tcg_say(t, "its NV storage was open to everybody: locked for good");
    return rc;
}

/* An index that an OS could have written is made anew, without its contents.
 * While the TPM has an owner, only that one could. */
static int replace12(struct tcg *t)
{
    int rc = define12(t, INDEX_12, DATA_SIZE);

    tcg_say(t, "the physical presence settings in NV index %X could be "
            "written by an operating system: %s", INDEX_12,
            rc < 0 ? "not believed, defaults until the TPM is cleared"
                   : "made anew, defaults");
    return rc;
}

static int read12(struct tcg *t, uint32_t *value)
{
    struct tpm_reply reply;
    bool locked = false, bound = false;
    struct wr w;
    int rc = nv12_is_locked(t, &locked);

    if (rc == 0 && !locked) {
        rc = close_storage12(t);
        return rc < 0 ? rc : ERR_ABSENT;
    }
    if (rc == 0)
        rc = check_index12(t, &bound);
    if (rc == 0 && !bound) {
        rc = replace12(t);
        return rc < 0 ? ERR_FORMAT : ERR_ABSENT;
    }
    if (rc < 0)
        return rc;
    w = tpm_begin(t, TPM12_TAG_RQU, TPM12_ORD_NV_ReadValue);
    wr_be32(&w, INDEX_12);
    wr_be32(&w, 0);
    wr_be32(&w, DATA_SIZE);
    rc = tpm_do(t, &w, DURATION_SHORT, &reply);
    if (rc < 0)
        return rc;
    if (rd_be32(&reply.body) != DATA_SIZE)
        return ERR_FORMAT;
    return take_value(&reply.body, FLAGS_12, value);
}

static int write12(struct tcg *t, uint32_t value)
{
    struct tpm_reply reply;
    bool bound;
    struct wr w;
    int rc = check_index12(t, &bound);

    if (rc == ERR_ABSENT)
        rc = define12(t, INDEX_12, DATA_SIZE);
    else if (rc == 0 && !bound)
        rc = ERR_FORMAT;
    if (rc < 0)
        return rc;                          /* a foreign one stays */
    w = tpm_begin(t, TPM12_TAG_RQU, TPM12_ORD_NV_WriteValue);
    wr_be32(&w, INDEX_12);
    wr_be32(&w, 0);                         /* offset */
    wr_be32(&w, DATA_SIZE);
    wr_be32(&w, DATA_MAGIC);
    wr_be32(&w, value);
    return tpm_do(t, &w, DURATION_MEDIUM, &reply);
}

/* ------------------------------------------------------------------- both */

void ppi_load(struct tcg *t, struct tcg_ppi *ppi)
{
    bool is_20 = t->family == TCG_FAMILY_20;
    uint32_t value = 0;
    int rc = is_20 ? read20(t, &value) : read12(t, &value);

    ppi->begun = (struct ppi_note){ 0 };
    if (rc == 0) {
        ppi->flags = value & ~NOTE_MASK;
        ppi->begun.code = (uint8_t)(value >> NOTE_SHIFT);
        ppi->begun.second = value & NOTE_SECOND;
        ppi->begun.tries = value >> NOTE_TRIES & 3;
        return;
    }
    ppi->flags = is_20 ? DEFAULTS_20 : DEFAULTS_12;
    if (rc == ERR_ABSENT) {
        tcg_debug(t, "no physical presence settings: defaults");
    } else if (rc == ERR_TPM && !is_20) {
        /* What a disabled one keeps may be stricter than the defaults. */
        ppi->flags = FLAGS_12;
        tcg_say(t, "it does not tell its physical presence settings (code "
                "%xh): asking before every change", t->code);
    } else {
        tcg_say(t, "the physical presence settings in NV index %X are not "
                "usable: defaults", is_20 ? INDEX : INDEX_12);
    }
}

static int store(struct tcg *t, struct tcg_ppi *ppi, uint32_t flags,
                 struct ppi_note note)
{
    uint32_t value = flags | (uint32_t)note.code << NOTE_SHIFT |
                     (note.second ? NOTE_SECOND : 0) |
                     (uint32_t)(note.tries & 3) << NOTE_TRIES;
    int rc = t->family == TCG_FAMILY_20 ? write20(t, value)
                                        : write12(t, value);

    if (rc == 0) {
        ppi->flags = flags;
        ppi->begun = note;
    }
    return rc;
}

int ppi_store_flags(struct tcg *t, struct tcg_ppi *ppi, uint32_t flags)
{
    return flags == ppi->flags ? 0 : store(t, ppi, flags, ppi->begun);
}

int ppi_store_note(struct tcg *t, struct tcg_ppi *ppi, struct ppi_note note)
{
    return !note.code && !ppi->begun.code ? 0
                                          : store(t, ppi, ppi->flags, note);
}
