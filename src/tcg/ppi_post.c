/* SPDX-License-Identifier: MIT */
/*
 * The physical presence interface's memory, the confirmation and the order of
 * things.  POST only.
 *
 * Physical Presence Interface 1.30; QEMU docs/specs/tpm.rst.
 */
#include <string.h>

#include "tcg/config.h"
#include "tcg/internal.h"
#include "tcg/ppi.h"
#include "tcg/ppi_spec.h"
#include "tcg/tpm_spec.h"

#define PPI_VERSION     1u              /* 1.30 */

#define KEYS_AHEAD_MAX      256u
#define TIMEOUT_S           30u
#define TIMEOUT_MAX_S       3600u
#define OPS_KNOWN           34u         /* numbers that the PPI defines */
#define TRIES_MAX           3u          /* to finish what was cut short */

static const char accept_word[] = "accept";

/* ----------------------------------------------------------------- region */

static uint32_t region_read(struct tcg *t, uint32_t at, unsigned bytes)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < bytes; i++)
        v |= tpm_dev_read(&t->dev, PPI_REGION_AT + at + i, 1) << (8 * i);
    return v;
}

static void region_write(struct tcg *t, uint32_t at, unsigned bytes,
                         uint32_t v)
{
    for (unsigned i = 0; i < bytes; i++, v >>= 8)
        tpm_dev_write(&t->dev, PPI_REGION_AT + at + i, 1, v & 0xff);
}

static bool find_region(struct tcg *t)
{
    const struct tcg_platform *p = t->dev.plat;
    uint8_t bytes[TCG_CONFIG_SIZE] = { 0 };
    struct tcg_config config;
    int size = 0;

    if (p->read_file)
        size = p->read_file(p->ctx, TCG_CONFIG_FILE, bytes, sizeof(bytes));
    if (!tcg_config_read(bytes, size, &config))
        return false;
    if (config.ppi_address != TPM_BASE + PPI_REGION_AT ||
        config.ppi_version != PPI_VERSION || config.version != t->family) {
        tcg_say(t, "physical presence interface at %X, version %u, for TPM "
                "family %u: not used", config.ppi_address,
                (uint32_t)config.ppi_version, (uint32_t)config.version);
        return false;
    }
    return true;
}

static void fill_func(struct tcg *t, const struct tcg_ppi *ppi)
{
    uint32_t func[64] = { PPI_FUNC_NO_USER };   /* 0 cancels a request */
    const struct ppi_op *op;

    for (unsigned i = 0; (op = ppi_at(i)) != NULL; i++) {
        uint32_t v = PPI_FUNC_NO_USER;

        if (ppi->policy == PPI_DENY)
            v = PPI_FUNC_BLOCKED;
        else if (ppi->policy == PPI_CONFIRM && ppi_needs_confirmation(ppi, op))
            v = PPI_FUNC_USER;
        if (op->family == t->family)
            func[op->code / 4] |= v << (8 * (op->code % 4));
    }
    for (uint32_t i = 0; i < 64; i++) {
        tpm_dev_write(&t->dev, PPI_REGION_AT + PPI_REGION_FUNC + 4 * i, 4,
                      func[i]);
    }
}

/* ----------------------------------------------------------------- policy */

/* A short text file without its line end; its length, or 0 if there is none. */
static size_t read_text(struct tcg *t, const char *name, char *text,
                        size_t cap)
{
    const struct tcg_platform *p = t->dev.plat;
    int n = p->read_file(p->ctx, name, text, cap - 1);

    if (n <= 0)
        return 0;
    if ((size_t)n > cap - 1)
        n = (int)cap - 1;
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == 0))
        n--;
    text[n] = 0;
    return (size_t)n;
}

static bool is_text(const char *text, size_t n, const char *want)
{
    return n == strlen(want) && !memcmp(text, want, n);
}

