/* SPDX-License-Identifier: MIT */
/*
 * The TPM module's face to the rest of the BIOS: start the TPM, measure,
 * log, hand over, answer INT 1Ah AH=BBh, resume from S3.  TPM 1.2 and 2.0,
 * over TIS (FIFO) or CRB.
 *
 * Leaves to others: where the log area, the SMBIOS and ACPI tables and the
 * option ROMs are, when things happen, and how text reaches a screen.  It
 * touches the machine through struct tcg_platform only, and builds unchanged
 * on the host.
 *
 * Specifications: TCG PC Client Specific Implementation Specification for
 * Conventional BIOS 1.21; PC Client Platform Firmware Profile 1.05; PC Client
 * Platform TPM Profile 1.05; TPM Main 1.2; TPM 2.0 Library 1.59.
 *
 * Order of calls in a POST:
 *
 *   tcg_start()                 as early as possible (POST only)
 *   tcg_hash()                  digests of what is gone or changed later
 *   tcg_cross_check()           when fw_cfg and ACPI are known (POST only)
 *   tcg_attach_log()            when the ACPI tables are linked (POST only)
 *   tcg_measure*()              S-CRTM version, POST code, SMBIOS, ACPI...
 *   tcg_before_third_party()    before the first option ROM runs (POST only)
 *   tcg_measure*()              option ROMs, menu
 *   tcg_handover()              before the first boot attempt (init or not)
 *   tcg_measure*()              boot attempts
 *   tcg_int1a()                 any time after tcg_attach_log()
 *
 * S3: tcg_resume() alone.  Every function may be called with a struct tcg whose
 * TPM is absent, unused or failed: it then does nothing and says so by its
 * result.  Functions marked POST only may be gone after POST, the others are
 * resident (in this firmware: in the TPM's overlay).
 */
#ifndef TCG_TCG_H
#define TCG_TCG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/err.h"
#include "tpmdev/platform.h"
#include "tpmdev/tpm_dev.h"

/* Banks that one log and one extend carry at most. */
#define TCG_MAX_BANKS       8
#define TCG_MAX_DIGEST      64

enum tcg_family { TCG_FAMILY_NONE, TCG_FAMILY_12, TCG_FAMILY_20 };

enum tcg_state {
    TCG_ABSENT,         /* there is no TPM */
    TCG_UNUSED,         /* there is one that somebody else started: not ours */
    TCG_STARTED,        /* running; no log yet, nothing can be measured */
    TCG_MEASURING,      /* running, the log (or its absence) is known */
    TCG_FAILED,         /* measured boot failed closed; see tcg_fail() */
};

/* A bank that is active in the TPM and that we hash for. */
struct tcg_bank {
    uint16_t alg;           /* TPM_ALG_ID */
    uint16_t size;          /* of its digest */
};

/* One event's digests, in the order of tcg.bank[]. */
struct tcg_digests {
    uint8_t value[TCG_MAX_BANKS][TCG_MAX_DIGEST];
};

/* Where the log is written; see log.h. */
struct tcg_log {
    uint8_t *area;          /* NULL: there is none */
    uint32_t size;          /* of the area */
    uint32_t used;          /* bytes written */
    uint32_t last;          /* offset of the last entry; valid if count != 0 */
    uint32_t count;         /* entries, the header entry included */
    bool full;              /* an event did not fit */
};

/*
 * All state of the module.  The caller supplies the memory, zeroed, and
 * reads nothing but the fields above the line.
 */
struct tcg {
    uint8_t state;          /* enum tcg_state */
    uint8_t family;         /* enum tcg_family */
    uint8_t interface;      /* enum tpm_interface */
    uint8_t bank_count;
    struct tcg_bank bank[TCG_MAX_BANKS];
    struct tcg_log log;
    uint32_t commands;      /* sent to the TPM since tcg_start() */
    /* ---- private ---- */
    struct tpm_dev dev;
    uint32_t duration_us[3];        /* short, medium, long commands */
    uint32_t code;                  /* of the TPM's last response */
    uint16_t separated;             /* bit n: PCR n has its separator */
    uint16_t flags;                 /* TCG_F_* of internal.h */
    uint32_t supported;             /* 2.0: its banks, by hash_alg.bit */
    uint8_t auth_len;               /* platformAuth that we have set */
    uint8_t strange_count;          /* active banks that we cannot hash */
    uint16_t strange[TCG_MAX_BANKS];
    uint8_t auth[32];
    uint32_t info[6];               /* for the status line, family-specific */
    uint8_t buf[1024];              /* the command, then its response */
};

/* ------------------------------------------------------------------ start */

/*
 * Find the TPM and start it: TPM2_Startup(CLEAR) or TPM_Startup(ST_CLEAR),
 * begin its self-test without waiting for the end, learn the active banks.
 * Fills *t from nothing.  Resident.
 *
 * Returns 0: the TPM is ours.  ERR_ABSENT: no TPM (a few MMIO reads, nothing
 * printed).  Other errors: a TPM is there and is not used, the reason has been
 * printed.
 */
