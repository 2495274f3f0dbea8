/* SPDX-License-Identifier: MIT */
/*
 * The ACPI tables that QEMU delivers with a script of commands for putting
 * them into memory.  QEMU hw/acpi/bios-linker-loader.c; ACPI 6.4, 5.2.
 */
#ifndef FW_ACPI_H
#define FW_ACPI_H

#include "lib/compiler.h"

/* ---------------------------------------------------------------- POST only */

/*
 * Run etc/table-loader.  QEMU makes the tables from what the PCI devices and
 * the chipset say at that moment, so: after pci_setup().  One bad command and
 * there are no ACPI tables at all; the console says why.
 */
void acpi_load(void);

/* Before acpi_load(): keep each file as the host delivered it, too. */
extern bool acpi_keep_blobs;

#define ACPI_FILES_MAX      32u     /* that a script can allocate */

struct acpi_blob {
    const char *name;               /* fw_cfg file */
    const uint8_t *data;            /* as delivered, without patched pointers */
    uint32_t size;
};

/* The files kept, in the order of the script; none without acpi_keep_blobs. */
const struct acpi_blob *acpi_blobs(unsigned *count);

/*
 * The table with that signature of four letters, as the OS will see it; all
 * of *len bytes lie in memory that was allocated for tables.  NULL: none.
 */
const void *acpi_find_table(const char *signature, uint32_t *len);

/* ----------------------------------------------------------------- resident */

/*
 * After the reset that ends S3: tell the host again where things are that it
 * asked for, and return the OS's waking vector (real mode), or 0.
 */
uint32_t acpi_resume(void);

#endif
