/* SPDX-License-Identifier: MIT */
/*
 * The "TPM Configuration" screens, for 80 x 24 characters on VGA or a serial
 * line.  What they change, they change through the PPI's operations.  POST
 * only.
 */
#include "tcg/menu.h"

#include <string.h>

#include "tcg/internal.h"
#include "tcg/menu_pages.h"
#include "tcg/tpm_spec.h"

#define PPI_OP_ON       1u
#define PPI_OP_OFF      2u
#define PPI_OP_BANKS    23u

void menu_put(struct tcg *t, const char *text)
{
    t->dev.plat->print(t->dev.plat->ctx, text);
}

/* The next key, however long it takes. */
int menu_key(struct tcg *t)
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
    menu_put(t, "\n");
    menu_put(t, what);
    menu_put(t, "? Y confirms, any other key does not.\n");
    return (menu_key(t) | 0x20) == 'y';
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
        menu_put(t, "The TPM does not tell its state.\n");
        return;
    }
    count = rd_be32(&r);
    for (uint32_t i = 0; i < count && !r.bad; i++) {
        uint32_t id = rd_be32(&r), value = rd_be32(&r);

        permanent = id == TPM2_PT_PERMANENT ? value : permanent;
        startup = id == TPM2_PT_STARTUP_CLEAR ? value : startup;
    }
    tcg_format(line, sizeof(line), "Storage hierarchy %s, endorsement "
               "hierarchy %s", on_off(startup & TPMA_STARTUP_SH_ENABLE),
               on_off(startup & TPMA_STARTUP_EH_ENABLE));
    menu_put(t, line);
    menu_put(t, "\n");
    tcg_format(line, sizeof(line), "Owner password %s, lockout password %s",
               permanent & TPMA_PERMANENT_OWNER_AUTH ? "set" : "not set",
               permanent & TPMA_PERMANENT_LOCKOUT_AUTH ? "set" : "not set");
    menu_put(t, line);
    menu_put(t, "\n");
}

