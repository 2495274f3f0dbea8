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

/* The sum of an image is right, or checksums do not matter. */
bool rom_sum_is_good(const uint8_t *rom, uint32_t size);

/*
 * The most bytes that stay of an image which can be initialised anywhere and
 * then moves to its place, as it says itself; 0 when it cannot.
 */
uint32_t rom_stays(const uint8_t *rom, uint32_t size);

/*
 * A ROM of size bytes has been copied to rom_space_for(), and there is room for
 * the bytes that are to stay of it: all or, in lent memory, rom_stays().
 * Measure it and run it.  A ROM without a PnP header that is no display's is
 * run in boot order only.
 */
void rom_run(const struct rom_source *s, uint8_t *rom, uint32_t size,
             uint32_t stays, bool display);

#endif
