/* SPDX-License-Identifier: MIT */
/*
 * Find the TPM and start it.  Resident: a resume from S3 does that, too.
 *
 * PC Client Platform TPM Profile 1.05, 6.5 and 6.7.
 */
#include <string.h>

#include "tcg/internal.h"
#include "tcg/tpm_spec.h"
#include "tpmdev/tpm_crb.h"
#include "tpmdev/tpm_tis.h"

/*
 * TPM_INTERFACE_ID_x, 3:0.  The bits above say what the interface can beside;
 * each profile adds some (1.06 a version, 1.07 chunks in bit 10).  None of it
 * is needed: our commands and their answers fit every buffer.
 */
#define INTERFACE_TYPE(id)  ((id) & 0xfu)
#define TYPE_FIFO       0u
#define TYPE_CRB        1u
#define TYPE_TIS13      15u

/* Interface time-outs: the longest that a profile or TIS 1.3 names. */
static const uint32_t timeouts_us[4] = { 750000, 2000000, 750000, 750000 };

/* Short, medium and long commands; a virtual TPM's host may be busy. */
static const uint32_t durations12_us[3] = { 2000000, 20000000, 60000000 };
static const uint32_t durations20_us[3] = { 2000000, 2000000, 10000000 };

#define STARTUP_AGAIN_US    3000000u    /* on top of a start-up's time */

static bool floating(uint32_t v)
{
    return v == 0 || v == 0xffffffffu;
}

static int detect_fifo(struct tcg *t, uint32_t type, uint32_t did_vid)
{
    uint32_t caps = tpm_dev_read(&t->dev, TIS_INTF_CAP, 4);
    bool is_20 = type == TYPE_FIFO || TIS_INTF_CAP_VERSION(caps) == 3;

    if (floating(did_vid)) {
        tcg_say(t, "a FIFO interface without a vendor; not used");
        return ERR_DEVICE;
    }
    t->dev.interface = TPM_IF_TIS;
    t->dev.fifo_bytes = TIS_INTF_CAP_WIDE(caps) ? 4 : 1;
    t->family = is_20 ? TCG_FAMILY_20 : TCG_FAMILY_12;
    return 0;
}

static int detect_crb(struct tcg *t)
{
    if (crb_probe(&t->dev) < 0) {
        tcg_say(t, "the CRB interface names no usable buffers; not used");
        return ERR_DEVICE;
    }
    t->dev.interface = TPM_IF_CRB;
    t->family = TCG_FAMILY_20;
    return 0;
}

int tcg_detect(struct tcg *t, const struct tcg_platform *p)
{
    uint32_t intf_id, did_vid, type;
    int rc;

    memset(t, 0, sizeof(*t));
    t->dev.plat = p;
    t->dev.keep = true;
    memcpy(t->dev.timeout_us, timeouts_us, sizeof(timeouts_us));
    intf_id = tpm_dev_read(&t->dev, TIS_INTF_ID, 4);
    did_vid = tpm_dev_read(&t->dev, TIS_DID_VID, 4);
    if (tpm_dev_absent(intf_id, did_vid))
        return ERR_ABSENT;
    t->state = TCG_UNUSED;
    type = INTERFACE_TYPE(intf_id);
    if (type == TYPE_CRB) {
        rc = detect_crb(t);
    } else if (type == TYPE_FIFO || type == TYPE_TIS13) {
        rc = detect_fifo(t, type, did_vid);
    } else {
        tcg_say(t, "interface type %u is unknown; not used", type);
        rc = ERR_DEVICE;
    }
    t->interface = t->dev.interface;
    memcpy(t->duration_us, t->family == TCG_FAMILY_12 ? durations12_us
                                                      : durations20_us,
           sizeof(t->duration_us));
    return rc < 0 ? rc : 0;
}

int tcg_startup(struct tcg *t, bool state, uint32_t *rc)
{
    return t->family == TCG_FAMILY_12 ? tpm12_startup(t, state, rc)
                                      : tpm2_startup(t, state, rc);
}

int tcg_after_startup(struct tcg *t, bool presence)
{
    int rc;

    t->state = TCG_STARTED;
    if (t->family == TCG_FAMILY_12) {
        t->bank_count = 1;
        t->bank[0] = (struct tcg_bank){ TPM_ALG_SHA1, 20 };
        rc = presence ? tpm12_assert_presence(t) : 0;
        return rc < 0 ? rc : tpm12_begin(t);
    }
    rc = tpm2_learn_banks(t);
    return rc < 0 ? rc : tpm2_start_selftest(t);
}

