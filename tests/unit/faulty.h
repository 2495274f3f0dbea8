/* SPDX-License-Identifier: MIT */
/*
 * A POST or a resume whose TPM answers what a real one answered before, but
 * for one fault.
 *
 *   record(kind)      a good POST against libtpms; its answers are the script
 *   fault = ...       what is wrong, from which command on
 *   replay_post(kind) the same POST by the script, with the fault
 */
#ifndef FAULTY_H
#define FAULTY_H

#include "fakehw.h"
#include "replay.h"

enum fault_kind {
    NONE, CUT, CUT_FITTING, CODE, LOST, GARBAGE, LONGER, WRONG_TAG,
};

/* The fault: in the answers to so many commands, from number at (0..) on. */
struct fault {
    enum fault_kind kind;
    unsigned at, times;
    uint32_t value;         /* length, code, byte: as the kind needs it */
    bool repeating;         /* it asks for the same command again */
};
#define FOR_EVER        1000000u
extern struct fault fault;

/* What the real TPM answered, command by command. */
#define COMMANDS_MAX    80
struct answer { uint32_t code, len; uint8_t rsp[1024]; };
extern struct answer script[COMMANDS_MAX];
extern unsigned script_len;

/* The machine under test. */
extern struct fakehw hw;
extern struct tcg t;
extern struct replay rp;
extern uint8_t log_area[0x3000];

/* The interfaces to be tested, and the version of the TPM behind each. */
#define KINDS           3
extern const enum fake_kind kinds[KINDS];
int version_of(enum fake_kind kind);

/* Record a POST, or a resume from S3, which must work. */
void record(enum fake_kind kind);
void record_resume(enum fake_kind kind);

/* The machine anew, and the script from its beginning. */
void restart(enum fake_kind kind);
/* ... and all of POST. */
void replay_post(enum fake_kind kind);
/* Did the fault change an answer? */
bool fault_hit(void);
/* How often a command was sent. */
unsigned sent(uint32_t code);

/* Is the event log, if there is one, well formed?  Read into rp. */
bool log_ok(void);

/* For struct fakehw: the script's answers. */
int script_exec(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                uint32_t cap);

/* Parts of commands and responses. */
uint32_t code_of(const uint8_t *cmd);
void set_size(uint8_t *rsp, uint32_t n);
/* A response of an error code: its length. */
int error_response(uint8_t *rsp, uint32_t code);

#endif
