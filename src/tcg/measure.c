/* SPDX-License-Identifier: MIT */
/*
 * What is measured, into which PCR, as which event: one table.  And how:
 * hash for every bank, extend, log.  Resident: boot attempts come after POST.
 *
 * TCG conventional BIOS 1.21, 3.3, 10. and 11.3; docs/tcg.md says where this
 * goes beyond it for TPM 2.0.
 */
#include <string.h>

#include "tcg/internal.h"

#define TEXT_MAX        64u             /* of a caller's text in an event */
#define EVENT_MAX       400u            /* of event data that is made here */
#define LABELLED_MAX    2048u           /* of data behind its label */

#define TAG_SMBIOS      1u              /* tagged event IDs, 11.3.2 */
#define TAG_ROM_EXECUTE 7u

enum form {
    FORM_ACTION,        /* the text is hashed and logged */
    FORM_TEXT,          /* the data is hashed, the text logged */
    FORM_LABELLED,      /* the data is hashed; text, then data are logged */
    FORM_LABELLED_NUL,  /* the same, and a NUL is logged behind them */
    FORM_UTF16,         /* ASCII data becomes UTF-16, hashed and logged */
    FORM_TAG,           /* a tagged event with the data's digests */
    FORM_TAG_PFA,       /* the same, and num as the PCI function's address */
};

struct policy {
    uint8_t pcr;
    uint8_t form;
    uint16_t tag;
    uint32_t type;
    const char *text;   /* %s is the caller's text */
};

static const struct policy policies[TCG_EVENT_COUNT] = {
    [TCG_CRTM_VERSION] = { 0, FORM_UTF16, 0, EV_S_CRTM_VERSION, "" },
    [TCG_POST_CODE] = { 0, FORM_TEXT, 0, EV_POST_CODE, "POST CODE" },
    [TCG_SMBIOS] = { 1, FORM_TAG, TAG_SMBIOS, EV_EVENT_TAG, "" },
    [TCG_ACPI] = { 1, FORM_TEXT, 0, EV_PLATFORM_CONFIG_FLAGS, "ACPI DATA" },
    [TCG_BOOT_ORDER] = { 1, FORM_LABELLED, 0, EV_PLATFORM_CONFIG_FLAGS,
                         "Boot order: " },
    [TCG_SMI_TIMERS] = { 1, FORM_ACTION, 0, EV_PLATFORM_CONFIG_FLAGS,
                         "SMI timers outlive a reset" },
    [TCG_SETUP_ENTERED] = { 1, FORM_ACTION, 0, EV_ACTION,
                            "Entering ROM Based Setup" },
    [TCG_ROM_SCAN] = { 2, FORM_ACTION, 0, EV_ACTION,
                       "Start Option ROM Scan" },
    [TCG_OPTION_ROM] = { 2, FORM_TAG_PFA, TAG_ROM_EXECUTE, EV_EVENT_TAG, "" },
    [TCG_CALLING_INT19] = { 4, FORM_ACTION, 0, EV_ACTION, "Calling INT 19h" },
    [TCG_BOOT_INTERVENTION] = { 4, FORM_ACTION, 0, EV_ACTION,
                                "Boot Sequence User Intervention" },
    [TCG_BOOT_BCV] = { 4, FORM_ACTION, 0, EV_ACTION,
                       "Booting BCV Device %s" },
    [TCG_BOOT_BEV] = { 4, FORM_ACTION, 0, EV_ACTION,
                       "Booting BEV Device %s" },
    [TCG_BOOT_CD] = { 4, FORM_ACTION, 0, EV_ACTION,
                      "Booting BCV Device %s" },
    [TCG_IPL_MBR] = { 4, FORM_TEXT, 0, EV_IPL, "MBR" },
    [TCG_IPL_CD] = { 4, FORM_TEXT, 0, EV_IPL, "EL TORITO IPL" },
    [TCG_IPL_OTHER] = { 4, FORM_TEXT, 0, EV_IPL, "%s" },
    [TCG_RETURNED_INT19] = { 4, FORM_ACTION, 0, EV_ACTION,
                             "Returned INT 19h" },
    [TCG_RETURN_INT18] = { 4, FORM_ACTION, 0, EV_ACTION,
                           "Return via INT 18h" },
    [TCG_PARTITION_TABLE] = { 5, FORM_TEXT, 0, EV_IPL_PARTITION_DATA,
                              "MBR PARTITION_TABLE" },
    [TCG_BOOT_CATALOG] = { 5, FORM_TEXT, 0, EV_IPL_PARTITION_DATA,
                           "BOOT CATALOG" },
    [TCG_IPL_DATA] = { 5, FORM_TEXT, 0, EV_IPL_PARTITION_DATA, "%s" },
    /* Readers know these words from GRUB, and want its NUL. */
    [TCG_LINUX_CMDLINE] = { 8, FORM_LABELLED_NUL, 0, EV_IPL,
                            "kernel_cmdline: " },
    [TCG_LINUX_FILE] = { 9, FORM_TEXT, 0, EV_IPL, "%s" },
};

/* An event on its way. */
struct event {
    const struct policy *policy;
    const struct tcg_piece *data;   /* the caller's */
    unsigned count;
    uint32_t num;
    const char *text;
};

static void put_text(struct wr *w, const struct event *e)
{
    char text[TEXT_MAX + 1], line[TEXT_MAX + 32];
    size_t n;

    tcg_format(text, sizeof(text), "%s", e->text ? e->text : "");
    n = tcg_format(line, sizeof(line), e->policy->text, text);
    wr_bytes(w, line, n);
}

