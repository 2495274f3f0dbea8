/* SPDX-License-Identifier: MIT */
/*
 * What the files of src/tcg share and nobody else uses.
 */
#ifndef TCG_INTERNAL_H
#define TCG_INTERNAL_H

#include "hash/hash.h"
#include "lib/cursor.h"
#include "tcg/multihash.h"
#include "tcg/tcg.h"

/* struct tcg.flags */
#define TCG_F_AUTH_SET      (1u << 0)   /* platformAuth is tcg.auth */
#define TCG_F_AUTH_GONE     (1u << 1)   /* ... which we have forgotten */
#define TCG_F_HANDED_OVER   (1u << 2)
#define TCG_F_INT1A_CLOSED  (1u << 3)   /* TCG_ShutdownPreBootInterface */
#define TCG_F_LOG_SAID      (1u << 4)   /* the log's overflow was reported */
#define TCG_F_PRESENCE      (1u << 5)   /* 1.2: physical presence asserted */
#define TCG_F_INFO          (1u << 6)   /* tcg.info is filled */
#define TCG_F_GIVEN_UP      (1u << 7)   /* nobody can act as the platform */
#define TCG_F_FOREIGN       (1u << 8)   /* somebody else started the TPM */
#define TCG_F_RESUMED       (1u << 9)   /* its state is of before a sleep */
#define TCG_F_PPI           (1u << 11)  /* there is the PPI's memory */
#define TCG_F_AUTH_UNSURE   (1u << 10)  /* the TPM may have the empty one */

#define TCG_PCR_COUNT       24
#define TCG_BIOS_PCRS       8           /* PCR 0-7 are the BIOS's */

/* Event types. TCG conventional BIOS 1.21, 11.3.1 */
#define EV_POST_CODE                0x01u
#define EV_NO_ACTION                0x03u
#define EV_SEPARATOR                0x04u
#define EV_ACTION                   0x05u
#define EV_EVENT_TAG                0x06u
#define EV_S_CRTM_VERSION           0x08u
#define EV_PLATFORM_CONFIG_FLAGS    0x0au
#define EV_COMPACT_HASH             0x0cu
#define EV_IPL                      0x0du
#define EV_IPL_PARTITION_DATA       0x0eu

/* ------------------------------------------------------------- talk.c */

/*
 * One line to the console, "TPM: " before and a newline after it; the second
 * form goes to port 402h only.  Formats: %s %c %u %x, no widths; %X is eight
 * hexadecimal digits.  Cut after 160 characters.
 */
void tcg_say(struct tcg *t, const char *fmt, ...);
void tcg_debug(struct tcg *t, const char *fmt, ...);

/*
 * The same into memory, always NUL-terminated if cap > 0; bytes of %s that
 * are not printable ASCII become '?'.  Returns the length written.
 */
size_t tcg_format(char *buf, size_t cap, const char *fmt, ...);

/* Words for an enum err. */
const char *tcg_err_text(int err);

/* ---------------------------------------------------------- command.c */

enum tcg_duration { DURATION_SHORT, DURATION_MEDIUM, DURATION_LONG };

/* A well-formed response. body is what follows the header. */
struct tpm_reply {
    uint16_t tag;
    uint32_t rc;
    struct rd body;
};

/* Begin a command in t->buf: its header. tpm_run() fills in the size. */
struct wr tpm_begin(struct tcg *t, uint16_t tag, uint32_t code);

/*
 * Send a command and receive its response, again while the TPM asks for it
 * (RETRY, TESTING and such), within bounds.
 *
 * Returns 0 when a well-formed response arrived, whatever reply->rc says;
 * else a transport error (never ERR_SPACE) or ERR_PARAM when w is bad.
 * reply->body is valid until the next command.
 */
int tpm_run(struct tcg *t, struct wr *w, enum tcg_duration d,
            struct tpm_reply *reply);

/* After ERR_TIMEOUT of tpm_run(): wait longer for the same response. */
int tpm_wait_on(struct tcg *t, uint32_t wait_us, struct tpm_reply *reply);