static void read_policy(struct tcg *t, struct tcg_ppi *ppi)
{
    static const char *const names[] = {
        [PPI_CONFIRM] = "confirm", [PPI_ALLOW] = "allow", [PPI_DENY] = "deny",
    };
    char text[16];
    size_t n = read_text(t, "opt/org.keelbios/ppi-policy", text, 16);
    uint32_t seconds = 0;

    ppi->policy = PPI_CONFIRM;
    if (n) {
        uint8_t i = 0;

        while (i <= PPI_DENY && !is_text(text, n, names[i]))
            i++;
        if (i <= PPI_DENY) {
            ppi->policy = i;
        } else {
            tcg_say(t, "opt/org.keelbios/ppi-policy is '%s': confirm, allow "
                    "and deny are known; taken as confirm", text);
        }
    }
    ppi->timeout_s = TIMEOUT_S;
    n = read_text(t, "opt/org.keelbios/ppi-timeout", text, 16);
    if (!n)
        return;
    for (size_t i = 0; i < n; i++) {
        uint32_t digit = (uint32_t)(text[i] - '0');

        seconds = seconds * 10 + digit;
        if (digit > 9 || seconds > TIMEOUT_MAX_S) {
            tcg_say(t, "opt/org.keelbios/ppi-timeout is no number of "
                    "seconds up to %u; %u taken", TIMEOUT_MAX_S, TIMEOUT_S);
            return;
        }
    }
    ppi->timeout_s = (uint16_t)seconds;
}

/* ----------------------------------------------------------- confirmation */

static void put(struct tcg *t, const char *text)
{
    t->dev.plat->print(t->dev.plat->ctx, text);
}

void ppi_put_banks(struct tcg *t, const char *head, uint32_t banks)
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

uint32_t ppi_active_banks(const struct tcg *t)
{
    uint32_t banks = 0;

    for (unsigned i = 0; i < t->bank_count; i++)
        banks |= hash_find(t->bank[i].alg)->bit;
    return banks;
}

static void show(struct tcg *t, const struct ppi_op *op, uint32_t parameter)
{
    put(t, "\nThe operating system asked this firmware to\n    ");
    put(t, op->text);
    put(t, ".\n");
    if (op->destroys) {
        put(t, "WARNING: keys in the TPM, and data that only they open, can "
               "be lost for ever.\n");
    }
    if (op->step[0] == PPI_STEP20_SET_BANKS) {
        ppi_put_banks(t, "Active PCR banks now:  ", ppi_active_banks(t));
        ppi_put_banks(t, "Active PCR banks then: ", parameter);
        put(t, "PCR values change with the banks; what is sealed to them does "
               "not open then.\n");
    }
    put(t, op->destroys ? "F12" : "F10");
    put(t, " or the word \"accept\" confirms, ESC refuses.\n");
}

/* Ask. A key of the wrong kind does nothing. False: refused, or nobody
 * there. */
static bool ask(struct tcg *t, const struct tcg_ppi *ppi,
                const struct ppi_op *op, uint32_t parameter)
{
    const struct tcg_platform *p = t->dev.plat;
    int want = op->destroys ? TCG_KEY_F12 : TCG_KEY_F10;
    uint32_t left = ppi->timeout_s;
    size_t typed = 0;
    char text[48];

    if (!p->read_key)
        return false;
    /* What was typed before the question is no answer to it. */
    for (unsigned i = 0; i < KEYS_AHEAD_MAX && p->read_key(p->ctx, 0) >= 0;
         i++) {
    }
    show(t, op, parameter);
    for (unsigned keys = 0; left && keys < 1000; ) {
        uint64_t start = p->now_us(p->ctx);
        int key;

        tcg_format(text, sizeof(text), "%cRefused in %u s ", '\r', left);
        put(t, text);
        key = p->read_key(p->ctx, 1000);
        if (key == want) {
            put(t, "\n");
            return true;
        }
        if (key < 0 || p->now_us(p->ctx) - start >= 1000000)
            left--;
        if (key < 0)
            continue;
        keys++;                         /* a stuck key does not keep us */
        if (key == TCG_KEY_ESC)
            break;
        typed = key == accept_word[typed] ? typed + 1
                                          : key == accept_word[0];
        if (!accept_word[typed]) {
            put(t, "\n");
            return true;
        }
    }
    put(t, "\n");
    return false;
}

