/* SPDX-License-Identifier: MIT */
/*
 * The operations of the physical presence interface: one table, and the steps
 * that it is made of.  POST only.
 *
 * Physical Presence Interface 1.30, tables 1 and 2; TPM Main 1.2 part 3; TPM
 * 2.0 Library part 3, 22.5, 24.
 */
#include "tcg/internal.h"
#include "tcg/ppi.h"
#include "tcg/tpm_spec.h"

#define F12 TCG_FAMILY_12
#define F20 TCG_FAMILY_20

static const struct ppi_op ops[] = {
    { .code = 1, .family = F12, .confirm = PPI_F_PROVISION,
      .step = { PPI_STEP12_ENABLE }, .text = "enable the TPM" },
    { .code = 2, .family = F12, .confirm = PPI_F_PROVISION,
      .step = { PPI_STEP12_DISABLE }, .text = "disable the TPM" },
    { .code = 3, .family = F12, .confirm = PPI_F_PROVISION, .reset = true,
      .step = { PPI_STEP12_ACTIVATE }, .text = "activate the TPM" },
    { .code = 4, .family = F12, .confirm = PPI_F_PROVISION, .reset = true,
      .step = { PPI_STEP12_DEACTIVATE }, .text = "deactivate the TPM" },
    { .code = 5, .family = F12, .confirm = PPI_F_CLEAR, .destroys = true,
      .reset = true, .step = { PPI_STEP12_CLEAR }, .text = "clear the TPM" },
    { .code = 6, .family = F12, .confirm = PPI_F_PROVISION, .reset = true,
      .step = { PPI_STEP12_ENABLE, PPI_STEP12_ACTIVATE },
      .text = "enable and activate the TPM" },
    { .code = 7, .family = F12, .confirm = PPI_F_PROVISION, .reset = true,
      .step = { PPI_STEP12_DEACTIVATE, PPI_STEP12_DISABLE },
      .text = "deactivate and disable the TPM" },
    { .code = 8, .family = F12, .confirm = PPI_F_PROVISION,
      .step = { PPI_STEP12_OWNER_ON },
      .text = "allow that somebody takes ownership of the TPM" },
    { .code = 9, .family = F12, .confirm = PPI_F_PROVISION,
      .step = { PPI_STEP12_OWNER_OFF },
      .text = "forbid that anybody takes ownership of the TPM" },
    { .code = 10, .family = F12, .confirm = PPI_F_PROVISION, .reset = true,
      .next = 8, .step = { PPI_STEP12_ENABLE, PPI_STEP12_ACTIVATE },
      .text = "enable and activate the TPM, then allow that somebody takes "
              "ownership of it" },
    { .code = 11, .family = F12, .confirm = PPI_F_PROVISION, .reset = true,
      .step = { PPI_STEP12_OWNER_OFF, PPI_STEP12_DEACTIVATE,
                PPI_STEP12_DISABLE },
      .text = "forbid ownership of the TPM, deactivate and disable it" },
    { .code = 14, .family = F12, .confirm = PPI_F_CLEAR | PPI_F_PROVISION,
      .destroys = true, .reset = true,
      .step = { PPI_STEP12_CLEAR, PPI_STEP12_ENABLE, PPI_STEP12_ACTIVATE },
      .text = "clear, enable and activate the TPM" },
    { .code = 15, .family = F12, .flags = PPI_F_PROVISION,
      .step = { PPI_STEP_SET_FLAGS },
      .text = "ask before the OS enables, disables or activates the TPM" },
    { .code = 16, .family = F12, .flags = PPI_F_PROVISION, .always = true,
      .step = { PPI_STEP_CLEAR_FLAGS },
      .text = "let the OS enable, disable and activate the TPM without "
              "asking" },
    { .code = 17, .family = F12, .flags = PPI_F_CLEAR,
      .step = { PPI_STEP_SET_FLAGS },
      .text = "ask before the OS clears the TPM" },
    { .code = 18, .family = F12, .flags = PPI_F_CLEAR, .always = true,
      .destroys = true, .step = { PPI_STEP_CLEAR_FLAGS },
      .text = "let the OS clear the TPM without asking" },
    { .code = 19, .family = F12, .flags = PPI_F_MAINTENANCE,
      .step = { PPI_STEP_SET_FLAGS },
      .text = "ask before the OS maintains the TPM" },
    { .code = 20, .family = F12, .flags = PPI_F_MAINTENANCE, .always = true,
      .destroys = true, .step = { PPI_STEP_CLEAR_FLAGS },
      .text = "let the OS maintain the TPM without asking" },
    { .code = 21, .family = F12, .confirm = PPI_F_CLEAR, .destroys = true,
      .reset = true, .next = 5,
      .step = { PPI_STEP12_ENABLE, PPI_STEP12_ACTIVATE },
      .text = "enable and activate the TPM, then clear it" },
    { .code = 22, .family = F12, .confirm = PPI_F_CLEAR | PPI_F_PROVISION,
      .destroys = true, .reset = true, .next = 14,
      .step = { PPI_STEP12_ENABLE, PPI_STEP12_ACTIVATE },
      .text = "enable and activate the TPM, clear it, enable and activate it "
              "again" },

    { .code = 1, .family = F20, .confirm = PPI_F_TURN_ON, .reset = true,
      .flags = PPI_F_STORAGE_OFF | PPI_F_ENDORSE_OFF,
      .step = { PPI_STEP_CLEAR_FLAGS }, .text = "turn the TPM on" },
    { .code = 2, .family = F20, .confirm = PPI_F_TURN_OFF,
      .flags = PPI_F_STORAGE_OFF | PPI_F_ENDORSE_OFF,
      .step = { PPI_STEP_SET_FLAGS }, .text = "turn the TPM off" },
    { .code = 5, .family = F20, .confirm = PPI_F_CLEAR, .destroys = true,
      .reset = true, .step = { PPI_STEP20_ALLOW_CLEAR, PPI_STEP20_CLEAR },
      .text = "clear the TPM" },
    { .code = 14, .family = F20, .confirm = PPI_F_CLEAR | PPI_F_TURN_ON,
      .destroys = true, .reset = true,
      .flags = PPI_F_STORAGE_OFF | PPI_F_ENDORSE_OFF,
      .step = { PPI_STEP20_ALLOW_CLEAR, PPI_STEP20_CLEAR,
                PPI_STEP_CLEAR_FLAGS },
      .text = "clear the TPM and turn it on" },
    { .code = 17, .family = F20, .flags = PPI_F_CLEAR,
      .step = { PPI_STEP_SET_FLAGS },
      .text = "ask before the OS clears the TPM" },
    { .code = 18, .family = F20, .flags = PPI_F_CLEAR, .always = true,
      .destroys = true, .step = { PPI_STEP_CLEAR_FLAGS },
      .text = "let the OS clear the TPM without asking" },
    { .code = 21, .family = F20, .confirm = PPI_F_CLEAR | PPI_F_TURN_ON,
      .destroys = true, .reset = true,
      .flags = PPI_F_STORAGE_OFF | PPI_F_ENDORSE_OFF,
      .step = { PPI_STEP20_ALLOW_CLEAR, PPI_STEP20_CLEAR,
                PPI_STEP_CLEAR_FLAGS },
      .text = "turn the TPM on and clear it" },
    { .code = 22, .family = F20, .confirm = PPI_F_CLEAR | PPI_F_TURN_ON,
      .destroys = true, .reset = true,
      .flags = PPI_F_STORAGE_OFF | PPI_F_ENDORSE_OFF,
      .step = { PPI_STEP20_ALLOW_CLEAR, PPI_STEP20_CLEAR,
                PPI_STEP_CLEAR_FLAGS },
      .text = "turn the TPM on, clear it, leave it on" },
    { .code = 23, .family = F20, .confirm = PPI_F_CHANGE_PCRS,
      .destroys = true, .reset = true, .step = { PPI_STEP20_SET_BANKS },
      .text = "change the active PCR banks of the TPM" },
    { .code = 24, .family = F20, .confirm = PPI_F_CHANGE_EPS,
      .destroys = true, .reset = true, .step = { PPI_STEP20_CHANGE_EPS },
      .text = "replace the TPM's endorsement seed" },
    { .code = 25, .family = F20, .flags = PPI_F_CHANGE_PCRS, .always = true,
      .step = { PPI_STEP_CLEAR_FLAGS },
      .text = "let the OS change PCR banks without asking" },
    { .code = 26, .family = F20, .flags = PPI_F_CHANGE_PCRS,
      .step = { PPI_STEP_SET_FLAGS },
      .text = "ask before the OS changes PCR banks" },
    { .code = 27, .family = F20, .flags = PPI_F_TURN_ON, .always = true,
      .step = { PPI_STEP_CLEAR_FLAGS },
      .text = "let the OS turn the TPM on without asking" },
    { .code = 28, .family = F20, .flags = PPI_F_TURN_ON,
      .step = { PPI_STEP_SET_FLAGS },
      .text = "ask before the OS turns the TPM on" },
    { .code = 29, .family = F20, .flags = PPI_F_TURN_OFF, .always = true,
      .step = { PPI_STEP_CLEAR_FLAGS },
      .text = "let the OS turn the TPM off without asking" },
    { .code = 30, .family = F20, .flags = PPI_F_TURN_OFF,
      .step = { PPI_STEP_SET_FLAGS },
      .text = "ask before the OS turns the TPM off" },
    { .code = 31, .family = F20, .flags = PPI_F_CHANGE_EPS, .always = true,
      .destroys = true, .step = { PPI_STEP_CLEAR_FLAGS },
      .text = "let the OS replace the endorsement seed without asking" },
    { .code = 32, .family = F20, .flags = PPI_F_CHANGE_EPS,
      .step = { PPI_STEP_SET_FLAGS },
      .text = "ask before the OS replaces the endorsement seed" },
    { .code = 33, .family = F20, .confirm = PPI_F_CHANGE_PCRS, .reset = true,
      .step = { PPI_STEP20_ALL_BANKS },
      .text = "activate all PCR banks of the TPM" },
    { .code = 34, .family = F20, .confirm = PPI_F_TURN_OFF, .reset = true,
      .step = { PPI_STEP20_STORAGE_ONLY },
      .text = "turn the endorsement hierarchy off and the storage hierarchy "
              "on" },
};