static bool was_started(const struct tcg *t, uint32_t code)
{
    return code == (t->family == TCG_FAMILY_12 ? TPM12_INVALID_POSTINIT
                                               : TPM2_RC_INITIALIZE);
}

/*
 * Startup with words for what goes wrong.  A TPM that refuses, is late, or
 * whose answer makes no sense, gets a second chance: unstarted, it would be the
 * OS's to start.  (On a resume, to refuse is an answer.)  At POST, one that is
 * still late is looked at again before foreign code runs; on a resume all of
 * the time is given here.
 */
static int start_up(struct tcg *t, bool state, uint32_t *code)
{
    struct tpm_reply reply;
    int rc = tcg_startup(t, state, code);

    if (rc == 0 && *code && !state && !was_started(t, *code))
        rc = ERR_TPM;
    if (rc == ERR_TIMEOUT && t->dev.late) {
        tcg_say(t, "start-up: it did not answer in time; waiting once more");
        rc = tpm_wait_on(t, state ? TCG_LAST_WAIT_US : STARTUP_AGAIN_US,
                         &reply);
        *code = rc < 0 ? 0 : reply.rc;
    } else if (rc < 0) {
        bool arrived = t->commands != 0;

        tcg_say(t, "start-up: %s; trying once more", tcg_err_text(rc));
        rc = tcg_startup(t, state, code);
        if (rc == 0 && arrived && was_started(t, *code))
            *code = 0;                      /* the first one was executed */
    }
    if (rc < 0) {
        tcg_say(t, "start-up failed: %s; going on without it",
                tcg_err_text(rc));
        t->state = TCG_FAILED;
        return rc;
    }
    t->state = was_started(t, *code) ? TCG_UNUSED : TCG_STARTED;
    return 0;
}

/* Go on in the log of before the sleep.  Without it, or when it is not ours
 * any more, nothing is logged: what matters is the TPM. */
static void adopt(struct tcg *t, uint8_t *log, uint32_t size)
{
    if (log)
        (void)tcglog_adopt(t, log, size);
}

/* A running TPM gets capped in every PCR of every bank, and disabled. */
static int cap_all(struct tcg *t, const char *why, uint8_t *log,
                   uint32_t log_size)
{
    const struct tcg_piece said[] = {
        { "KeelBIOS resumed", 16 }, { why, (uint32_t)strlen(why) },
    };
    int rc;

    tcg_say(t, "%s", why);
    t->state = TCG_FAILED;
    rc = tcg_after_startup(t, true);
    if (rc < 0)
        tcg_say(t, "set-up failed: %s", tcg_err_text(rc));
    adopt(t, log, log_size);
    /* Not only by separators: a TPM in failure mode takes none. */
    if (tcglog_append(t, 0, EV_NO_ACTION, NULL, said, 2) < 0)
        tcg_say(t, "the event log has no room to say so");
    rc = tcg_cap_and_disable(t, TCG_PCRS_ALL);
    if (rc != ERR_TIMEOUT)
        tcg_forget_auth(t);             /* else tcg_look_again() wants it */
    return rc;
}

/*
 * Somebody else started it.  With PCRs as a start-up leaves them it is as good
 * as one of ours.  Otherwise a virtual machine's own TPM is closed: what runs
 * before this firmware there is an earlier operating system's.  Another one is
 * the host's, for instance passed through, and is left alone.
 *
 * Returns 0 for one that is used; ERR_TPM when t->state is TCG_FAILED or
 * TCG_UNUSED.
 */
static int started_by_another(struct tcg *t)
{
    t->flags |= TCG_F_FOREIGN;
    if (tcg_is_untouched(t)) {
        tcg_say(t, "it was started before this firmware ran; its PCRs are "
                "still those of a start-up: used");
        t->state = TCG_STARTED;
        return 0;
    }
    if (tcg_is_emulated(t)) {
        /* What could not be done has been said. */
        (void)cap_all(t, "it was started and its PCRs were changed before "
                      "this firmware ran", NULL, 0);
    } else {
        tcg_say(t, "it was started before this firmware ran; not used");
        t->state = TCG_UNUSED;
    }
    return ERR_TPM;
}

/*
 * Start-up has failed by rc.  Unless the TPM is silent, it is closed as far as
 * that works, whatever it answers: it may have been started nevertheless, or it
 * may be left for the OS to start with empty PCRs.  Returns rc.
 */
static int not_started(struct tcg *t, int rc)
{
    if (rc != ERR_TIMEOUT) {
        /* What could not be done has been said; nothing else can be done. */
        (void)cap_all(t, "measured boot has failed: the TPM could not be "
                      "started", NULL, 0);
    }
    return rc;
}

