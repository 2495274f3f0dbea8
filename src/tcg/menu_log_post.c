/* SPDX-License-Identifier: MIT */
/*
 * The menu's page about the event log, and PCRs beside what the log gives.
 */
#include <string.h>

#include "tcg/internal.h"
#include "tcg/menu_pages.h"
#include "tcg/tpm_spec.h"

#define LINES_PER_PAGE  20u
#define EVENT_TEXT_MAX  32u
#define HEX_MAX         32u     /* bytes of a digest that are shown */

/* One event of the log, its bytes checked. */
struct entry_of_log {
    uint32_t pcr, type;
    struct rd digests, data;
};

static bool next_entry(const struct tcg *t, struct rd *r, bool agile,
                       struct entry_of_log *e)
{
    size_t size = 20;

    e->pcr = rd_le32(r);
    e->type = rd_le32(r);
    if (agile) {
        rd_skip(r, 4);
        size = 0;
        for (unsigned b = 0; b < t->bank_count; b++)
            size += 2u + t->bank[b].size;
    }
    e->digests = rd_sub(r, size);
    e->data = rd_sub(r, rd_le32(r));
    return !r->bad;
}

static const char *type_name(uint32_t type)
{
    static const char *const names[] = {
        [EV_POST_CODE] = "POST code", [EV_NO_ACTION] = "no action",
        [EV_SEPARATOR] = "separator", [EV_ACTION] = "action",
        [EV_EVENT_TAG] = "tagged", [EV_S_CRTM_VERSION] = "CRTM version",
        [EV_PLATFORM_CONFIG_FLAGS] = "platform", [EV_IPL] = "IPL",
        [EV_COMPACT_HASH] = "compact hash", [EV_IPL_PARTITION_DATA] =
        "IPL data",
    };
    const char *name = type < sizeof(names) / sizeof(*names) ? names[type]
                                                             : NULL;

    return name ? name : "other";
}

/* One event as a line; its data as text. */
static void put_event(struct tcg *t, uint32_t number, struct entry_of_log *e)
{
    char text[EVENT_TEXT_MAX + 1], line[LINE_MAX];
    uint32_t len = (uint32_t)e->data.left;
    size_t n = 0;

    while (n < EVENT_TEXT_MAX && e->data.left) {
        uint8_t c = rd_u8(&e->data);

        text[n++] = c >= 0x20 && c < 0x7f ? (char)c : '.';
    }
    text[n] = 0;
    tcg_format(line, sizeof(line), "%u: PCR %u %s, %u bytes: %s", number,
               e->pcr, type_name(e->type), len, text);
    menu_put(t, line);
    menu_put(t, "\n");
}

static bool leaves(struct tcg *t)
{
    menu_put(t, "Any key goes on, ESC leaves.\n");
    return menu_key(t) == TCG_KEY_ESC;
}

/* False: the reader has had enough. */
static bool show_log(struct tcg *t)
{
    struct rd r = rd_from(t->log.area, t->log.area ? t->log.used : 0);
    struct entry_of_log e;

    menu_put(t, "\n");
    for (uint32_t i = 0; i < t->log.count; i++) {
        if (!next_entry(t, &r, i && t->family == TCG_FAMILY_20, &e)) {
            menu_put(t, "The rest of the log is damaged.\n");
            return !leaves(t);
        }
        put_event(t, i + 1, &e);
        if (((i + 1) % LINES_PER_PAGE == 0 || i + 1 == t->log.count) &&
            leaves(t))
            return false;
    }
    return true;
}

