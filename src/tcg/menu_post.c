/* SPDX-License-Identifier: MIT */
/*
 * The "TPM Configuration" screens, for 80 x 24 characters on VGA or a serial
 * line.  What they change, they change through the PPI's operations.  Init.
 */
#include "tcg/menu.h"

#include <string.h>

#include "tcg/internal.h"
#include "tcg/tpm_spec.h"

#define LINES_PER_PAGE  20u
#define LINE_MAX        80u
#define EVENT_TEXT_MAX  32u
#define HEX_MAX         32u     /* bytes of a digest that are shown */
#define PPI_OP_ON       1u
#define PPI_OP_OFF      2u
#define PPI_OP_BANKS    23u

#define OP_BANKS    0u      /* a page of its own */
#define OP_TOGGLE   255u    /* off if the TPM is on, on if it is off */

/* Keys that change something, and the PPI operations that do it. */
static const struct entry {
    char key;
    uint8_t family;         /* enum tcg_family */
    uint8_t op;
    const char *text;
} entries[] = {
    { '1', TCG_FAMILY_20, 5, "Clear TPM" },
    { '2', TCG_FAMILY_20, OP_BANKS, "Change active PCR banks" },
    { '3', TCG_FAMILY_20, OP_TOGGLE, "Turn the TPM off, or on again" },
    { 'e', TCG_FAMILY_12, 1, "Enable the TPM" },
    { 'd', TCG_FAMILY_12, 2, "Disable the TPM" },
    { 'a', TCG_FAMILY_12, 3, "Activate the TPM" },
    { 'v', TCG_FAMILY_12, 4, "Deactivate the TPM" },
    { 'c', TCG_FAMILY_12, 5, "Clear ownership" },
    { 's', TCG_FAMILY_12, 8, "Allow installation of owner" },
    { 'p', TCG_FAMILY_12, 9, "Prevent installation of owner" },
};

static void put(struct tcg *t, const char *text)
{
    t->dev.plat->print(t->dev.plat->ctx, text);
}

/* The next key, however long it takes. */
static int wait_key(struct tcg *t)
{
    const struct tcg_platform *p = t->dev.plat;
    int key;

    do {
        key = p->read_key(p->ctx, 60000);
    } while (key == ERR_TIMEOUT);
    return key;
}

static bool confirmed(struct tcg *t, const char *what)
{
    put(t, "\n");
    put(t, what);
    put(t, "? Y confirms, any other key does not.\n");
    return (wait_key(t) | 0x20) == 'y';
}

static const char *on_off(bool on)
{
    return on ? "on" : "off";
}

static void show_state20(struct tcg *t)
{
    uint32_t permanent = 0, startup = 0, count;
    char line[LINE_MAX + 2];
    struct rd r = { .bad = true };

    if (tpm2_get_capability(t, TPM2_CAP_TPM_PROPERTIES, TPM2_PT_PERMANENT, 2,
                            &r) < 0) {
        put(t, "The TPM does not tell its state.\n");
        return;
    }
    count = rd_be32(&r);
    for (uint32_t i = 0; i < count && !r.bad; i++) {
        uint32_t id = rd_be32(&r), value = rd_be32(&r);

        permanent = id == TPM2_PT_PERMANENT ? value : permanent;
        startup = id == TPM2_PT_STARTUP_CLEAR ? value : startup;
    }
    tcg_format(line, sizeof(line), "Storage hierarchy %s, endorsement "
               "hierarchy %s", on_off(startup >> 1 & 1),
               on_off(startup >> 2 & 1));
    put(t, line);
    put(t, "\n");
    tcg_format(line, sizeof(line), "Owner password %s, lockout password %s",
               permanent & 1 ? "set" : "not set",
               permanent >> 2 & 1 ? "set" : "not set");
    put(t, line);
    put(t, "\n");
}