/* ------------------------------------------------------------------- flow */

void ppi_region(struct tcg *t, struct ppi_region *region)
{
    region->request = region_read(t, PPI_REGION_PPRQ, 4);
    region->parameter = region_read(t, PPI_REGION_PPRM, 4);
    region->last = region_read(t, PPI_REGION_LPPR, 4);
    region->response = region_read(t, PPI_REGION_PPRP, 4);
    region->next = (uint8_t)region_read(t, PPI_REGION_NEXT, 1);
}

void ppi_region_clear(struct tcg *t, const struct tcg_ppi *ppi)
{
    region_write(t, PPI_REGION_PPRQ, 4, 0);
    region_write(t, PPI_REGION_PPRM, 4, 0);
    region_write(t, PPI_REGION_NEXT, 1, 0);
    fill_func(t, ppi);
}

void ppi_reset(struct tcg *t)
{
    const struct tcg_platform *p = t->dev.plat;

    tcg_say(t, "resetting, for the change to take effect");
    if (t->family == TCG_FAMILY_20) {
        struct wr w = tpm_begin(t, TPM2_ST_NO_SESSIONS, TPM2_CC_Shutdown);
        struct tpm_reply reply;

        wr_be16(&w, TPM2_SU_CLEAR);
        /* Without it the TPM notes a reset out of order, no more. */
        (void)tpm_do(t, &w, DURATION_LONG, &reply);
    }
    if (p->reset)
        p->reset(p->ctx);
}

static void answer(struct tcg *t, uint32_t request, uint32_t response)
{
    region_write(t, PPI_REGION_LPPR, 4, request);
    region_write(t, PPI_REGION_PPRP, 4, response);
}

int tcg_ppi_capture(struct tcg *t, struct tcg_ppi *ppi)
{
    memset(ppi, 0, sizeof(*ppi));
    if (!tcg_usable(t))
        return ERR_ABSENT;
    ppi->present = find_region(t);
    ppi->supported = t->supported;
    ppi_load(t, ppi);
    if (!ppi->present)
        return ERR_ABSENT;
    t->flags |= TCG_F_PPI;
    ppi->request = region_read(t, PPI_REGION_PPRQ, 4);
    ppi->parameter = region_read(t, PPI_REGION_PPRM, 4);
    ppi->next = (uint8_t)region_read(t, PPI_REGION_NEXT, 1);
    read_policy(t, ppi);
    /* A request is executed once at the most.  Should this start not get to its
     * end, the OS reads that nothing was done. */
    if (ppi->request)
        answer(t, ppi->request, PPI_RSP_ABORT);
    ppi_region_clear(t, ppi);
    return 0;
}

/* What there is to do at this start. */
struct job {
    uint32_t asked;             /* the request's number; 0: nothing */
    const struct ppi_op *op;    /* NULL: not known */
    bool second;                /* the second half of what was asked for */
    bool confirmed;             /* before, as the TPM's note says */
};

static struct job find_job(struct tcg *t, struct tcg_ppi *ppi)
{
    struct job job = { .asked = ppi->request };

    if (ppi->begun.code) {
        if (ppi->request) {
            tcg_say(t, "request %u is dropped: operation %u comes first",
                    ppi->request, (uint32_t)ppi->begun.code);
        }
        job = (struct job){ .asked = ppi->begun.code, .confirmed = true,
                            .second = ppi->begun.second };
    } else if (!ppi->request) {
        job = (struct job){ .asked = ppi->next, .second = true };
    }
    job.op = ppi_find(t->family, job.asked);
    if (job.op && job.second)
        job.op = ppi_find(t->family, job.op->next);
    ppi->request = 0;
    ppi->next = 0;
    return job;
}

/*
 * May what was begun be taken up again?  Not for ever, and counted before,
 * so that a machine that comes to grief over it starts again some time.
 */