/* What PCR 0-7 of bank b should be, from the log alone. */
static void replay(const struct tcg *t, unsigned b,
                   uint8_t value[TCG_BIOS_PCRS][TCG_MAX_DIGEST])
{
    struct rd r = rd_from(t->log.area, t->log.area ? t->log.used : 0);
    const struct hash_alg *alg = hash_find(t->bank[b].alg);
    bool is_20 = t->family == TCG_FAMILY_20;
    struct entry_of_log e;

    memset(value, 0, TCG_BIOS_PCRS * TCG_MAX_DIGEST);
    for (uint32_t i = 0; i < t->log.count; i++) {
        struct hash h;

        if (!next_entry(t, &r, i && is_20, &e))
            return;
        if (e.pcr >= TCG_BIOS_PCRS || e.type == EV_NO_ACTION)
            continue;
        for (unsigned j = 0; is_20 && j < b; j++)
            rd_skip(&e.digests, 2u + t->bank[j].size);
        rd_skip(&e.digests, is_20 ? 2 : 0);
        if (e.digests.left < alg->size)
            return;
        hash_init(&h, alg);
        hash_update(&h, value[e.pcr], alg->size);
        hash_update(&h, e.digests.at, alg->size);
        hash_final(&h, value[e.pcr]);
    }
}

/* A PCR's value, or NULL; it is in the command buffer. */
static const uint8_t *read_pcr(struct tcg *t, unsigned b, uint32_t pcr)
{
    uint16_t size = t->bank[b].size;
    struct tpm_reply reply;
    struct wr w;

    if (t->family == TCG_FAMILY_12) {
        w = tpm_begin(t, TPM12_TAG_RQU, TPM12_ORD_PcrRead);
        wr_be32(&w, pcr);
        return tpm_do(t, &w, DURATION_SHORT, &reply) < 0
               ? NULL : rd_bytes(&reply.body, size);
    }
    w = tpm_begin(t, TPM2_ST_NO_SESSIONS, TPM2_CC_PCR_Read);
    wr_be32(&w, 1);                         /* one selection: one PCR */
    wr_be16(&w, t->bank[b].alg);
    wr_u8(&w, 3);
    wr_u8(&w, (uint8_t)(1u << pcr));
    wr_zero(&w, 2);
    if (tpm_do(t, &w, DURATION_SHORT, &reply) < 0)
        return NULL;
    rd_skip(&reply.body, 4 + 4 + 2 + 1 + 3);    /* counter, selection */
    return rd_be32(&reply.body) == 1 && rd_be16(&reply.body) == size
           ? rd_bytes(&reply.body, size) : NULL;
}

static void put_hex(struct tcg *t, const uint8_t *p, unsigned size)
{
    char text[2 * HEX_MAX + 1];
    unsigned n = size < HEX_MAX ? size : HEX_MAX;

    for (unsigned i = 0; i < n; i++) {
        text[2 * i] = "0123456789abcdef"[p[i] >> 4];
        text[2 * i + 1] = "0123456789abcdef"[p[i] & 15];
    }
    text[2 * n] = 0;
    menu_put(t, text);
    menu_put(t, n < size ? "..." : "");
}

/* PCR 0-7 of each active bank beside what the log gives. */
static void show_pcrs(struct tcg *t)
{
    uint8_t want[TCG_BIOS_PCRS][TCG_MAX_DIGEST];
    char line[16];

    for (unsigned b = 0; b < t->bank_count; b++) {
        uint16_t size = t->bank[b].size;

        replay(t, b, want);
        menu_put(t, "\nPCRs of bank ");
        menu_put(t, hash_find(t->bank[b].alg)->name);
        menu_put(t, ":\n");
        for (uint32_t pcr = 0; pcr < TCG_BIOS_PCRS; pcr++) {
            const uint8_t *value = read_pcr(t, b, pcr);
            bool same = value && !memcmp(value, want[pcr], size);

            tcg_format(line, sizeof(line), "%u ", pcr);
            menu_put(t, line);
            if (value)
                put_hex(t, value, size);
            menu_put(t, same ? " as logged\n" : value ? "\n  the log gives\n  "
                                                 : "cannot be read\n");
            if (value && !same) {
                put_hex(t, want[pcr], size);
                menu_put(t, "\n");
            }
        }
        if (leaves(t))
            return;
    }
}

bool menu_log(struct tcg *t, struct tcg_ppi *ppi)
{
    (void)ppi;
    if (show_log(t))
        show_pcrs(t);
    return false;
}
