/* SPDX-License-Identifier: MIT */
/*
 * A real TPM in this process: libtpms, with its NV memory in RAM.
 */
#ifndef REALTPM_H
#define REALTPM_H

#include <stdbool.h>
#include <stdint.h>

/* A TPM as from the factory, then power on; 1 for 1.2, 2 for 2.0. */
void realtpm_new(int version);
/* Power off and on, or the reset line: _TPM_Init.  NV memory stays. */
void realtpm_reset(void);
void realtpm_end(void);

/* For struct fakehw. arg is not used. */
int realtpm_exec(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                 uint32_t cap);
/* The same, but no answer makes sense. */
int realtpm_garble(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                   uint32_t cap);
/* The same, but it says that another manufacturer has made it. */
int realtpm_other(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                  uint32_t cap);

/* Send a command given as hex digits; its response code. */
uint32_t realtpm_hex(const char *hex);
/* Read a PCR (1.2: alg 4). Returns its size, 0 if the bank is not active. */
unsigned realtpm_pcr(uint16_t alg, uint32_t pcr, uint8_t *value);
/* A TPM 2.0 property's value. */
uint32_t realtpm_property(uint32_t property);

#endif