int tcg_start(struct tcg *t, const struct tcg_platform *p)
{
    uint32_t code;
    int rc = tcg_detect(t, p);

    if (rc < 0)
        return rc;
    rc = start_up(t, false, &code);
    if (rc < 0)
        return not_started(t, rc);
    if (t->state == TCG_UNUSED) {
        rc = started_by_another(t);
        if (rc < 0)
            return rc;
    } else if (code) {
        tcg_say(t, "start-up failed with code %xh", code);
        return not_started(t, ERR_TPM);
    }
    rc = tcg_after_startup(t, true);
    if (rc < 0) {
        tcg_say(t, "set-up failed: %s", tcg_err_text(rc));
        tcg_fail(t, "the TPM could not be set up");
    }
    return rc;
}

void tcg_look_again(struct tcg *t, uint32_t wait_us)
{
    uint32_t code;

    if (t->state != TCG_FAILED || !t->dev.late)
        return;
    if (wait_us && !tpm_dev_recovered(&t->dev, 0)) {
        tcg_say(t, "it still does not answer; waiting %u s more",
                wait_us / 1000000);
    }
    if (!tpm_dev_recovered(&t->dev, wait_us))
        return;
    /* It was started meanwhile, or it is now; any answer will do. */
    if (tcg_startup(t, false, &code) != ERR_TIMEOUT) {
        /* What could not be done has been said; nothing else can be done. */
        (void)cap_all(t, "it answers after all, too late to be trusted",
                      NULL, 0);
    }
}

/* The OS's session goes on; we keep no authority over its TPM. */
static int restored(struct tcg *t, uint8_t *log, uint32_t log_size)
{
    int rc = tcg_after_startup(t, false);

    adopt(t, log, log_size);
    t->flags |= TCG_F_RESUMED;
    if (rc == 0 && t->family == TCG_FAMILY_20)
        rc = tpm2_renew_auth(t);
    if (rc == 0)
        rc = tcg_give_up_platform(t);
    if (rc < 0) {
        tcg_say(t, "set-up after the sleep failed: %s", tcg_err_text(rc));
        rc = tcg_cap_and_disable(t, TCG_PCRS_ALL);
        tcg_forget_auth(t);
        return rc < 0 ? TCG_RESUME_FAILED : TCG_RESUME_CAPPED;
    }
    t->state = TCG_MEASURING;
    t->flags |= TCG_F_HANDED_OVER;
    tcg_forget_auth(t);
    return TCG_RESUME_RESTORED;
}

static int resume(struct tcg *t, const struct tcg_platform *p, uint8_t *log,
                  uint32_t log_size)
{
    const char *why = "it could not be started again after the sleep";
    uint32_t code;
    int rc = tcg_detect(t, p);

    if (rc == ERR_ABSENT)
        return rc;
    if (rc < 0)
        return TCG_RESUME_UNUSED;           /* as at POST, and said so */
    rc = start_up(t, true, &code);
    if (t->state == TCG_UNUSED && !tcg_is_emulated(t)) {
        tcg_say(t, "it was started before this firmware ran; not used");
        return TCG_RESUME_UNUSED;
    }
    if (t->state == TCG_UNUSED) {
        /* Not from what was saved at the sleep: nobody else can do that. */
        why = "it was started by somebody else during the sleep";
        return cap_all(t, why, log, log_size) < 0 ? TCG_RESUME_FAILED
                                                  : TCG_RESUME_CAPPED;
    }
    if (rc == 0 && code == 0)
        return restored(t, log, log_size);
    if (rc == 0) {
        why = "its state was lost in the sleep";
        tcg_debug(t, "start-up with the saved state: code %xh", code);
    }
    if (rc != ERR_TIMEOUT) {
        /* It must not be left for the OS to start.  If the first start-up was
         * executed and only its answer lost, this one changes nothing. */
        rc = tcg_startup(t, false, &code);
    }
    if (rc == ERR_TIMEOUT) {
        tcg_say(t, "it cannot be capped: %s", tcg_err_text(rc));
        return TCG_RESUME_DEAD;
    }
    return cap_all(t, why, log, log_size) < 0 ? TCG_RESUME_FAILED
                                              : TCG_RESUME_CAPPED;
}

int tcg_resume(struct tcg *t, const struct tcg_platform *p, uint8_t *log,
               uint32_t log_size)
{
    int rc = resume(t, p, log, log_size);

    if (rc == TCG_RESUME_DEAD)
        t->state = TCG_FAILED;
    tpm_dev_release(&t->dev);
    return rc;
}
