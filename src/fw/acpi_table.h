/* SPDX-License-Identifier: MIT */
/*
 * Shared by acpi.c (loads), acpi_find.c (looks up) and acpi_resume.c (what
 * stays).
 */
#ifndef FW_ACPI_TABLE_H
#define FW_ACPI_TABLE_H

#include "lib/compiler.h"

#define ACPI_POINTERS_MAX   16u

/* An address that the host wants in a file of its own. */
struct acpi_pointer {
    uint32_t value, offset;
    uint16_t key;                   /* fw_cfg item */
    uint8_t size;
};

/* Resident. */
struct acpi_state {
    uint32_t facs;                  /* address, or 0 */
    uint32_t count;
    struct acpi_pointer pointer[ACPI_POINTERS_MAX];
};
extern struct acpi_state acpi_state;

/* Resident: write all pointers into the host's files.  0 or ERR_DEVICE. */
int acpi_write_pointers(void);

/*
 * POST only: look for an RSDP in len bytes; true when there is one, which is
 * then where acpi_find_table() begins, and acpi_state.facs is set.
 */
bool acpi_take_rsdp(const uint8_t *p, uint32_t len);

#endif