const struct ppi_op *ppi_at(unsigned i)
{
    return i < sizeof(ops) / sizeof(*ops) ? &ops[i] : NULL;
}

const struct ppi_op *ppi_find(enum tcg_family family, uint32_t code)
{
    const struct ppi_op *op;

    for (unsigned i = 0; (op = ppi_at(i)) != NULL; i++)
        if (op->family == family && op->code == code)
            break;
    return op;
}

const struct ppi_op *ppi_find_flag(enum tcg_family family, uint16_t flag,
                                   bool set)
{
    const struct ppi_op *op;

    for (unsigned i = 0; (op = ppi_at(i)) != NULL; i++)
        if (op->family == family && op->flags == flag &&
            op->step[0] == (set ? PPI_STEP_SET_FLAGS : PPI_STEP_CLEAR_FLAGS))
            break;
    return op;
}

bool ppi_needs_confirmation(const struct tcg_ppi *ppi,
                            const struct ppi_op *op)
{
    return op->always || (ppi->flags & op->confirm);
}

const char *ppi_check_parameter(const struct tcg_ppi *ppi,
                                const struct ppi_op *op, uint32_t parameter)
{
    if (op->step[0] != PPI_STEP20_SET_BANKS)
        return NULL;
    if (!parameter)
        return "it would leave no PCR bank";
    return parameter & ~ppi->supported ? "the TPM or this firmware lacks a "
                                         "bank that it names" : NULL;
}

