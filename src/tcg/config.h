/* SPDX-License-Identifier: MIT */
/*
 * What QEMU says about the TPM in fw_cfg's file etc/tpm/config: the one place
 * that knows its format.
 *
 * QEMU docs/specs/tpm.
 */
#ifndef TCG_CONFIG_H
#define TCG_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/cursor.h"

#define TCG_CONFIG_FILE     "etc/tpm/config"
#define TCG_CONFIG_SIZE     6u

struct tcg_config {
    uint32_t ppi_address;       /* of the physical presence region; 0: none */
    uint8_t version;            /* 1: TPM 1.2, 2: TPM 2.0, 0: not said */
    uint8_t ppi_version;        /* 1: PPI 1.30 */
};

/* From the file's bytes, of which there are size; false when that is not what
 * the file has. */
static inline bool tcg_config_read(const uint8_t *bytes, int size,
                                   struct tcg_config *c)
{
    struct rd r = rd_from(bytes, TCG_CONFIG_SIZE);

    if (size != (int)TCG_CONFIG_SIZE)
        return false;
    c->ppi_address = rd_le32(&r);
    c->version = rd_u8(&r);
    c->ppi_version = rd_u8(&r);
    return true;
}

#endif