/* tpm_run(), and ERR_TPM unless the response code is 0. */
int tpm_do(struct tcg *t, struct wr *w, enum tcg_duration d,
           struct tpm_reply *reply);

/* Send a command and leave; the next one waits for its end. */
int tpm_send_only(struct tcg *t, struct wr *w, enum tcg_duration d);

/*
 * A command as a caller built it, any response as the TPM gave it; both may
 * be the same memory.  Returns the response's length or an error.
 */
int tpm_pass(struct tcg *t, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
             uint32_t cap);

/* ------------------------------------------------- tpm20.c and tpm12.c */

/* The data of a capability, past its id; valid until the next command. */
int tpm2_get_capability(struct tcg *t, uint32_t cap, uint32_t property,
                        uint32_t count, struct rd *data);
int tpm12_get_capability(struct tcg *t, uint32_t area, uint32_t sub,
                         struct rd *data);
/* The authorisation that a handle needs: platformAuth, or an empty one. */
void tpm2_put_auth_area(const struct tcg *t, struct wr *w, uint32_t handle);
/* A command's only handle and its authorisation. */
void tpm2_put_auth(const struct tcg *t, struct wr *w, uint32_t handle);
/* tpm_do() of a command with one authorisation and no results. */
int tpm2_do_auth(struct tcg *t, struct wr *w, enum tcg_duration d);
/* Was a wrong authorisation the reason of the last ERR_TPM? */
bool tpm2_auth_refused(const struct tcg *t);
int tpm2_extend(struct tcg *t, uint32_t pcr, const struct tcg_digests *d);
int tpm2_extend_one(struct tcg *t, uint32_t pcr, uint16_t alg,
                    const uint8_t *digest, size_t size);
/* Extend every active bank by its digest of the error separator. */
int tpm2_error_event(struct tcg *t, uint32_t pcr);
int tpm2_hierarchy_off(struct tcg *t, uint32_t hierarchy);

int tpm12_extend(struct tcg *t, uint32_t pcr, const uint8_t *digest);
/* Give physical presence up for good; fine if that was done before. */
int tpm12_lock_presence(struct tcg *t);
int tpm12_presence(struct tcg *t, uint16_t bits);
int tpm12_temp_deactivate(struct tcg *t);

/* Extend every bank by its digest. Returns 0 or an error; nothing else. */
int tpm_extend(struct tcg *t, uint32_t pcr, const struct tcg_digests *d);

/* -------------------------------------------------------------- log.c */

/* Take the area and zero it. */
void tcglog_init(struct tcg_log *log, uint8_t *area, uint32_t size);

/*
 * The header entry, which only a TPM 2.0's log has.  Returns 0, or ERR_SPACE
 * for an area that is too small.
 */
int tcglog_header(struct tcg *t);

/*
 * Append an entry; d NULL means digests of zeros (EV_NO_ACTION).  Nothing is
 * written unless all of it fits and the area keeps at least one byte of
 * zero after it.  Returns 0, or ERR_SPACE: log->full is then set, and an
 * entry for which room was kept, EV_NO_ACTION "KeelBIOS full", ends the log.
 * Without an area it returns 0 and does nothing.
 */
int tcglog_append(struct tcg *t, uint32_t pcr, uint32_t type,
                  const struct tcg_digests *d,
                  const struct tcg_piece *data, unsigned count);

/*
 * Take a log that an earlier boot wrote, to append to it.  Its bytes are not
 * believed: it must begin as ours do and is followed as far as it keeps
 * the format.  Returns 0 or ERR_FORMAT; then *t is unchanged.
 */
int tcglog_adopt(struct tcg *t, uint8_t *area, uint32_t size);

/* ----------------------------------------------------------- record.c */

/*
 * Extend and log; says so if either fails and nothing had failed before.
 * Returns ERR_SPACE for an event that was extended but does not fit into the
 * log.  Does not call tcg_fail().
 */
int tcg_extend_and_log(struct tcg *t, uint32_t pcr, uint32_t type,
                       const struct tcg_digests *d,
                       const struct tcg_piece *data, unsigned count);
