/* SPDX-License-Identifier: MIT */
/*
 * The one way down, when the TPM cannot be trusted any more; and how the
 * platform's authority over it ends.  Resident.
 *
 * TPM 2.0 Library part 1, 13.
 */
#include <string.h>

#include "tcg/internal.h"
#include "tcg/tpm_spec.h"

/* TPM 2.0: the hierarchies in the order in which they are turned off. */
static const uint32_t hierarchies[] = {
    TPM2_RH_ENDORSEMENT, TPM2_RH_OWNER,
    TPM2_RH_PLATFORM,                   /* last: it turns the others off */
};

void tcg_forget_auth(struct tcg *t)
{
    bool had_one = t->flags & TCG_F_AUTH_SET;

    memset(t->auth, 0, sizeof(t->auth));
    memset(t->buf, 0, sizeof(t->buf));      /* commands carry it as well */
    __asm__ volatile("" : : "r"(t) : "memory");
    t->auth_len = 0;
    if (had_one)
        tpm_dev_wipe(&t->dev);
    if (t->flags & TCG_F_AUTH_SET) {
        t->flags &= (uint16_t)~TCG_F_AUTH_SET;
        t->flags |= TCG_F_AUTH_GONE;
    }
}

bool tcg_in_failure_mode(const struct tcg *t)
{
    return t->code == (t->family == TCG_FAMILY_12 ? TPM12_FAILEDSELFTEST
                                                  : TPM2_RC_FAILURE);
}

/*
 * Make a set of PCRs useless.  Every one is tried unless the TPM does not
 * answer at all.  blind: of banks that are not known; the TPM hashes.
 */
static int cap(struct tcg *t, uint32_t pcrs, bool blind)
{
    int rc, result = 0;

    for (uint32_t pcr = 0; pcr < TCG_PCR_COUNT; pcr++) {
        if (!(pcrs >> pcr & 1))
            continue;
        rc = blind ? tpm2_error_event(t, pcr) : tcg_separator(t, pcr, true);
        if (rc < 0 && rc != ERR_SPACE)
            result = rc;
        if (rc == ERR_TIMEOUT || rc == ERR_DEVICE || tcg_in_failure_mode(t))
            break;
    }
    return result;
}

/* By our platformAuth, or the empty one if the TPM never took ours. */
static int hierarchy_off(struct tcg *t, uint32_t hierarchy)
{
    int rc = tpm2_hierarchy_off(t, hierarchy);

    if (rc != ERR_TPM || !(t->flags & TCG_F_AUTH_SET) || !tpm2_auth_refused(t))
        return rc;
    t->flags &= (uint16_t)~TCG_F_AUTH_SET;
    return tpm2_hierarchy_off(t, hierarchy);
}

/* Deactivated until the next start-up, which takes physical presence; then
 * that is locked, since a deactivated TPM still lets the OS assert it. */
static int disable12(struct tcg *t)
{
    int off = tpm12_temp_deactivate(t);
    int locked = ERR_TIMEOUT;

    if (off != ERR_TIMEOUT)
        locked = tcg_give_up_platform(t);
    return off < 0 ? off : locked;
}

static int disable(struct tcg *t)
{
    int rc, result = 0;

    if (t->family == TCG_FAMILY_12)
        return disable12(t);
    if (t->flags & TCG_F_AUTH_GONE)
        return ERR_PARAM;               /* nobody can any more */
    for (unsigned i = 0; i < sizeof(hierarchies) / sizeof(*hierarchies);
         i++) {
        rc = hierarchy_off(t, hierarchies[i]);
        if (rc < 0)
            result = rc;
        if (rc == ERR_TIMEOUT || rc == ERR_DEVICE)
            return rc;
    }
    if (rc == 0) {
        t->flags |= TCG_F_GIVEN_UP;     /* the platform's was the last one */
    } else {
        /* What this says is in the result already. */
        (void)tcg_give_up_platform(t);
    }
    return result;
}

int tcg_cap_and_disable(struct tcg *t, uint32_t pcrs)
{
    int capped = 0, strange, disabled;

    t->state = TCG_FAILED;
    t->code = 0;
    /* Without a list of its banks it may have some. */
    if (t->family == TCG_FAMILY_20 && !t->bank_count)
        capped = tpm2_learn_banks(t);
    if (capped != ERR_TIMEOUT)
        capped = cap(t, pcrs, capped < 0);
    if (capped == ERR_TIMEOUT) {
        /* tcg_look_again() may want the authorisation. */
        tcg_say(t, "it does not answer: PCRs not capped; starting without "
                "measured boot");
        return capped;
    }
    if (tcg_in_failure_mode(t)) {
        /* It takes nothing, as a rule; and then the OS has no use of it. */
        (void)tcg_give_up_platform(t);
        tcg_forget_auth(t);
        tcg_say(t, "it is in failure mode and of no use to anybody until "
                "the next reset; starting without measured boot");
        return 0;
    }
    strange = t->family == TCG_FAMILY_20 ? tpm2_cap_strange(t, pcrs) : 0;
    capped = capped < 0 ? capped : strange;
    disabled = disable(t);
    tcg_forget_auth(t);
    tcg_say(t, "PCRs %s, TPM %s; starting without measured boot",
            capped < 0 ? "could not all be capped" : "capped",
            disabled < 0 ? "could not be disabled" : "disabled");
    return capped < 0 ? capped : disabled;
}

void tcg_fail(struct tcg *t, const char *why)
{
    if (!tcg_usable(t))
        return;
    tcg_say(t, "measured boot has failed: %s", why);
    /* What came of it has been printed; there is no further way down. */
    (void)tcg_cap_and_disable(t, TCG_PCRS_BIOS);
}

/* 2.0: either nobody knows platformAuth, or the hierarchy is off. */
static int give_up20(struct tcg *t)
{
    int rc;

    if (t->flags & (TCG_F_AUTH_SET | TCG_F_AUTH_GONE) &&
        !(t->flags & TCG_F_AUTH_UNSURE))
        return 0;
    rc = hierarchy_off(t, TPM2_RH_PLATFORM);
    if (rc < 0 && rc != ERR_TIMEOUT) {
        t->flags &= (uint16_t)~(TCG_F_AUTH_SET | TCG_F_AUTH_UNSURE);
        rc = tpm2_set_random_auth(t);
    }
    return rc;
}

int tcg_give_up_platform(struct tcg *t)
{
    int rc;

    if (t->flags & TCG_F_GIVEN_UP)
        return 0;
    rc = t->family == TCG_FAMILY_12 ? tpm12_lock_presence(t) : give_up20(t);
    if (rc == 0)
        t->flags |= TCG_F_GIVEN_UP;
    return rc;
}
