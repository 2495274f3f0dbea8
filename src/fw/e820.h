/* SPDX-License-Identifier: MIT */
/*
 * The memory map that INT 15h AX=E820h reports.  Kept sorted by address,
 * without overlaps, neighbours of one type merged.  ACPI 6.4, 15.
 */
#ifndef FW_E820_H
#define FW_E820_H

#include "lib/compiler.h"

enum e820_type {
    E820_RAM = 1, E820_RESERVED = 2, E820_ACPI = 3, E820_NVS = 4,
    E820_UNUSABLE = 5,
};

/* QEMU's table has 128 at most; the others are for what POST adds. */
#define E820_HOST_MAX       128u
#define E820_MAX            (E820_HOST_MAX + 16u)

/* In the layout that INT 15h hands to its callers. */
struct e820_entry {
    uint64_t base, size;
    uint32_t type;
} PACKED;
_Static_assert(sizeof(struct e820_entry) == 20, "ACPI 15.1");

/* ----------------------------------------------------------------- resident */

uint32_t e820_count(void);

/* Entry i, or NULL past the end. */
const struct e820_entry *e820_get(uint32_t i);

/* Does all of [addr, addr + len) lie in RAM of the OS?  An empty range: yes. */
bool e820_is_ram(uint32_t addr, uint32_t len);

/* The same for RAM and memory reserved by us or the host: reading it has no
 * side effects.  Device memory does not count. */
bool e820_is_readable(uint32_t addr, uint32_t len);

/* ---------------------------------------------------------------- POST only */

/*
 * Make the map from what the host says.
 * Returns the end of the RAM that begins at 1 MiB.
 */
uint32_t e820_init(void);

/* Where RAM below 4 GiB ends, where RAM above 4 GiB ends (4 GiB: none). */
uint32_t e820_low_end(void);
uint64_t e820_high_end(void);

/*
 * What is said of [base, base + size) now replaces what was said before.
 * A full map is reported on the console, and the range left out.
 */
void e820_add(uint64_t base, uint64_t size, enum e820_type type);

/* POST is over: reserve the high zone, from its lowest block on. */
void e820_finish(uint32_t high_start);

#endif