static bool take_up(struct tcg *t, struct tcg_ppi *ppi,
                    const struct ppi_op *op)
{
    struct ppi_note note = ppi->begun;

    if (note.tries < TRIES_MAX && op) {
        tcg_say(t, "%s operation %u: to %s",
                note.second ? "going on with" : "finishing the interrupted",
                (uint32_t)note.code, op->text);
        note.tries++;
        if (ppi_store_note(t, ppi, note) == 0)
            return true;
    }
    tcg_say(t, "operation %u was interrupted and is given up; look at the "
            "state of the TPM", (uint32_t)note.code);
    note = (struct ppi_note){ 0 };
    /* If that fails, the next start says so again. */
    (void)ppi_store_note(t, ppi, note);
    return false;
}

/* Nothing that was refused has touched the TPM. */
static bool allowed(struct tcg *t, const struct tcg_ppi *ppi,
                    const struct ppi_op *op)
{
    if (ppi->policy == PPI_DENY) {
        tcg_say(t, "request to %s refused by the host's policy", op->text);
        return false;
    }
    if (ppi->policy == PPI_CONFIRM && ppi_needs_confirmation(ppi, op) &&
        !ask(t, ppi, op, ppi->parameter)) {
        tcg_say(t, "request to %s refused", op->text);
        return false;
    }
    return true;
}

static uint32_t perform(struct tcg *t, struct tcg_ppi *ppi,
                        const struct job *job)
{
    const struct ppi_op *op = job->op;
    const char *bad;
    uint32_t response;

    if (job->confirmed && !take_up(t, ppi, op))
        return PPI_RSP_FAILURE;
    if (!op) {
        tcg_say(t, "request %u is not supported", job->asked);
        return job->asked <= OPS_KNOWN ? PPI_RSP_OK : PPI_RSP_FAILURE;
    }
    bad = ppi_check_parameter(ppi, op, ppi->parameter);
    if (bad) {
        tcg_say(t, "request to %s refused: %s", op->text, bad);
        return PPI_RSP_FAILURE;
    }
    if (!job->confirmed && !allowed(t, ppi, op))
        return PPI_RSP_ABORT;
    if (ppi->present)
        answer(t, job->asked, PPI_RSP_FAILURE);     /* should it be cut */
    response = ppi_execute(t, ppi, op, ppi->parameter);
    if (response == PPI_RSP_OK)
        tcg_say(t, "request to %s done", op->text);
    else
        tcg_say(t, "request to %s failed, code %xh", op->text, response);
    return response;
}

/* TPM 2.0: what an administrator turned off is off in every boot. */
static void apply_state(struct tcg *t, const struct tcg_ppi *ppi)
{
    int rc = 0;

    if (t->family != TCG_FAMILY_20 || !tcg_usable(t))
        return;
    if (ppi->flags & PPI_F_ENDORSE_OFF)
        rc = tpm2_hierarchy_off(t, TPM2_RH_ENDORSEMENT);
    if (rc == 0 && ppi->flags & PPI_F_STORAGE_OFF)
        rc = tpm2_hierarchy_off(t, TPM2_RH_OWNER);
    if (rc < 0)
        tcg_fail(t, "a hierarchy could not be turned off as asked for");
}

bool tcg_ppi_run(struct tcg *t, struct tcg_ppi *ppi)
{
    struct job job;
    uint32_t response;

    if (!tcg_usable(t))
        return false;
    job = find_job(t, ppi);
    if (!job.asked || (!ppi->present && !job.confirmed) ||
        (job.second && !job.op && !job.confirmed)) {
        apply_state(t, ppi);
        return false;
    }
    response = perform(t, ppi, &job);
    if (ppi->present) {
        answer(t, job.asked, response);
        fill_func(t, ppi);              /* its flags may have changed */
    }
    if (!job.op || !job.op->reset || response != PPI_RSP_OK) {
        apply_state(t, ppi);
        return false;
    }
    if (ppi->present && job.op->next)
        region_write(t, PPI_REGION_NEXT, 1, job.asked);
    ppi_reset(t);
    return true;
}
