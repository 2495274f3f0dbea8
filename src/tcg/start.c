/* SPDX-License-Identifier: MIT */
/*
 * Find the TPM and start it.  Resident: a resume from S3 does that, too.
 *
 * PC Client Platform TPM Profile 1.05, 6.5 and 6.7.
 */
#include <string.h>

#include "hw/tpm_crb.h"
#include "hw/tpm_tis.h"
#include "tcg/internal.h"
#include "tcg/tpm_spec.h"

#define TYPE_FIFO       0u              /* TPM_INTERFACE_ID_x, 3:0 */
#define TYPE_CRB        1u
#define TYPE_TIS13      15u

/* Interface time-outs: the longest that a profile or TIS 1.3 names. */
static const uint32_t timeouts_us[4] = { 750000, 2000000, 750000, 750000 };

/* Short, medium and long commands; a virtual TPM's host may be busy. */
static const uint32_t durations12_us[3] = { 2000000, 20000000, 60000000 };
static const uint32_t durations20_us[3] = { 2000000, 2000000, 10000000 };

static bool floating(uint32_t v)
{
    return v == 0 || v == 0xffffffffu;
}

static bool is_absent(const struct tpm_dev *dev)
{
    uint32_t access = tpm_dev_read(dev, TIS_ACCESS, 1);

    return (access == 0 || access == 0xff)
           && floating(tpm_dev_read(dev, TIS_INTF_ID, 4))
           && floating(tpm_dev_read(dev, TIS_DID_VID, 4));
}

static int detect_fifo(struct tcg *t, uint32_t type)
{
    uint32_t caps = tpm_dev_read(&t->dev, TIS_INTF_CAP, 4);
    bool is_20 = type == TYPE_FIFO || TIS_INTF_CAP_VERSION(caps) == 3;

    if (floating(tpm_dev_read(&t->dev, TIS_DID_VID, 4))) {
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
    uint32_t type;
    int rc;

    memset(t, 0, sizeof(*t));
    t->dev.plat = p;
    memcpy(t->dev.timeout_us, timeouts_us, sizeof(timeouts_us));
    if (is_absent(&t->dev)) {
        return ERR_ABSENT;
    }
    t->state = TCG_UNUSED;
    rc = tpm_dev_wait(&t->dev, TIS_ACCESS, 1, TIS_ACCESS_VALID,
                      TIS_ACCESS_VALID, t->dev.timeout_us[TIMEOUT_A]);
    if (rc < 0) {
        tcg_say(t, "its registers did not become valid in time; not used");
        return rc;
    }
    type = tpm_dev_read(&t->dev, TIS_INTF_ID, 4) & 0xf;
    if (type == TYPE_CRB) {
        rc = detect_crb(t);
    } else if (type == TYPE_FIFO || type == TYPE_TIS13) {
        rc = detect_fifo(t, type);
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

int tcg_after_startup(struct tcg *t)
{
    int rc;

    t->state = TCG_STARTED;
    if (t->family == TCG_FAMILY_12) {
        return tpm12_begin(t);
    }
    rc = tpm2_learn_banks(t);
    return rc < 0 ? rc : tpm2_start_selftest(t);
}

static bool was_started(const struct tcg *t, uint32_t code)
{
    return code == (t->family == TCG_FAMILY_12 ? TPM12_INVALID_POSTINIT
                                               : TPM2_RC_INITIALIZE);
}

int tcg_start(struct tcg *t, const struct tcg_platform *p)
{
    uint32_t code;
    int rc = tcg_detect(t, p);

    if (rc < 0) {
        return rc;
    }
    rc = tcg_startup(t, false, &code);
    if (rc < 0) {
        tcg_say(t, "start-up failed: %s; booting without it",
                tcg_err_text(rc));
        t->state = TCG_FAILED;
        return rc;
    }
    if (was_started(t, code)) {
        tcg_say(t, "it was started before this firmware ran; not used");
        return ERR_TPM;
    }
    t->state = TCG_STARTED;
    if (code) {
        tcg_say(t, "start-up failed with code %xh", code);
        tcg_fail(t, "the TPM could not be started");
        return ERR_TPM;
    }
    rc = tcg_after_startup(t);
    if (rc < 0) {
        tcg_say(t, "set-up failed: %s", tcg_err_text(rc));
        tcg_fail(t, "the TPM could not be set up");
    }
    return rc;
}