int tcg_start(struct tcg *t, const struct tcg_platform *p);

/* What QEMU says about the TPM, each in its place. */
struct tcg_promise {
    uint32_t config_size;   /* of fw_cfg etc/tpm/config, 0: no such file */
    uint8_t version;        /* there: 1 is 1.2, 2 is 2.0, 0 unspecified */
    bool tpm2, tcpa;        /* the ACPI tables that there are */
    uint32_t start_method;  /* in the former */
};

/*
 * Compare what the hardware says with what QEMU promised.  A contradiction is
 * printed; the hardware is believed.  After tcg_start(), whatever came of it.
 * POST only.
 *
 * Returns the number of contradictions.
 */
int tcg_cross_check(struct tcg *t, const struct tcg_promise *p);

/*
 * Take the log area (reserved in E820, zeroed by whoever allocated it or not:
 * the area is zeroed here) and write the header entry.  area NULL or size 0:
 * there is no log; PCRs are extended nevertheless and one line is printed.
 * Measuring is possible from here on.  POST only.
 */
int tcg_attach_log(struct tcg *t, uint8_t *area, uint32_t size);

/* The TPM is there, ours and trusted: measurements have an effect. */
static inline bool tcg_usable(const struct tcg *t)
{
    return t->state == TCG_STARTED || t->state == TCG_MEASURING;
}

/*
 * One line about the TPM, no newline, NUL-terminated, at most cap bytes:
 *   "TPM 2.0 (IBM, firmware 2023.02.13) by CRB; banks SHA1 SHA256"
 * Empty when there is no TPM.  May ask the TPM for its properties, once.
 * POST only.
 */
void tcg_status_line(struct tcg *t, char *text, size_t cap);

/* ---------------------------------------------------------------- measure */

/* Data in pieces; they are hashed as one string of bytes. */
struct tcg_piece {
    const void *at;
    uint32_t len;
};

/*
 * What can be measured: one row each in measure.c's policy table, which
 * holds the PCR, the event type, what is hashed and what is logged.
 * "data" is what the caller supplies; "num" and "text" as named below.
 */
enum tcg_event {
    TCG_CRTM_VERSION,       /* PCR0: data = the version string, no NUL */
    TCG_POST_CODE,          /* PCR0: data = the BIOS image */
    TCG_SMBIOS,             /* PCR1: use tcg_measure_smbios() */
    TCG_ACPI,               /* PCR1: data = the tables, normalised */
    TCG_BOOT_ORDER,         /* PCR1: data = the file bootorder, one piece */
    TCG_SMI_TIMERS,         /* PCR1: "SMI timers outlive a reset" */
    TCG_SETUP_ENTERED,      /* PCR1: "Entering ROM Based Setup" */
    TCG_ROM_SCAN,           /* PCR2: "Start Option ROM Scan" */
    TCG_OPTION_ROM,         /* PCR2: data = image, num = bus<<8|dev<<3|fn */
    TCG_CALLING_INT19,      /* PCR4: done by tcg_handover() */
    TCG_BOOT_INTERVENTION,  /* PCR4: "Boot Sequence User Intervention" */
    TCG_BOOT_BCV,           /* PCR4: text = the device */
    TCG_BOOT_BEV,           /* PCR4: text = the device */
    TCG_BOOT_CD,            /* PCR4: text = the device */
    TCG_IPL_MBR,            /* PCR4: data = 440 bytes of code */
    TCG_IPL_CD,             /* PCR4: data = the El Torito image as loaded */
    TCG_IPL_OTHER,          /* PCR4: data = code, text = what it is */
    TCG_RETURNED_INT19,     /* PCR4: "Returned INT 19h" */
    TCG_RETURN_INT18,       /* PCR4: "Return via INT 18h" */
    TCG_PARTITION_TABLE,    /* PCR5: data = the 72 bytes behind it */
    TCG_BOOT_CATALOG,       /* PCR5: data = the catalog sector(s) */
    TCG_IPL_DATA,           /* PCR5: data, text = what it is (cmdline) */
    TCG_LINUX_CMDLINE,      /* PCR8: data = it without NUL, one piece */
    TCG_LINUX_FILE,         /* PCR9: data = kernel, initrd; text = which */
    TCG_EVENT_COUNT
};

/*
 * Measure: hash the data once for every active bank, extend, log.
 *
 * num and text are used by the events that name them; else 0 and NULL.  text
 * is cut after 64 characters; bytes that are not printable become '?'.
 *
 * Returns 0 (logged and extended, or extended only when there is no log),
 * ERR_ABSENT without a usable TPM, ERR_PARAM before tcg_attach_log(),
 * ERR_SPACE when the log is full (it was extended), another error when the
 * extend failed: measured boot is then closed (tcg_fail() has run).
 */