static void show_state12(struct tcg *t)
{
    struct rd r;
    char line[LINE_MAX + 2];
    bool disabled, ownership, deactivated;

    if (tpm12_get_capability(t, TPM12_CAP_FLAG, TPM12_CAP_FLAG_PERMANENT,
                             &r) < 0) {
        put(t, "The TPM does not tell its state.\n");
        return;
    }
    rd_skip(&r, 2);
    disabled = rd_u8(&r);
    ownership = rd_u8(&r);
    deactivated = rd_u8(&r);
    tcg_format(line, sizeof(line), "The TPM is %s and %s; an owner %s be "
               "installed\n", disabled ? "disabled" : "enabled",
               deactivated ? "deactivated" : "activated",
               ownership ? "can" : "cannot");
    put(t, line);
    if (tpm12_get_capability(t, TPM12_CAP_PROPERTY, TPM12_CAP_PROP_OWNER,
                             &r) == 0) {
        put(t, rd_u8(&r) ? "It is owned.\n" : "It is not owned.\n");
    }
}

static void show(struct tcg *t, const struct tcg_ppi *ppi)
{
    char line[160];

    put(t, "\nTPM Configuration\n\n");
    tcg_status_line(t, line, sizeof(line));
    put(t, line);
    put(t, "\n");
    if (t->family == TCG_FAMILY_20) {
        show_state20(t);
        ppi_put_banks(t, "PCR banks of the TPM:", ppi->supported);
    } else {
        show_state12(t);
    }
    put(t, "\n");
    for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
        if (entries[i].family == t->family) {
            tcg_format(line, sizeof(line), "%c. %s", entries[i].key,
                       entries[i].text);
            put(t, line);
            put(t, "\n");
        }
    }
    put(t, "4. Physical presence requests and settings\n"
           "5. Event log and PCRs\n\nESC leaves this menu.\n");
}

/* Run an operation. True if the machine is to be reset. */
static bool run(struct tcg *t, struct tcg_ppi *ppi, const struct ppi_op *op,
                uint32_t parameter)
{
    uint32_t response = ppi_execute(t, ppi, op, parameter);

    if (response != PPI_RSP_OK) {
        tcg_say(t, "to %s failed, code %xh", op->text, response);
        return false;
    }
    tcg_say(t, "to %s: done", op->text);
    /* What is turned off is turned off at a start. */
    return op->reset || op->flags & (PPI_F_STORAGE_OFF | PPI_F_ENDORSE_OFF);
}

/* Toggle banks by number; A applies. True if the machine is to be reset. */
static bool change_banks(struct tcg *t, struct tcg_ppi *ppi)
{
    uint32_t banks = ppi_active_banks(t);
    const struct hash_alg *alg;
    char line[LINE_MAX];
    int key;

    for (;;) {
        put(t, "\n");
        for (unsigned i = 0; (alg = hash_at(i)) != NULL; i++) {
            if (ppi->supported & alg->bit) {
                tcg_format(line, sizeof(line), "%u. %s %s", (uint32_t)i + 1,
                           alg->name, on_off(banks & alg->bit));
                put(t, line);
                put(t, "\n");
            }
        }
        put(t, "A number changes a bank, A applies, ESC leaves all as it "
               "is.\n");
        do {
            key = wait_key(t);
            alg = key >= '1' && key <= '8' ? hash_at((unsigned)key - '1')
                                           : NULL;
            if (key == TCG_KEY_ESC) {
                return false;
            }
            if ((key | 0x20) == 'a' && banks) {
                return confirmed(t, "Data sealed to PCRs can become "
                                    "unreadable. Change the banks")
                       && run(t, ppi, ppi_find(t->family, PPI_OP_BANKS),
                              banks);
            }
        } while (!alg || !(ppi->supported & alg->bit));
        banks ^= alg->bit;
        if (!banks) {
            put(t, "At least one bank must be active.\n");
        }
    }
}

/* ------------------------------------------------- requests and settings */

