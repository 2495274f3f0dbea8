/* SPDX-License-Identifier: MIT */
/*
 * What POST does once the TPM runs: compare it with the tables, take the log
 * area, keep the platform's authority, tell people what is there.  POST only.
 *
 * TCG ACPI Specification 1.4, 8; PC Client Platform Firmware Profile 1.05,
 * 2.3.
 */
#include "tcg/config.h"
#include "tcg/internal.h"
#include "tcg/tpm_spec.h"

#define START_METHOD_TIS        6u      /* ACPI TPM2 table */
#define START_METHOD_CRB        7u
#define CONFIG_VERSION_20       2u

/* What fw_cfg etc/tpm/config says; the number of contradictions. */
static int check_config(struct tcg *t, const struct tcg_promise *p)
{
    if (!p->config_size)
        return 0;
    if (p->config_size != TCG_CONFIG_SIZE) {
        tcg_say(t, "etc/tpm/config has %u bytes, not %u", p->config_size,
                TCG_CONFIG_SIZE);
        return 1;
    }
    if (p->version > CONFIG_VERSION_20) {
        tcg_say(t, "etc/tpm/config says version code %u, which is unknown",
                (uint32_t)p->version);
        return 1;
    }
    if (p->version &&
        (p->version == CONFIG_VERSION_20) != (t->family == TCG_FAMILY_20)) {
        tcg_say(t, "etc/tpm/config says version %s, the hardware %s",
                p->version == CONFIG_VERSION_20 ? "2.0" : "1.2",
                t->family == TCG_FAMILY_20 ? "2.0" : "1.2");
        return 1;
    }
    return 0;
}

int tcg_cross_check(struct tcg *t, const struct tcg_promise *p)
{
    int found;

    if (t->family == TCG_FAMILY_NONE)
        return 0;
    found = check_config(t, p);
    if (p->tpm2 && t->family == TCG_FAMILY_20 &&
        p->start_method != (t->interface == TPM_IF_CRB ? START_METHOD_CRB
                                                       : START_METHOD_TIS)) {
        tcg_say(t, "the ACPI TPM2 table's start method %u does not fit the "
                "hardware's interface", p->start_method);
        found++;
    }
    if (p->tpm2 && t->family == TCG_FAMILY_12) {
        tcg_say(t, "the ACPI TPM2 table is for TPM 2.0, the hardware is TPM "
                "1.2");
        found++;
    }
    if (p->tcpa && t->family == TCG_FAMILY_20) {
        tcg_say(t, "the ACPI TCPA table is for TPM 1.2, the hardware is TPM "
                "2.0");
        found++;
    }
    return found;
}

/* Banks that are capped: on the console, and in the log for a verifier. */
static void report_strange(struct tcg *t)
{
    for (unsigned i = 0; i < t->strange_count; i++) {
        uint16_t alg = t->strange[i];
        uint8_t event[18] = "KeelBIOS capped";      /* 16 with its NUL */
        struct tcg_piece data = { event, sizeof(event) };

        event[16] = (uint8_t)alg;
        event[17] = (uint8_t)(alg >> 8);
        /* A log that is full already has said so. */
        (void)tcglog_append(t, 0, EV_NO_ACTION, NULL, &data, 1);
        tcg_say(t, "the PCR bank of algorithm %xh is active but unknown; its "
                "PCRs 0-7 are capped", (uint32_t)alg);
    }
}

int tcg_attach_log(struct tcg *t, uint8_t *area, uint32_t size)
{
    int rc;

    if (!tcg_usable(t))
        return ERR_ABSENT;
    t->state = TCG_MEASURING;
    tcglog_init(&t->log, area, area ? size : 0);
    if (!t->bank_count) {
        tcg_say(t, "no PCR bank is active; nothing can be measured");
    } else if (!area || !size) {
        t->log.area = NULL;
        tcg_say(t, "there is no memory for an event log; measurements go "
                "into the PCRs only");
    } else if (tcglog_header(t) < 0) {
        tcg_say(t, "the event log area (%u bytes) is too small; measurements "
                "go into the PCRs only", size);
        t->log.area = NULL;
    }
    rc = tpm2_cap_strange(t, TCG_PCRS_BIOS);
    if (rc < 0) {
        tcg_fail(t, "a PCR bank of unknown algorithm could not be capped");
        return rc;
    }
    report_strange(t);
    return 0;
}

