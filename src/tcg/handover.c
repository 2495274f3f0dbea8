/* SPDX-License-Identifier: MIT */
/*
 * The orderly end of POST: the hand-over to a boot loader, whatever the TPM's
 * state.  Resident.
 *
 * TCG conventional BIOS 1.21, 3.2.3 and 10.
 */
#include "tcg/internal.h"

/* The separators, and our authority: of a TPM that measured boot goes on
 * with. */
static int hand_over(struct tcg *t)
{
    int rc;

    if (t->state == TCG_STARTED) {
        tcg_fail(t, "POST has ended before anything could be measured");
        return ERR_PARAM;
    }
    rc = tcg_measure_action(t, TCG_CALLING_INT19, NULL);
    for (uint32_t pcr = 0; pcr < TCG_BIOS_PCRS && tcg_usable(t); pcr++) {
        rc = tcg_separator(t, pcr, false);
        if (rc < 0 && rc != ERR_SPACE)
            tcg_fail(t, "a separator was lost");
    }
    if (tcg_usable(t) && tcg_give_up_platform(t) < 0) {
        tcg_fail(t, "platform authorisation could not be given up");
        rc = ERR_TPM;
    }
    return tcg_usable(t) ? 0 : rc;
}

/*
 * A TPM that is ours and that measured boot has failed on: what it did not take
 * then it may take now.
 */
static void close_failed(struct tcg *t)
{
    tcg_look_again(t, TCG_LAST_WAIT_US);
    if (t->state != TCG_FAILED || t->flags & TCG_F_GIVEN_UP)
        return;
    if (t->dev.late) {
        tcg_say(t, "it has not answered by the end of POST: whatever it says "
                "later about this boot is not to be trusted");
    } else if (!tcg_in_failure_mode(t) && tcg_give_up_platform(t) < 0) {
        tcg_say(t, "the platform's authority over it could not be given up: "
                "the operating system has it");
    }
}

int tcg_handover(struct tcg *t)
{
    int rc = ERR_ABSENT;

    if (t->flags & TCG_F_HANDED_OVER)
        return 0;
    t->flags |= TCG_F_HANDED_OVER;
    if (tcg_usable(t))
        rc = hand_over(t);
    close_failed(t);
    tcg_forget_auth(t);
    tpm_dev_release(&t->dev);
    return rc;
}