/* The settings, in the order of their letters. */
static const struct setting {
    uint8_t family;
    uint16_t flag;
    const char *text;
} settings[] = {
    { TCG_FAMILY_20, PPI_F_CLEAR, "clears the TPM" },
    { TCG_FAMILY_20, PPI_F_TURN_ON, "turns it on" },
    { TCG_FAMILY_20, PPI_F_TURN_OFF, "turns it off" },
    { TCG_FAMILY_20, PPI_F_CHANGE_EPS, "replaces its endorsement seed" },
    { TCG_FAMILY_20, PPI_F_CHANGE_PCRS, "changes its PCR banks" },
    { TCG_FAMILY_12, PPI_F_CLEAR, "clears the TPM" },
    { TCG_FAMILY_12, PPI_F_PROVISION, "enables or activates it" },
    { TCG_FAMILY_12, PPI_F_MAINTENANCE, "maintains it" },
};

/* Setting number n of the TPM's family, or NULL. */
static const struct setting *setting_at(const struct tcg *t, unsigned n)
{
    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++) {
        if (settings[i].family == t->family && !n--) {
            return &settings[i];
        }
    }
    return NULL;
}

static void show_requests(struct tcg *t, const struct tcg_ppi *ppi)
{
    struct ppi_region r;
    const struct setting *s;
    char line[LINE_MAX];

    put(t, "\n");
    if (ppi->present) {
        ppi_region(t, &r);
        tcg_format(line, sizeof(line), "Last request: %u, answer %xh\n",
                   r.last, r.response);
        put(t, r.last ? line : "There was no request yet.\n");
        put(t, "\n");
        tcg_format(line, sizeof(line), "Pending: request %u, parameter %xh; "
                   "second half of %u", r.request, r.parameter,
                   (uint32_t)r.next);
        put(t, r.request || r.next ? line : "No request is pending.");
        put(t, "\n\n");
    } else {
        put(t, "This machine has no physical presence interface.\n\n");
    }
    put(t, "A confirmation is needed before the OS ...\n");
    for (unsigned i = 0; (s = setting_at(t, i)) != NULL; i++) {
        tcg_format(line, sizeof(line), "%c. %s: %s", 'a' + (int)i, s->text,
                   ppi->flags & s->flag ? "yes" : "no");
        put(t, line);
        put(t, "\n");
    }
    put(t, "\nA letter changes a setting, X cancels what is pending, ESC "
           "leaves.\n");
}

static void change_requests(struct tcg *t, struct tcg_ppi *ppi)
{
    const struct setting *s;
    int key;

    for (;;) {
        show_requests(t, ppi);
        do {
            key = wait_key(t);
            s = key >= 'a' ? setting_at(t, (unsigned)key - 'a') : NULL;
        } while (key != TCG_KEY_ESC && (key | 0x20) != 'x' && !s);
        if (key == TCG_KEY_ESC) {
            return;
        }
        if (s) {
            (void)run(t, ppi, ppi_find_flag(t->family, s->flag,
                                            !(ppi->flags & s->flag)), 0);
        } else if (ppi->present) {
            ppi_region_clear(t, ppi);
        }
    }
}

/* ------------------------------------------------------ event log and PCRs */

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
        for (unsigned b = 0; b < t->bank_count; b++) {
            size += 2u + t->bank[b].size;
        }
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
    put(t, line);
    put(t, "\n");
}

static bool leaves(struct tcg *t)
{
    put(t, "Any key goes on, ESC leaves.\n");
    return wait_key(t) == TCG_KEY_ESC;
}