/* ---------------------------------------------------------------- TPM 1.2 */

static int run12(struct tcg *t, uint32_t ordinal, int parameter)
{
    struct wr w = tpm_begin(t, TPM12_TAG_RQU, ordinal);
    struct tpm_reply reply;

    if (parameter >= 0)
        wr_u8(&w, (uint8_t)parameter);
    return tpm_do(t, &w, DURATION_MEDIUM, &reply);
}

/*
 * An operation that was cut short has left the TPM disabled or deactivated,
 * and so a step refuses to be done again.  Is its effect there already?
 */
static bool was_done12(struct tcg *t, uint8_t step)
{
    bool clear = step == PPI_STEP12_CLEAR;
    uint32_t code = t->code;
    struct rd r;
    int rc;

    if ((code != TPM12_DISABLED && code != TPM12_DEACTIVATED) ||
        (!clear && step != PPI_STEP12_OWNER_OFF))
        return false;
    rc = clear ? tpm12_get_capability(t, TPM12_CAP_PROPERTY,
                                      TPM12_CAP_PROP_OWNER, &r)
               : tpm12_get_capability(t, TPM12_CAP_FLAG,
                                      TPM12_CAP_FLAG_PERMANENT, &r);
    t->code = code;
    if (rc < 0)
        return false;
    rd_skip(&r, clear ? 0 : TPM12_PERM_OWNERSHIP);
    return rd_u8(&r) == 0 && !r.bad;
}

