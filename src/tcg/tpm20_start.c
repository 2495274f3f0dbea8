/* SPDX-License-Identifier: MIT */
/*
 * TPM 2.0 from start-up to a platformAuth of our own: active banks,
 * self-test, banks that we cannot measure into.  Resident: a resume from S3
 * does that, too.
 *
 * TPM 2.0 Library part 3; PC Client Platform Firmware Profile 1.05, 2.3.
 */
#include <string.h>

#include "tcg/internal.h"
#include "tcg/tpm_spec.h"

#define AUTH_BYTES      32u
#define AUTH_MIN        20u

int tpm2_startup(struct tcg *t, bool state, uint32_t *code)
{
    struct wr w = tpm_begin(t, TPM2_ST_NO_SESSIONS, TPM2_CC_Startup);
    struct tpm_reply reply;
    int rc;

    wr_be16(&w, state ? TPM2_SU_STATE : TPM2_SU_CLEAR);
    rc = tpm_run(t, &w, DURATION_MEDIUM, &reply);
    *code = rc < 0 ? 0 : reply.rc;
    return rc < 0 || rd_end(&reply.body) ? rc : ERR_FORMAT;
}

static int add_bank(struct tcg *t, uint16_t id)
{
    const struct hash_alg *alg = hash_find(id);

    for (unsigned i = 0; i < t->bank_count; i++)
        if (t->bank[i].alg == id)
            return ERR_FORMAT;              /* named twice */
    if (alg && t->bank_count < TCG_MAX_BANKS)
        t->bank[t->bank_count++] = (struct tcg_bank){ id, alg->size };
    else if (t->strange_count < TCG_MAX_BANKS)
        t->strange[t->strange_count++] = id;
    else
        return ERR_SPACE;
    return 0;
}

static int learn_banks(struct tcg *t)
{
    struct rd r;
    int rc = tpm2_get_capability(t, TPM2_CAP_PCRS, 0, 64, &r);
    uint32_t count;

    if (rc < 0)
        return rc;
    count = rd_be32(&r);
    for (uint32_t i = 0; i < count && !r.bad; i++) {
        uint16_t id = rd_be16(&r);
        struct rd select = rd_sub(&r, rd_u8(&r));
        const struct hash_alg *alg = hash_find(id);
        uint8_t any = 0;

        t->supported |= alg ? alg->bit : 0;
        while (select.left)
            any |= rd_u8(&select);
        if (any && !r.bad) {
            rc = add_bank(t, id);
            if (rc < 0)
                return rc;
        }
    }
    return rd_end(&r) ? 0 : ERR_FORMAT;
}

int tpm2_learn_banks(struct tcg *t)
{
    int rc;

    t->bank_count = 0;
    t->strange_count = 0;
    t->supported = 0;
    rc = learn_banks(t);
    if (rc < 0) {
        t->bank_count = 0;              /* half a list is none */
        t->strange_count = 0;
    }
    return rc;
}

int tpm2_start_selftest(struct tcg *t)
{
    struct wr w = tpm_begin(t, TPM2_ST_NO_SESSIONS, TPM2_CC_SelfTest);

    wr_u8(&w, 0);                           /* what was not tested yet */
    return tpm_send_only(t, &w, DURATION_LONG);
}

/* The TPM's own digest, by an algorithm we lack, of the error separator. */
static int strange_digest(struct tcg *t, uint16_t alg, uint8_t *digest,
                          size_t *size)
{
    struct wr w = tpm_begin(t, TPM2_ST_NO_SESSIONS, TPM2_CC_Hash);
    struct tpm_reply reply;
    const uint8_t *p;
    int rc;

    wr_be16(&w, sizeof(tcg_error_separator));
    wr_bytes(&w, tcg_error_separator, sizeof(tcg_error_separator));
    wr_be16(&w, alg);
    wr_be32(&w, TPM2_RH_NULL);
    rc = tpm_do(t, &w, DURATION_SHORT, &reply);
    if (rc < 0)
        return rc;
    *size = rd_be16(&reply.body);
    p = rd_bytes(&reply.body, *size);
    if (!p || !*size || *size > TCG_MAX_DIGEST)
        return ERR_FORMAT;
    memcpy(digest, p, *size);
    return 0;
}

