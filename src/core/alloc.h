/* SPDX-License-Identifier: MIT */
/*
 * Memory for the firmware, in named zones.  POST only: nothing is allocated
 * by INT services.
 *
 *   low    E0000-E7FFF, reachable from real mode, stays writable
 *   fseg   in F0000-FFFFF, for tables that are searched there; read-only
 *          after POST
 *   high   below the top of RAM under 4 GiB, reserved in E820 (only what is
 *          really used): rings, command lists, drive tables, ACPI tables
 *   temp   the same RAM, given back at hand-over: POST buffers
 *
 * All memory comes zeroed.  align is a power of two.  NULL when full: the
 * allocator has said so on the console.
 */
#ifndef ALLOC_H
#define ALLOC_H

#include "lib/compiler.h"

void *malloc_low(uint32_t size, uint32_t align);
void *malloc_fseg(uint32_t size, uint32_t align);
void *malloc_high(uint32_t size, uint32_t align);
void *malloc_temp(uint32_t size, uint32_t align);

/*
 * The same without the zeros, for what is read over at once: clearing costs
 * as much time as anything else POST does to that memory.
 */
void *malloc_high_raw(uint32_t size, uint32_t align);
void *malloc_temp_raw(uint32_t size, uint32_t align);

/* Give back any of the above. NULL is ignored. */
void free_zone(void *p);

/* Does [at, at + len) lie within one block handed out from the high zone? */
bool alloc_owns(uint32_t at, uint32_t len);

/*
 * Start: the RAM below 4 GiB ends at top.  Called once, before anything else
 * here.
 */
void alloc_init(uint32_t top);

/* POST is over: drop temp; high becomes final. Returns its first address. */
uint32_t alloc_finish(void);

#endif
