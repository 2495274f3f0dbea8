/* SPDX-License-Identifier: MIT */
/*
 * An event log's replay for host tests, written apart from the writer.
 */
#ifndef REPLAY_H
#define REPLAY_H

#include <stdbool.h>
#include <stdint.h>

struct replay_event {
    uint32_t pcr, type, len;
    const uint8_t *data;
    uint8_t digest[8][64];
};

struct replay {
    bool agile;
    unsigned banks, count;
    uint16_t alg[8], size[8];
    uint8_t pcr[8][24][64];
    struct replay_event event[300];
    uint32_t used;              /* bytes of the log */
};

/* Returns NULL, or what is wrong with the log. */
const char *replay_log(struct replay *r, const uint8_t *log, uint32_t size);
/* The PCRs 0-23 of every bank against the TPM's. NULL or which differs. */
const char *replay_compare(const struct replay *r);
/* SHA digest of memory by OpenSSL-independent code under test's table. */
void digest_of(uint16_t alg, const void *p, uint32_t len, uint8_t *out);
/* The first event of a PCR and type at or after index from, or -1. */
int replay_find(const struct replay *r, unsigned from, uint32_t pcr,
                uint32_t type);

#endif