int tpm2_cap_strange(struct tcg *t, uint32_t pcrs)
{
    for (unsigned i = 0; i < t->strange_count; i++) {
        uint8_t digest[TCG_MAX_DIGEST];
        size_t size = 0;
        int rc = strange_digest(t, t->strange[i], digest, &size);

        for (uint32_t pcr = 0; pcr < TCG_PCR_COUNT && rc == 0; pcr++)
            if (pcrs >> pcr & 1)
                rc = tpm2_extend_one(t, pcr, t->strange[i], digest, size);
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Up to n random bytes. Returns how many, or an error. */
static int get_random(struct tcg *t, uint8_t *to, uint16_t n)
{
    struct wr w = tpm_begin(t, TPM2_ST_NO_SESSIONS, TPM2_CC_GetRandom);
    struct tpm_reply reply;
    const uint8_t *p;
    uint16_t got;
    int rc;

    wr_be16(&w, n);
    rc = tpm_do(t, &w, DURATION_MEDIUM, &reply);
    if (rc < 0)
        return rc;
    got = rd_be16(&reply.body);
    p = rd_bytes(&reply.body, got);
    if (!p || !rd_end(&reply.body) || !got || got > n)
        return ERR_FORMAT;
    memcpy(to, p, got);
    return got;
}

static int change_platform_auth(struct tcg *t, const uint8_t *auth,
                                uint8_t len)
{
    struct wr w = tpm_begin(t, TPM2_ST_SESSIONS,
                            TPM2_CC_HierarchyChangeAuth);

    tpm2_put_auth(t, &w, TPM2_RH_PLATFORM);
    wr_be16(&w, len);
    wr_bytes(&w, auth, len);
    return tpm2_do_auth(t, &w, DURATION_MEDIUM);
}

/*
 * AUTH_BYTES random bytes, or fewer from a TPM that gives few.  A profile of
 * libtpms can leave the command out: then from the machine.  Returns how many,
 * or an error; ERR_ABSENT: nobody has any.
 */
static int make_auth(struct tcg *t, uint8_t *auth)
{
    const struct tcg_platform *p = t->dev.plat;
    int rc, len = 0;

    for (unsigned i = 0; i < 4 && len < (int)AUTH_BYTES; i++) {
        rc = get_random(t, auth + len, (uint16_t)(AUTH_BYTES - (unsigned)len));
        if (rc == ERR_TPM && t->code == TPM2_RC_COMMAND_CODE) {
            rc = p->random ? p->random(p->ctx, auth, AUTH_BYTES) : ERR_ABSENT;
            return rc < 0 ? rc : (int)AUTH_BYTES;
        }
        if (rc < 0)
            return rc;
        len += rc;
    }
    return len < (int)AUTH_MIN ? ERR_FORMAT : len;
}

int tpm2_set_random_auth(struct tcg *t)
{
    uint8_t auth[AUTH_BYTES];
    uint8_t len;
    int rc;

    if (t->flags & (TCG_F_AUTH_SET | TCG_F_AUTH_GONE))
        return 0;
    rc = make_auth(t, auth);
    if (rc < 0)
        return rc;
    len = (uint8_t)rc;
    rc = change_platform_auth(t, auth, len);
    if (rc != ERR_TPM) {
        /* With its answer lost, the TPM has this one or still the old one. */
        memcpy(t->auth, auth, len);
        t->auth_len = len;
        t->flags |= TCG_F_AUTH_SET;
    }
    if (rc < 0 && rc != ERR_TPM)
        t->flags |= TCG_F_AUTH_UNSURE;
    memset(auth, 0, sizeof(auth));
    __asm__ volatile("" : : "r"(auth) : "memory");
    return rc;
}

/* Without random numbers there is no secret: the hierarchy goes instead. */
static int do_without_auth(struct tcg *t)
{
    int rc = tpm2_hierarchy_off(t, TPM2_RH_PLATFORM);

    if (rc == 0)
        t->flags |= TCG_F_GIVEN_UP;
    if (rc != ERR_TPM || !tpm2_auth_refused(t)) {
        tcg_say(t, "no random numbers: it has no TPM2_GetRandom, and this "
                "machine no RDRAND; the platform hierarchy %s",
                rc < 0 ? "cannot be turned off either"
                       : "is off, so requests and the menu cannot change the "
                         "TPM");
    }
    return rc;
}

int tpm2_renew_auth(struct tcg *t)
{
    int rc = tpm2_set_random_auth(t);

    if (rc == ERR_ABSENT)
        rc = do_without_auth(t);
    if (rc != ERR_TPM || !tpm2_auth_refused(t))
        return rc;
    /* After a resume it is the one of before the sleep, which was forgotten.  A
     * host's TPM may have its firmware's.  But in an emulator that somebody
     * else has started, an earlier OS can have set one that it knows. */
    if (t->flags & TCG_F_RESUMED ||
        (t->flags & TCG_F_FOREIGN && !tcg_is_emulated(t))) {
        t->flags |= TCG_F_AUTH_GONE;
        rc = 0;
    }
    return rc;
}
