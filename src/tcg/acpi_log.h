/* SPDX-License-Identifier: MIT */
/*
 * Where an ACPI table of the TPM, TPM2 or TCPA, says that the event log is.
 * The table's bytes are not believed: what is read lies within its length.
 * POST only.
 *
 * TCG ACPI Specification 1.4, 7 and 8.
 */
#ifndef TCG_ACPI_LOG_H
#define TCG_ACPI_LOG_H

#include <stdint.h>

struct tcg_acpi_log {
    uint64_t size;              /* LAML: what it has at the least */
    uint64_t address;           /* LASA */
};

/*
 * The offset of LASA, which has 64 bits, in such a table of len bytes.  0 for
 * another table, for a revision or platform class that is not known, and for a
 * table that ends before it.
 */
uint32_t tcg_acpi_lasa_at(const uint8_t *table, uint32_t len);

/*
 * The log that the table names.  Returns 0; ERR_FORMAT for a revision or a
 * platform class without a known place for it; ERR_SPACE for a table that ends
 * before that; ERR_ABSENT when the size or the address there is 0.
 */
int tcg_acpi_log(const uint8_t *table, uint32_t len, struct tcg_acpi_log *log);

#endif