static void put_utf16(struct wr *w, const struct event *e)
{
    for (unsigned i = 0; i < e->count; i++) {
        const uint8_t *p = e->data[i].at;

        for (uint32_t j = 0; j < e->data[i].len; j++)
            wr_le16(w, p[j]);
    }
    wr_le16(w, 0);
}

/*
 * A tagged event that holds digests of the data.  In a TPM 1.2 log that is
 * the SHA-1 digest, as specified.  For TPM 2.0 the event's own digests must
 * be as strong as their banks: all banks' digests of the data are inside.
 */
static void put_tagged(const struct tcg *t, struct wr *w,
                       const struct event *e, const struct tcg_digests *d)
{
    size_t mark;

    wr_le32(w, e->policy->tag);
    mark = wr_size_le32(w);
    if (e->policy->form == FORM_TAG_PFA) {
        wr_le16(w, 0);
        wr_le16(w, (uint16_t)e->num);
    }
    if (t->family == TCG_FAMILY_20)
        wr_le32(w, t->bank_count);
    for (unsigned i = 0; i < t->bank_count; i++) {
        if (t->family == TCG_FAMILY_20)
            wr_le16(w, t->bank[i].alg);
        wr_bytes(w, d->value[i], t->bank[i].size);
    }
    wr_close_le32(w, mark);
}

/*
 * Complete an event whose data has been hashed into d, where its form needs
 * that.  d is used up.
 */
static int emit(struct tcg *t, const struct event *e, struct tcg_digests *d)
{
    uint8_t made[EVENT_MAX];
    struct wr w = wr_to(made, sizeof(made));
    struct tcg_piece piece[3] = { { .at = made }, { 0 }, { "", 1 } };
    bool hashes_data = e->policy->form == FORM_TEXT;
    unsigned count = 1;
    int rc;

    switch (e->policy->form) {
    case FORM_UTF16:
        put_utf16(&w, e);
        break;
    case FORM_TAG:
    case FORM_TAG_PFA:
        put_tagged(t, &w, e, d);
        break;
    case FORM_LABELLED:
    case FORM_LABELLED_NUL:
        put_text(&w, e);
        piece[1] = *e->data;
        if (piece[1].len > LABELLED_MAX)
            piece[1].len = LABELLED_MAX;
        count = e->policy->form == FORM_LABELLED ? 2 : 3;
        hashes_data = true;
        break;
    default:
        put_text(&w, e);
        break;
    }
    if (w.bad)
        return ERR_PARAM;
    piece[0].len = (uint32_t)w.len;
    if (!hashes_data)
        tcg_hash_pieces(t, piece, count, d);
    rc = tcg_extend_and_log(t, e->policy->pcr, e->policy->type, d, piece,
                            count);
    if (rc < 0 && rc != ERR_SPACE)
        tcg_fail(t, "a measurement was lost");
    return rc;
}

/* 0 if events can be measured now. */
static int check_state(const struct tcg *t, unsigned ev)
{
    if (ev >= TCG_EVENT_COUNT || t->state == TCG_STARTED)
        return ERR_PARAM;
    return t->state == TCG_MEASURING && t->bank_count ? 0 : ERR_ABSENT;
}

int tcg_measure(struct tcg *t, enum tcg_event ev,
                const struct tcg_piece *piece, unsigned count,
                uint32_t num, const char *text)
{
    struct event e = {
        .data = piece, .count = count, .num = num, .text = text,
    };
    struct tcg_digests d;
    int rc = check_state(t, ev);

    if (rc < 0)
        return rc;
    e.policy = &policies[ev];
    if (e.policy->form != FORM_ACTION && e.policy->form != FORM_UTF16)
        tcg_hash_pieces(t, piece, count, &d);
    return emit(t, &e, &d);
}

int tcg_measure_bytes(struct tcg *t, enum tcg_event ev, const void *data,
                      uint32_t len)
{
    struct tcg_piece piece = { data, len };

    return tcg_measure(t, ev, &piece, 1, 0, NULL);
}

int tcg_measure_action(struct tcg *t, enum tcg_event ev, const char *text)
{
    return tcg_measure(t, ev, NULL, 0, 0, text);
}

int tcg_hash(struct tcg *t, const struct tcg_piece *piece, unsigned count,
             struct tcg_digests *d)
{
    if (!tcg_usable(t))
        return ERR_ABSENT;
    tcg_hash_pieces(t, piece, count, d);
    return 0;
}

int tcg_measure_taken(struct tcg *t, enum tcg_event ev,
                      struct tcg_digests *d, uint32_t num, const char *text)
{
    struct event e = { .num = num, .text = text };
    int rc = check_state(t, ev);

    if (rc < 0)
        return rc;
    e.policy = &policies[ev];
    if (e.policy->form != FORM_TEXT && e.policy->form != FORM_TAG &&
        e.policy->form != FORM_TAG_PFA)
        return ERR_PARAM;               /* its data goes into the log */
    return emit(t, &e, d);
}

int tcg_measure_hashed(struct tcg *t, enum tcg_event ev,
                       const struct tcg_digests *d, uint32_t num,
                       const char *text)
{
    struct tcg_digests copy;

    memcpy(&copy, d, sizeof(copy));
    return tcg_measure_taken(t, ev, &copy, num, text);
}
