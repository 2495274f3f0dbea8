/* SPDX-License-Identifier: MIT */
/*
 * A machine with a TPM at register level, for host tests: a FIFO or CRB
 * interface, a clock that moves when the code waits, captured console text.
 * What the TPM answers comes from a function: a script or libtpms.
 */
#ifndef FAKEHW_H
#define FAKEHW_H

#include "tcg/internal.h"

enum fake_kind { FAKE_NONE, FAKE_TIS12, FAKE_TIS20, FAKE_CRB, FAKE_FLOATING };

#define FAKE_NO_ANSWER  (-1)

/* Runs a command; the response's length (bytes on the wire) or NO_ANSWER. */
typedef int (*fake_exec)(void *arg, const uint8_t *cmd, uint32_t len,
                         uint8_t *rsp, uint32_t cap);

struct fakehw {
    enum fake_kind kind;
    struct tcg_platform plat;
    fake_exec exec;
    void *arg;

    /* how it behaves */
    uint32_t burst;                 /* TIS: bytes per burst; 0: as many */
    uint32_t busy_us;               /* how long each command takes */
    uint32_t slow_first_us;         /* ... and the first one, if not 0 */
    uint32_t id_override;           /* interface id register, if not 0 */
    uint32_t crb_size;              /* reported buffer size, if not 0 */
    uint32_t crb_at;                /* reported buffer address, if not 0 */
    uint32_t intf_cap;              /* TIS: register, if not 0 */
    uint32_t did_vid;               /* TIS: register, if not 0 */
    bool never_granted, never_ready, no_burst;
    bool always_expect, fatal, never_idle, registers_zero;
    bool no_cancel;                 /* commands cannot be cancelled */
    unsigned lose_bytes;            /* TIS: that many FIFO writes are lost */
    unsigned bad_reads;             /* TIS: so many responses end early */
    unsigned hurry;                 /* waiting goes so many times faster */
    unsigned dead_after;            /* accesses until all is FFh; 0: never */

    /* what happened */
    uint64_t now;
    unsigned accesses, commands;
    char out[16384];                /* console text */
    char dbg[16384];
    uint32_t codes[256];            /* command codes in order */
    unsigned code_count;
    const char *keys;               /* read_key answers these, then none */
    unsigned resets;

    /* registers */
    bool active, started, done;
    int state;
    uint64_t done_at;
    uint8_t cmd[4096], rsp[8192];
    uint32_t cmd_len, rsp_len, rsp_full, rsp_at;
    uint8_t crb[0x1000];
};

void fakehw_init(struct fakehw *h, enum fake_kind kind, fake_exec exec,
                 void *arg);

#endif
