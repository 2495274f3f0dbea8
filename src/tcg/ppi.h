/* SPDX-License-Identifier: MIT */
/*
 * The physical presence interface: what an OS asked for, at POST.  POST only.
 *
 *   tcg_ppi_capture()      after tcg_start(), before any third-party code:
 *                          the request is read once and cleared, func[] is
 *                          filled for the OS
 *   tcg_ppi_run()          when a person can see and answer, after
 *                          tcg_before_third_party(), before tcg_handover():
 *                          confirm, execute, answer; applies the turned-off
 *                          state in every boot
 *
 * The region is memory that the OS writes: nothing in it is believed.  An
 * operation of several steps or two boots is noted in the TPM before it
 * begins and struck out at its end, so that the next start finishes one that
 * was cut short.  Without that note (the TPM would not keep it) the second
 * half is known from the region only, and confirmed again.
 *
 * TCG PC Client Physical Presence Interface Specification 1.30; QEMU
 * docs/specs/tpm.rst.
 */
#ifndef TCG_PPI_H
#define TCG_PPI_H

#include "tcg/tcg.h"

/* Who may confirm: fw_cfg opt/org.keelbios/ppi-policy. */
enum ppi_policy { PPI_CONFIRM, PPI_ALLOW, PPI_DENY };

/* An operation that was confirmed and begun; kept by the TPM. */
struct ppi_note {
    uint8_t code;               /* 0: none */
    bool second;                /* its second half is due */
    uint8_t tries;              /* starts that took it up again */
};

struct tcg_ppi {
    bool present;               /* there is a region */
    uint8_t policy;             /* enum ppi_policy */
    uint8_t next;               /* operation whose second half is due, or 0 */
    uint32_t request;           /* captured, already cleared; 0: none */
    uint32_t parameter;
    uint32_t flags;             /* PPI_F_* in force */
    struct ppi_note begun;
    uint32_t supported;         /* 2.0: banks, by hash_alg.bit */
    uint16_t timeout_s;         /* of the confirmation */
};

/* Kept by the TPM: confirmation needed for, and what is turned off. */
#define PPI_F_CLEAR         (1u << 0)
#define PPI_F_TURN_ON       (1u << 1)
#define PPI_F_TURN_OFF      (1u << 2)
#define PPI_F_CHANGE_EPS    (1u << 3)
#define PPI_F_CHANGE_PCRS   (1u << 4)
#define PPI_F_PROVISION     (1u << 5)   /* 1.2 */
#define PPI_F_MAINTENANCE   (1u << 6)   /* 1.2; no operation depends on it */
#define PPI_F_STORAGE_OFF   (1u << 8)
#define PPI_F_ENDORSE_OFF   (1u << 9)

#define PPI_RSP_OK          0u
#define PPI_RSP_ABORT       0xfffffff0u
#define PPI_RSP_FAILURE     0xfffffff1u

/* A step of an operation. */
enum ppi_step {
    PPI_STEP_END,
    PPI_STEP12_ENABLE, PPI_STEP12_DISABLE, PPI_STEP12_ACTIVATE,
    PPI_STEP12_DEACTIVATE, PPI_STEP12_OWNER_ON, PPI_STEP12_OWNER_OFF,
    PPI_STEP12_CLEAR,
    PPI_STEP20_ALLOW_CLEAR, PPI_STEP20_CLEAR, PPI_STEP20_CHANGE_EPS,
    PPI_STEP20_SET_BANKS, PPI_STEP20_ALL_BANKS, PPI_STEP20_STORAGE_ONLY,
    PPI_STEP_SET_FLAGS, PPI_STEP_CLEAR_FLAGS,
};

#define PPI_STEPS_MAX       5

struct ppi_op {
    uint8_t code;
    uint8_t family;             /* enum tcg_family */
    uint16_t confirm;           /* PPI_F_*: any set needs confirmation */
    bool always;                /* it needs confirmation whatever is set */
    bool destroys;              /* keys or data are lost: F12 */
    bool reset;                 /* the platform is reset after success */
    uint8_t next;               /* what follows after that reset */
    uint16_t flags;             /* for the steps that change flags */
    uint8_t step[PPI_STEPS_MAX];
    const char *text;           /* "This will ..." */
};

/* Row i of the table, or NULL past the end. */
const struct ppi_op *ppi_at(unsigned i);
/* The row of an operation for the TPM's family, or NULL. */
const struct ppi_op *ppi_find(enum tcg_family family, uint32_t code);

/* The row that sets or clears one confirmation flag, or NULL. */
const struct ppi_op *ppi_find_flag(enum tcg_family family, uint16_t flag,
                                   bool set);

/* Confirmation needed, by the flags in force? */
bool ppi_needs_confirmation(const struct tcg_ppi *ppi,
                            const struct ppi_op *op);

/*
 * Execute the steps of an operation, confirmed before.  Several of them are
 * noted as begun meanwhile, as far as the TPM keeps notes; one with a second
 * half stays noted.  Returns the PPI's response: 0, the TPM's code or
 * PPI_RSP_FAILURE.
 */
uint32_t ppi_execute(struct tcg *t, struct tcg_ppi *ppi,
                     const struct ppi_op *op, uint32_t parameter);

/* Is an operation's parameter acceptable?  If not, the reason. */
const char *ppi_check_parameter(const struct tcg_ppi *ppi,
                                const struct ppi_op *op, uint32_t parameter);

/* Flags and the note as the TPM keeps them; defaults and none when it keeps
 * nothing (ppi_nv_post.c). */
void ppi_load(struct tcg *t, struct tcg_ppi *ppi);
/* Return 0 or an error; *ppi has what is new on success only. */
int ppi_store_flags(struct tcg *t, struct tcg_ppi *ppi, uint32_t flags);
int ppi_store_note(struct tcg *t, struct tcg_ppi *ppi, struct ppi_note note);

/* What the region says now: for people, not to be believed. */
struct ppi_region {
    uint32_t request, parameter;    /* pending */
    uint32_t last, response;        /* the last one executed */
    uint8_t next;                   /* see struct tcg_ppi */
};
void ppi_region(struct tcg *t, struct ppi_region *region);
/* Drop what is pending; func[] anew. */
void ppi_region_clear(struct tcg *t, const struct tcg_ppi *ppi);

/* A line of bank names behind head; the active banks as a bitmap. */
void ppi_put_banks(struct tcg *t, const char *head, uint32_t banks);
uint32_t ppi_active_banks(const struct tcg *t);

/* End the TPM's session in good order and reset; returns in tests only. */
void ppi_reset(struct tcg *t);

/* See above. Returns 0, or ERR_ABSENT without TPM or without region. */
int tcg_ppi_capture(struct tcg *t, struct tcg_ppi *ppi);
/*
 * Returns true if the platform must be reset and plat->reset returned; nothing
 * else may then be started.
 */
bool tcg_ppi_run(struct tcg *t, struct tcg_ppi *ppi);

#endif