static void show_state12(struct tcg *t)
{
    struct rd r;
    char line[LINE_MAX + 2];
    bool disabled, ownership, deactivated;

    if (tpm12_get_capability(t, TPM12_CAP_FLAG, TPM12_CAP_FLAG_PERMANENT,
                             &r) < 0) {
        menu_put(t, "The TPM does not tell its state.\n");
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
    menu_put(t, line);
    if (tpm12_get_capability(t, TPM12_CAP_PROPERTY, TPM12_CAP_PROP_OWNER, &r) ==
        0)
        menu_put(t, rd_u8(&r) ? "It is owned.\n" : "It is not owned.\n");
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
        menu_put(t, "\n");
        for (unsigned i = 0; (alg = hash_at(i)) != NULL; i++) {
            if (ppi->supported & alg->bit) {
                tcg_format(line, sizeof(line), "%u. %s %s", (uint32_t)i + 1,
                           alg->name, on_off(banks & alg->bit));
                menu_put(t, line);
                menu_put(t, "\n");
            }
        }
        menu_put(t, "A number changes a bank, A applies, ESC leaves all as it "
               "is.\n");
        do {
            key = menu_key(t);
            alg = key >= '1' && key <= '8' ? hash_at((unsigned)key - '1')
                                           : NULL;
            if (key == TCG_KEY_ESC)
                return false;
            if ((key | 0x20) == 'a' && banks) {
                return confirmed(t, "Data sealed to PCRs can become "
                                    "unreadable. Change the banks") &&
                       run(t, ppi, ppi_find(t->family, PPI_OP_BANKS), banks);
            }
        } while (!alg || !(ppi->supported & alg->bit));
        banks ^= alg->bit;
        if (!banks)
            menu_put(t, "At least one bank must be active.\n");
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
    for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
        if (settings[i].family == t->family && !n--)
            return &settings[i];
    return NULL;
}

static void show_requests(struct tcg *t, const struct tcg_ppi *ppi)
{
    struct ppi_region r;
    const struct setting *s;
    char line[LINE_MAX];

    menu_put(t, "\n");
    if (ppi->present) {
        ppi_region(t, &r);
        tcg_format(line, sizeof(line), "Last request: %u, answer %xh\n",
                   r.last, r.response);
        menu_put(t, r.last ? line : "There was no request yet.\n");
        menu_put(t, "\n");
        tcg_format(line, sizeof(line), "Pending: request %u, parameter %xh; "
                   "second half of %u", r.request, r.parameter,
                   (uint32_t)r.next);
        menu_put(t, r.request || r.next ? line : "No request is pending.");
        menu_put(t, "\n\n");
    } else {
        menu_put(t, "This machine has no physical presence interface.\n\n");
    }
    menu_put(t, "A confirmation is needed before the OS ...\n");
    for (unsigned i = 0; (s = setting_at(t, i)) != NULL; i++) {
        tcg_format(line, sizeof(line), "%c. %s: %s", 'a' + (int)i, s->text,
                   ppi->flags & s->flag ? "yes" : "no");
        menu_put(t, line);
        menu_put(t, "\n");
    }
    menu_put(t, "\nA letter changes a setting, X cancels what is pending, ESC "
           "leaves.\n");
}

static bool change_requests(struct tcg *t, struct tcg_ppi *ppi)
{
    const struct setting *s;
    int key;

    for (;;) {
        show_requests(t, ppi);
        do {
            key = menu_key(t);
            s = key >= 'a' ? setting_at(t, (unsigned)key - 'a') : NULL;
        } while (key != TCG_KEY_ESC && (key | 0x20) != 'x' && !s);
        if (key == TCG_KEY_ESC)
            return false;
        if (s) {
            (void)run(t, ppi, ppi_find_flag(t->family, s->flag,
                                            !(ppi->flags & s->flag)), 0);
        } else if (ppi->present) {
            ppi_region_clear(t, ppi);
        }
    }
}

/* --------------------------------------------------------------- the menu */

/* Ask again, then do it. True if the machine is to be reset. */
static bool perform(struct tcg *t, struct tcg_ppi *ppi,
                    const struct ppi_op *op)
{
    menu_put(t, "\nThis will ");
    menu_put(t, op->text);
    menu_put(t, op->destroys
                    ? ".\nWARNING: keys in the TPM, and data that only "
                      "they open, are lost."
                    : ".");
    return confirmed(t, "Do it") && run(t, ppi, op, 0);
}

/* Off if the TPM is on, on if it is off. */
static bool turn_off_or_on(struct tcg *t, struct tcg_ppi *ppi)
{
    uint32_t off = ppi->flags & (PPI_F_STORAGE_OFF | PPI_F_ENDORSE_OFF);

    return perform(t, ppi, ppi_find(t->family, off ? PPI_OP_ON : PPI_OP_OFF));
}

/* A key's page; true if the machine is to be reset. */
typedef bool (*page_fn)(struct tcg *t, struct tcg_ppi *ppi);

/* What the keys do: one operation of the PPI, or a page of its own. */
static const struct entry {
    char key;
    uint8_t family;         /* enum tcg_family; TCG_FAMILY_NONE: both */
    uint8_t op;
    page_fn page;
    const char *text;
} entries[] = {
    { '1', TCG_FAMILY_20, 5, NULL, "Clear TPM" },
    { '2', TCG_FAMILY_20, 0, change_banks, "Change active PCR banks" },
    { '3', TCG_FAMILY_20, 0, turn_off_or_on,
      "Turn the TPM off, or on again" },
    { 'e', TCG_FAMILY_12, 1, NULL, "Enable the TPM" },
    { 'd', TCG_FAMILY_12, 2, NULL, "Disable the TPM" },
    { 'a', TCG_FAMILY_12, 3, NULL, "Activate the TPM" },
    { 'v', TCG_FAMILY_12, 4, NULL, "Deactivate the TPM" },
    { 'c', TCG_FAMILY_12, 5, NULL, "Clear ownership" },
    { 's', TCG_FAMILY_12, 8, NULL, "Allow installation of owner" },
    { 'p', TCG_FAMILY_12, 9, NULL, "Prevent installation of owner" },
    { '4', TCG_FAMILY_NONE, 0, change_requests,
      "Physical presence requests and settings" },
    { '5', TCG_FAMILY_NONE, 0, menu_log, "Event log and PCRs" },
};

/* The row of a key for this TPM, or NULL. */
static const struct entry *find_entry(const struct tcg *t, int key)
{
    for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
        const struct entry *e = &entries[i];

        if (e->key == key && (!e->family || e->family == t->family))
            return e;
    }
    return NULL;
}

static void show(struct tcg *t, const struct tcg_ppi *ppi)
{
    char line[160];

    menu_put(t, "\nTPM Configuration\n\n");
    tcg_status_line(t, line, sizeof(line));
    menu_put(t, line);
    menu_put(t, "\n");
    if (t->family == TCG_FAMILY_20) {
        show_state20(t);
        ppi_put_banks(t, "PCR banks of the TPM:", ppi->supported);
    } else {
        show_state12(t);
    }
    menu_put(t, "\n");
    for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++) {
        const struct entry *e = &entries[i];

        if (!e->family || e->family == t->family) {
            tcg_format(line, sizeof(line), "%c. %s", e->key, e->text);
            menu_put(t, line);
            menu_put(t, "\n");
        }
    }
    menu_put(t, "\nESC leaves this menu.\n");
}

bool tcg_menu(struct tcg *t, struct tcg_ppi *ppi)
{
    const struct tcg_platform *p = t->dev.plat;
    const struct entry *e;
    int key;

    if (!tcg_usable(t) || !p->read_key)
        return false;
    while (tcg_usable(t)) {
        show(t, ppi);
        do {
            key = menu_key(t);
            e = find_entry(t, key);
        } while (key != TCG_KEY_ESC && !e);
        if (key == TCG_KEY_ESC)
            return false;
        if (e->page ? e->page(t, ppi)
                    : perform(t, ppi, ppi_find(t->family, e->op))) {
            ppi_reset(t);
            return true;
        }
    }
    return false;
}
