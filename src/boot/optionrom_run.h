/* SPDX-License-Identifier: MIT */
/*
 * Running an option ROM that has been copied.  POST only; between
 * optionrom_post.c, which finds and copies ROMs, and optionrom_run_post.c.
 */
#ifndef OPTIONROM_RUN_H
#define OPTIONROM_RUN_H

#include "hw/pci.h"

/* Where a ROM came from. */
struct rom_source {
    pci_bdf bdf;                /* PCI_NONE: no device's */
    uint16_t vendor, device;
    const char *file;           /* fw_cfg name, or NULL: read from the device */
};

/* The name of a source in messages; good until the next call. */
const char *rom_source_name(const struct rom_source *s);

/*
 * A ROM of size bytes has been copied to rom_space_next(): measure it and run
 * it.  A ROM without a PnP header that is no display's is run in boot order
 * only.
 */
void rom_run(const struct rom_source *s, uint32_t size, bool display);

#endif