/* What an error separator's event data is. */
extern const uint8_t tcg_error_separator[4];
/* The separator of one PCR: normal, or the one that tells of an error. */
int tcg_separator(struct tcg *t, uint32_t pcr, bool error);

/* ------------------------------------------------------------ trust.c */

#define TCG_PCRS_BIOS   0x0000ffu       /* PCR 0-7 */
#define TCG_PCRS_ALL    0x81ffffu       /* all that locality 0 can extend */

/*
 * Cap PCRs (bit n: PCR n) with the error separator, disable the TPM, say what
 * came of it.  The state is TCG_FAILED afterwards.  Returns 0 if all worked.
 */
int tcg_cap_and_disable(struct tcg *t, uint32_t pcrs);
/* By its last answer: then it does nothing at all until its next reset. */
bool tcg_in_failure_mode(const struct tcg *t);
/*
 * After this nothing can act as the platform before the next reset: physical
 * presence is locked (1.2), platformAuth is a secret or its hierarchy is off
 * (2.0).  Once; it is idempotent.  Returns 0 or an error.
 */
int tcg_give_up_platform(struct tcg *t);
/* Wipe platformAuth wherever we have put it: here, in the command's buffer and
 * in the interface's. */
void tcg_forget_auth(struct tcg *t);

/* ---------------------------------------------------------- started.c */

/*
 * Are PCR 0-7 of all active banks as a start-up leaves them?  Learns the banks.
 * False as well when the TPM does not say.
 */
bool tcg_is_untouched(struct tcg *t);
/* Is it libtpms, the TPM of a virtual machine?  False when it does not say. */
bool tcg_is_emulated(struct tcg *t);

/* ---------------------------------- startup.c, tpm20_start.c, tpm12_start.c */

/* Find the interface; fills t->dev and t->family. As tcg_start() returns. */
int tcg_detect(struct tcg *t, const struct tcg_platform *p);
/*
 * Before foreign code runs: a TPM that had not answered in time, and was given
 * up for it, may have ended its command by now, or within wait_us.  It is
 * capped and disabled.  Nothing is waited for when no command is late.
 */
void tcg_look_again(struct tcg *t, uint32_t wait_us);
/* Before a boot: what comes to life later is the OS's to start. */
#define TCG_LAST_WAIT_US    15000000u
/* Startup of either family: CLEAR, or STATE. rc is the TPM's answer. */
int tcg_startup(struct tcg *t, bool state, uint32_t *rc);
/*
 * What follows a Startup that worked.  physical presence (1.2) is asserted
 * unless the OS's session goes on.
 */
int tcg_after_startup(struct tcg *t, bool presence);

int tpm2_startup(struct tcg *t, bool state, uint32_t *rc);
int tpm2_learn_banks(struct tcg *t);
int tpm2_start_selftest(struct tcg *t);
/* Cap PCRs (bit n: PCR n) of the active banks that we cannot hash for. */
int tpm2_cap_strange(struct tcg *t, uint32_t pcrs);
/*
 * Give the platform hierarchy a random authorisation.  ERR_ABSENT: there are
 * no random numbers, and nothing was changed.  After other errors than that and
 * ERR_TPM the TPM may have it or not: TCG_F_AUTH_SET is set then as well, and
 * TCG_F_AUTH_UNSURE.
 */
int tpm2_set_random_auth(struct tcg *t);
/*
 * The same for a TPM whose platform hierarchy may have a secret that nobody in
 * this machine knows: then ours is refused, which is as good.  Without random
 * numbers the platform hierarchy is turned off.
 */
int tpm2_renew_auth(struct tcg *t);

int tpm12_startup(struct tcg *t, bool state, uint32_t *rc);
/* Time-outs learned, self-test begun. */
int tpm12_begin(struct tcg *t);
/* TCG_F_PRESENCE tells whether the TPM accepts it. Returns transport errors. */
int tpm12_assert_presence(struct tcg *t);

#endif