int tcg_before_third_party(struct tcg *t)
{
    int rc;

    tcg_look_again(t, 0);
    if (!tcg_usable(t))
        return ERR_ABSENT;
    if (t->family == TCG_FAMILY_12)
        return 0;                       /* presence is locked at hand-over */
    rc = tpm2_renew_auth(t);
    if (rc < 0)
        tcg_fail(t, "platformAuth could not be set");
    return rc;
}

static int get_properties(struct tcg *t)
{
    struct rd r;
    uint32_t first = TPM2_PT_MANUFACTURER;
    uint32_t n = TPM2_PT_FIRMWARE_VERSION_2 - first + 1;
    int rc = tpm2_get_capability(t, TPM2_CAP_TPM_PROPERTIES, first, n, &r);

    if (rc < 0)
        return rc;
    n = rd_be32(&r);
    for (uint32_t i = 0; i < n && !r.bad; i++) {
        uint32_t id = rd_be32(&r), value = rd_be32(&r);

        switch (r.bad ? 0 : id) {
        case TPM2_PT_MANUFACTURER:
            t->info[0] = value;
            break;
        case TPM2_PT_FIRMWARE_VERSION_1:
            t->info[1] = value;
            break;
        case TPM2_PT_FIRMWARE_VERSION_2:
            t->info[2] = value;
            break;
        default:
            break;
        }
    }
    return rd_end(&r) ? 0 : ERR_FORMAT;
}

static void status20(struct tcg *t, char *text, size_t cap)
{
    char maker[5] = { 0 };
    size_t n = 0;
    int rc;

    if (!(t->flags & TCG_F_INFO) && tcg_usable(t)) {
        rc = get_properties(t);
        if (rc < 0)
            tcg_debug(t, "no properties: %s", tcg_err_text(rc));
        t->flags |= TCG_F_INFO;
    }
    for (unsigned i = 0; i < 4; i++) {
        char c = (char)(t->info[0] >> (24 - 8 * i));

        if (c > 0x20 && c < 0x7f)
            maker[n++] = c;
    }
    n = tcg_format(text, cap, "TPM 2.0 (%s, firmware %x.%x) by %s; banks",
                   maker, t->info[1], t->info[2],
                   t->dev.interface == TPM_IF_CRB ? "CRB" : "TIS");
    for (unsigned i = 0; i < t->bank_count && n < cap; i++) {
        n += tcg_format(text + n, cap - n, " %s",
                        hash_find(t->bank[i].alg)->name);
    }
    if (!t->bank_count && n < cap)
        tcg_format(text + n, cap - n, " none");
}
static void status12(struct tcg *t, char *text, size_t cap)
{
    char maker[5] = { 0 };
    unsigned n = 0;
    struct rd r;

    if (!(t->flags & TCG_F_INFO) && tcg_usable(t)) {
        t->flags |= TCG_F_INFO;
        if (tpm12_get_capability(t, TPM12_CAP_VERSION_VAL, 0, &r) == 0 &&
            rd_be16(&r) == TPM12_TAG_CAP_VERSION_INFO) {
            rd_skip(&r, 2);                 /* major, minor: 1.2 */
            t->info[1] = rd_u8(&r);
            t->info[2] = rd_u8(&r);
            rd_skip(&r, 3);                 /* level, errata */
            t->info[0] = rd_be32(&r);
        }
    }
    for (unsigned i = 0; i < 4; i++) {
        char c = (char)(t->info[0] >> (24 - 8 * i));

        if (c > 0x20 && c < 0x7f)
            maker[n++] = c;
    }
    tcg_format(text, cap, "TPM 1.2 (%s, firmware %u.%u) by TIS; bank SHA1",
               maker, t->info[1], t->info[2]);
}

void tcg_status_line(struct tcg *t, char *text, size_t cap)
{
    if (cap)
        text[0] = 0;
    if (t->family == TCG_FAMILY_12)
        status12(t, text, cap);
    else if (t->family == TCG_FAMILY_20)
        status20(t, text, cap);
}