/* ---------------------------------------------------------------- TPM 2.0 */

static struct wr begin_platform(struct tcg *t, uint32_t code)
{
    struct wr w = tpm_begin(t, TPM2_ST_SESSIONS, code);

    tpm2_put_auth(t, &w, TPM2_RH_PLATFORM);
    return w;
}

/* A command whose only parameter, if any, is one byte. */
static int run20(struct tcg *t, uint32_t code, int parameter)
{
    struct wr w = begin_platform(t, code);

    if (parameter >= 0)
        wr_u8(&w, (uint8_t)parameter);
    return tpm2_do_auth(t, &w, DURATION_LONG);
}

/* Every bank of the TPM is named, those in the bitmap with all PCRs. */
static int set_banks(struct tcg *t, uint32_t banks)
{
    struct tpm_reply reply;
    uint32_t count;
    struct wr w;
    struct rd r;
    int rc;

    /* The list stays in the response's half of the buffer meanwhile. */
    rc = tpm2_get_capability(t, TPM2_CAP_PCRS, 0, 64, &r);
    if (rc < 0)
        return rc;
    w = begin_platform(t, TPM2_CC_PCR_Allocate);
    count = rd_be32(&r);
    wr_be32(&w, count);
    for (uint32_t i = 0; i < count && !r.bad && !w.bad; i++) {
        uint16_t id = rd_be16(&r);
        uint8_t size = rd_u8(&r);
        const struct hash_alg *alg = hash_find(id);

        rd_skip(&r, size);
        wr_be16(&w, id);
        wr_u8(&w, size);
        for (unsigned j = 0; j < size; j++)
            wr_u8(&w, alg && banks & alg->bit ? 0xff : 0);
    }
    if (!rd_end(&r))
        return ERR_FORMAT;
    rc = tpm_do(t, &w, DURATION_LONG, &reply);
    if (rc < 0)
        return rc;
    rd_skip(&reply.body, 4);            /* size of the parameters */
    return rd_u8(&reply.body) == 1 ? 0 : ERR_DEVICE;    /* success: YES */
}

/*
 * Keep flags that say what is off in every boot.  A profile of libtpms can
 * leave out TPM2_HierarchyControl, and measured boot would fail closed over
 * them.  So it is tried, with what changes nothing: the platform's stays on.
 */
static int keep_off(struct tcg *t, struct tcg_ppi *ppi, uint32_t flags)
{
    struct wr w = begin_platform(t, TPM2_CC_HierarchyControl);
    int rc;

    wr_be32(&w, TPM2_RH_PLATFORM);
    wr_u8(&w, 1);
    rc = tpm2_do_auth(t, &w, DURATION_SHORT);
    return rc < 0 ? rc : ppi_store_flags(t, ppi, flags);
}