/* False: the reader has had enough. */
static bool show_log(struct tcg *t)
{
    struct rd r = rd_from(t->log.area, t->log.area ? t->log.used : 0);
    struct entry_of_log e;

    put(t, "\n");
    for (uint32_t i = 0; i < t->log.count; i++) {
        if (!next_entry(t, &r, i && t->family == TCG_FAMILY_20, &e)) {
            put(t, "The rest of the log is damaged.\n");
            return !leaves(t);
        }
        put_event(t, i + 1, &e);
        if (((i + 1) % LINES_PER_PAGE == 0 || i + 1 == t->log.count)
            && leaves(t)) {
            return false;
        }
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

        if (!next_entry(t, &r, i && is_20, &e)) {
            return;
        }
        if (e.pcr >= TCG_BIOS_PCRS || e.type == EV_NO_ACTION) {
            continue;
        }
        for (unsigned j = 0; is_20 && j < b; j++) {
            rd_skip(&e.digests, 2u + t->bank[j].size);
        }
        rd_skip(&e.digests, is_20 ? 2 : 0);
        if (e.digests.left < alg->size) {
            return;
        }
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
    if (tpm_do(t, &w, DURATION_SHORT, &reply) < 0) {
        return NULL;
    }
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
    put(t, text);
    put(t, n < size ? "..." : "");
}

/* PCR 0-7 of each active bank beside what the log gives. */
static void show_pcrs(struct tcg *t)
{
    uint8_t want[TCG_BIOS_PCRS][TCG_MAX_DIGEST];
    char line[16];

    for (unsigned b = 0; b < t->bank_count; b++) {
        uint16_t size = t->bank[b].size;

        replay(t, b, want);
        put(t, "\nPCRs of bank ");
        put(t, hash_find(t->bank[b].alg)->name);
        put(t, ":\n");
        for (uint32_t pcr = 0; pcr < TCG_BIOS_PCRS; pcr++) {
            const uint8_t *value = read_pcr(t, b, pcr);
            bool same = value && !memcmp(value, want[pcr], size);

            tcg_format(line, sizeof(line), "%u ", pcr);
            put(t, line);
            if (value) {
                put_hex(t, value, size);
            }
            put(t, same ? " as logged\n" : value ? "\n  the log gives\n  "
                                                 : "cannot be read\n");
            if (value && !same) {
                put_hex(t, want[pcr], size);
                put(t, "\n");
            }
        }
        if (leaves(t)) {
            return;
        }
    }
}

/* --------------------------------------------------------------- the menu */

/* Ask again, then do it. True if the machine is to be reset. */
static bool perform(struct tcg *t, struct tcg_ppi *ppi,
                    const struct ppi_op *op)
{
    put(t, "\nThis will ");
    put(t, op->text);
    put(t, op->destroys ? ".\nWARNING: keys in the TPM, and data that only "
                          "they open, are lost." : ".");
    return confirmed(t, "Do it") && run(t, ppi, op, 0);
}

/* True if the machine is to be reset. */
static bool act(struct tcg *t, struct tcg_ppi *ppi, int key)
{
    for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
        const struct entry *e = &entries[i];

        if (e->family != t->family || e->key != key) {
            continue;
        }
        if (e->op == OP_BANKS) {
            return change_banks(t, ppi);
        }
        if (e->op == OP_TOGGLE) {
            return perform(t, ppi, ppi_find(t->family, ppi->flags
                           & (PPI_F_STORAGE_OFF | PPI_F_ENDORSE_OFF)
                           ? PPI_OP_ON : PPI_OP_OFF));
        }
        return perform(t, ppi, ppi_find(t->family, e->op));
    }
    if (key == '4') {
        change_requests(t, ppi);
    } else if (key == '5' && show_log(t)) {
        show_pcrs(t);
    }
    return false;
}

static bool is_entry(const struct tcg *t, int key)
{
    for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
        if (entries[i].family == t->family && entries[i].key == key) {
            return true;
        }
    }
    return key == '4' || key == '5';
}

bool tcg_menu(struct tcg *t, struct tcg_ppi *ppi)
{
    const struct tcg_platform *p = t->dev.plat;
    int key;

    if (!tcg_usable(t) || !p->read_key) {
        return false;
    }
    while (tcg_usable(t)) {
        show(t, ppi);
        do {
            key = wait_key(t);
        } while (key != TCG_KEY_ESC && !is_entry(t, key));
        if (key == TCG_KEY_ESC) {
            return false;
        }
        if (act(t, ppi, key)) {
            ppi_reset(t);
            return true;
        }
    }
    return false;
}