int tcg_measure(struct tcg *t, enum tcg_event ev,
                const struct tcg_piece *piece, unsigned count,
                uint32_t num, const char *text);

/* The same for one piece and no number or text. */
int tcg_measure_bytes(struct tcg *t, enum tcg_event ev, const void *data,
                      uint32_t len);

/* An event without data, such as an action. */
int tcg_measure_action(struct tcg *t, enum tcg_event ev, const char *text);

/*
 * For data that will be gone or changed when the log can be written (the
 * ACPI files before their pointers are patched): hash now, any time after
 * tcg_start(), into memory of the caller ...
 */
int tcg_hash(struct tcg *t, const struct tcg_piece *piece, unsigned count,
             struct tcg_digests *d);
/* ... and measure later. d must come from tcg_hash() of the same POST. */
int tcg_measure_hashed(struct tcg *t, enum tcg_event ev,
                       const struct tcg_digests *d, uint32_t num,
                       const char *text);

/* tcg_measure_hashed(), and *d is used up. */
int tcg_measure_taken(struct tcg *t, enum tcg_event ev,
                      struct tcg_digests *d, uint32_t num, const char *text);

/*
 * PCR1: the SMBIOS structure table, without what differs between identical
 * machines (UUID, serial numbers, asset tags; docs/tcg.md has the table).  The
 * table is not changed; any bytes are safe.  POST only.
 */
int tcg_measure_smbios(struct tcg *t, const void *table, uint32_t len);

/*
 * PCR1: ACPI tables as QEMU delivers them (best before the linker patches
 * them), one fw_cfg file or table area per piece.  What depends on addresses
 * and RAM size is left out (docs/tcg.md).  Hash with this when the bytes are
 * there, any time after tcg_start(), and measure with tcg_measure_hashed(t,
 * TCG_ACPI, ...).  The tables are not changed; any bytes are safe.  POST only.
 */
int tcg_hash_acpi(struct tcg *t, const struct tcg_piece *piece,
                  unsigned count, struct tcg_digests *d);
/* Both at once. */
int tcg_measure_acpi(struct tcg *t, const struct tcg_piece *piece,
                     unsigned count);

/* ----------------------------------------------------------- trust limits */

/*
 * Before code that is not ours runs for the first time in this POST (option
 * ROMs): TPM 2.0 platformAuth becomes random; the copy for the menu and PPI
 * lives in *t until tcg_handover().  POST only.
 */
int tcg_before_third_party(struct tcg *t);

/*
 * POST is over: physical presence is locked (1.2), our platformAuth is
 * forgotten (2.0), "Calling INT 19h" and the separators of PCR 0-7 are
 * measured.  Once; later calls do nothing.  Resident.
 */
int tcg_handover(struct tcg *t);

/*
 * The one way down: measured boot cannot be trusted any more.  Caps PCR 0-7
 * with the error separator as far as the TPM still answers, disables the TPM
 * (1.2: TPM_SetTempDeactivated; 2.0: all hierarchies off), prints why, and
 * makes every later call fail.  why is a sentence without newline.  Resident.
 */
void tcg_fail(struct tcg *t, const char *why);

/* ----------------------------------------------------------------- resume */

enum tcg_resumed {
    TCG_RESUME_RESTORED,    /* TPM state is that of before the sleep */
    TCG_RESUME_CAPPED,      /* it was lost: capped, disabled, resume anyway */
    TCG_RESUME_FAILED,      /* so, but not all of it worked (printed) */
    TCG_RESUME_UNUSED,      /* somebody else had started the TPM already */
    TCG_RESUME_DEAD,        /* the TPM does not answer (printed) */
};

/*
 * S3 resume, before the OS's waking vector: everything that tcg_start() does
 * but for the kind of Startup, and the answer to a TPM that lost its state.
 * Leaves no platform authorisation behind.  log is the area the ACPI table
 * named at POST (its bytes are not believed), or NULL: when the TPM has lost
 * its state, that and the error separators go there.  A wake-up as such is not
 * logged: the OS has its own copy of the log since it started, and the sleep
 * shows in the restartCount of every TPM 2.0 quote.  Resident.
 *
 * Returns an enum tcg_resumed, or ERR_ABSENT without TPM.
 */
int tcg_resume(struct tcg *t, const struct tcg_platform *p, uint8_t *log,
               uint32_t log_size);

/* ---------------------------------------------------------------- INT 1Ah */

/*
 * The registers of an INT 1Ah AH=BBh caller.  es_di and ds_si are the linear
 * addresses (segment * 16 + 16-bit offset); the 32-bit registers are the
 * caller's in full.  The outputs replace them; cf is the carry flag.
 */
struct tcg_regs {
    uint32_t eax, ebx, ecx, edx, esi, edi;
    uint32_t es_di, ds_si;
    bool cf;
};

/* Answer one call; always returns, within the TPM's time-outs.  Resident. */
void tcg_int1a(struct tcg *t, struct tcg_regs *r);

#endif
