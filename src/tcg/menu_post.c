/* SPDX-License-Identifier: MIT */
/*
 * The "TPM Configuration" screens, for 80 x 24 characters on VGA or a serial
 * line.  What they change, they change through the PPI's operations.  Init.
 */
#include "tcg/menu.h"

#include "tcg/internal.h"
#include "tcg/tpm_spec.h"

#define LINES_PER_PAGE  20u
#define LINE_MAX        80u
#define EVENT_TEXT_MAX  32u

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
    put(t, "\n");
}

static void put_bank_list(struct tcg *t, const char *head, uint32_t banks)
{
    const struct hash_alg *alg;

    put(t, head);
    for (unsigned i = 0; (alg = hash_at(i)) != NULL; i++) {
        if (banks & alg->bit) {
            put(t, " ");
            put(t, alg->name);
        }
    }
    put(t, "\n");
}

static uint32_t active_banks(const struct tcg *t)
{
    uint32_t banks = 0;

    for (unsigned i = 0; i < t->bank_count; i++) {
        banks |= hash_find(t->bank[i].alg)->bit;
    }
    return banks;
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
        put_bank_list(t, "PCR banks of the TPM:", ppi->supported);
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
    put(t, "4. Physical presence settings\n5. Event log\n\n"
           "ESC leaves this menu.\n");
}

/* Run an operation. True if the machine is to be reset. */
static bool run(struct tcg *t, struct tcg_ppi *ppi, uint8_t code,
                uint32_t parameter)
{
    const struct ppi_op *op = ppi_find(t->family, code);
    uint32_t response = ppi_execute(t, ppi, op, parameter);

    if (response != PPI_RSP_OK) {
        tcg_say(t, "to %s failed, code %xh", op->text, response);
        return false;
    }
    tcg_say(t, "to %s: done", op->text);
    return op->reset || op->flags;      /* flags take effect at a start */
}

/* Toggle banks by number; A applies. True if the machine is to be reset. */
static bool change_banks(struct tcg *t, struct tcg_ppi *ppi)
{
    uint32_t banks = active_banks(t);
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
                       && run(t, ppi, 23, banks);
            }
        } while (!alg || !(ppi->supported & alg->bit));
        banks ^= alg->bit;
        if (!banks) {
            put(t, "At least one bank must be active.\n");
        }
    }
}

static void show_settings(struct tcg *t, const struct tcg_ppi *ppi)
{
    static const struct { uint8_t family; uint16_t flag; const char *text; }
    names[] = {
        { TCG_FAMILY_20, PPI_F_CLEAR, "clear the TPM" },
        { TCG_FAMILY_20, PPI_F_TURN_ON, "turn it on" },
        { TCG_FAMILY_20, PPI_F_TURN_OFF, "turn it off" },
        { TCG_FAMILY_20, PPI_F_CHANGE_EPS, "replace its endorsement seed" },
        { TCG_FAMILY_20, PPI_F_CHANGE_PCRS, "change its PCR banks" },
        { TCG_FAMILY_12, PPI_F_CLEAR, "clear the TPM" },
        { TCG_FAMILY_12, PPI_F_PROVISION, "enable or activate it" },
    };

    put(t, "\n");
    if (!ppi->present) {
        put(t, "This machine has no physical presence interface.\n");
    }
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
        if (names[i].family == t->family) {
            put(t, ppi->flags & names[i].flag ? "asked before:  "
                                              : "not asked for: ");
            put(t, names[i].text);
            put(t, "\n");
        }
    }
    put(t, "Any key goes on.\n");
    (void)wait_key(t);                  /* whichever it was */
}

/* One event as a line; its data as text if it is short. */
static void put_event(struct tcg *t, uint32_t number, uint32_t pcr,
                      uint32_t type, struct rd data)
{
    char text[EVENT_TEXT_MAX + 1], line[LINE_MAX];
    uint32_t len = (uint32_t)data.left;
    size_t n = 0;

    while (n < EVENT_TEXT_MAX && data.left) {
        uint8_t c = rd_u8(&data);

        text[n++] = c >= 0x20 && c < 0x7f ? (char)c : '.';
    }
    text[n] = 0;
    tcg_format(line, sizeof(line), "%u: PCR%u type %xh %u bytes %s", number,
               pcr, type, len, text);
    put(t, line);
    put(t, "\n");
}

static void show_log(struct tcg *t)
{
    struct rd r = rd_from(t->log.area, t->log.area ? t->log.used : 0);

    put(t, "\n");
    for (uint32_t i = 0; i < t->log.count && !r.bad; i++) {
        uint32_t pcr = rd_le32(&r), type = rd_le32(&r);
        bool agile = i > 0 && t->family == TCG_FAMILY_20;

        if (agile) {
            rd_skip(&r, 4);
            for (unsigned b = 0; b < t->bank_count; b++) {
                rd_skip(&r, 2u + t->bank[b].size);
            }
        } else {
            rd_skip(&r, 20);
        }
        put_event(t, i + 1, pcr, type, rd_sub(&r, rd_le32(&r)));
        if ((i + 1) % LINES_PER_PAGE == 0 || i + 1 == t->log.count) {
            put(t, "Any key goes on, ESC leaves.\n");
            if (wait_key(t) == TCG_KEY_ESC) {
                return;
            }
        }
    }
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
            return ppi->flags & (PPI_F_STORAGE_OFF | PPI_F_ENDORSE_OFF)
                   ? confirmed(t, "Turn the TPM on") && run(t, ppi, 1, 0)
                   : confirmed(t, "Turn the TPM off") && run(t, ppi, 2, 0);
        }
        return confirmed(t, e->text) && run(t, ppi, e->op, 0);
    }
    if (key == '4') {
        show_settings(t, ppi);
    } else if (key == '5') {
        show_log(t);
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
    /* A failure has been printed and closes the menu. */
    (void)tcg_measure_action(t, TCG_SETUP_ENTERED, NULL);
    while (tcg_usable(t)) {
        show(t, ppi);
        do {
            key = wait_key(t);
        } while (key != TCG_KEY_ESC && !is_entry(t, key));
        if (key == TCG_KEY_ESC) {
            return false;
        }
        if (act(t, ppi, key)) {
            tcg_say(t, "resetting, for the change to take effect");
            if (p->reset) {
                p->reset(p->ctx);
            }
            return true;
        }
    }
    return false;
}