/* ------------------------------------------------------------------ steps */

static int run_step(struct tcg *t, struct tcg_ppi *ppi,
                    const struct ppi_op *op, unsigned i, uint32_t parameter)
{
    switch (op->step[i]) {
    case PPI_STEP12_ENABLE:
        return run12(t, TPM12_ORD_PhysicalEnable, -1);
    case PPI_STEP12_DISABLE:
        return run12(t, TPM12_ORD_PhysicalDisable, -1);
    case PPI_STEP12_ACTIVATE:
        return run12(t, TPM12_ORD_PhysicalSetDeactivated, 0);
    case PPI_STEP12_DEACTIVATE:
        return run12(t, TPM12_ORD_PhysicalSetDeactivated, 1);
    case PPI_STEP12_OWNER_ON:
        return run12(t, TPM12_ORD_SetOwnerInstall, 1);
    case PPI_STEP12_OWNER_OFF:
        return run12(t, TPM12_ORD_SetOwnerInstall, 0);
    case PPI_STEP12_CLEAR:
        return run12(t, TPM12_ORD_ForceClear, -1);
    case PPI_STEP20_ALLOW_CLEAR:
        return run20(t, TPM2_CC_ClearControl, 0);
    case PPI_STEP20_CLEAR:
        return run20(t, TPM2_CC_Clear, -1);
    case PPI_STEP20_CHANGE_EPS:
        return run20(t, TPM2_CC_ChangeEPS, -1);
    case PPI_STEP20_SET_BANKS:
        return set_banks(t, parameter);
    case PPI_STEP20_ALL_BANKS:
        return set_banks(t, ppi->supported);
    case PPI_STEP20_STORAGE_ONLY:
        return keep_off(
            t, ppi, (ppi->flags | PPI_F_ENDORSE_OFF) & ~PPI_F_STORAGE_OFF);
    case PPI_STEP_SET_FLAGS:
        if (op->flags & PPI_F_STORAGE_OFF)
            return keep_off(t, ppi, ppi->flags | op->flags);
        return ppi_store_flags(t, ppi, ppi->flags | op->flags);
    case PPI_STEP_CLEAR_FLAGS:
        return ppi_store_flags(t, ppi, ppi->flags & ~(uint32_t)op->flags);
    default:
        return ERR_PARAM;
    }
}

static uint32_t run_steps(struct tcg *t, struct tcg_ppi *ppi,
                          const struct ppi_op *op, uint32_t parameter)
{
    for (unsigned i = 0; i < PPI_STEPS_MAX && op->step[i]; i++) {
        int rc = run_step(t, ppi, op, i, parameter);

        if (rc == ERR_TPM && ppi->begun.tries && was_done12(t, op->step[i]))
            continue;
        if (rc == ERR_TPM && t->code && t->code < 0x1000)
            return t->code;
        if (rc < 0)
            return PPI_RSP_FAILURE;
    }
    return PPI_RSP_OK;
}

uint32_t ppi_execute(struct tcg *t, struct tcg_ppi *ppi,
                     const struct ppi_op *op, uint32_t parameter)
{
    struct ppi_note note = { .code = op->code };
    uint32_t response;

    if (ppi_check_parameter(ppi, op, parameter))
        return PPI_RSP_FAILURE;
    /* Without a note it is done all the same: only a cut would show. */
    if (op->step[1] && !ppi->begun.code)
        (void)ppi_store_note(t, ppi, note);
    response = run_steps(t, ppi, op, parameter);
    note = (struct ppi_note){ 0 };
    if (response == PPI_RSP_OK && op->next && ppi->begun.code)
        note = (struct ppi_note){ .code = ppi->begun.code, .second = true };
    if (ppi_store_note(t, ppi, note) < 0) {
        tcg_say(t, "the note about operation %u cannot be changed",
                (uint32_t)ppi->begun.code);
    }
    return response;
}
