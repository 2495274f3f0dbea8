/* SPDX-License-Identifier: MIT */
/*
 * Memory of whoever called a service.  Resident.
 *
 * A caller in real mode names physical addresses (far_ptr() makes one of a
 * segment and an offset).  One in virtual-8086 mode names linear addresses of
 * its own: where they are is in its page tables.  Services read and write it
 * through these functions only; a caller in virtual-8086 mode gets nothing that
 * it could not reach itself.
 *
 * Intel SDM volume 3, 4.3 (32-bit paging), 4.4 (PAE paging), 20.2 (virtual-8086
 * mode).
 */
#ifndef CALLER_H
#define CALLER_H

#include "lib/compiler.h"

/* Virtual-8086 mode names addresses below this: segment FFFF ends 16 bytes
 * lower. */
#define V86_MEMORY_END      0x110000u

/*
 * Where the caller's memory at a linear address is.
 *
 * len    in: how many bytes are wanted, at least 1; out: how many of them lie
 *        in one piece, 0 if the first cannot be reached
 * write  they are to be written: read-only pages do not count
 * Returns their physical address.  A page that is not there is asked for once,
 * as if the caller had touched it: its own monitor may bring it, or end it.
 */
uint8_t *caller_span(uint32_t at, uint32_t *len, bool write);

/* Copy from and to the caller's memory.  false: not all of it can be reached;
 * some may have been copied. */
bool caller_read(void *to, uint32_t at, uint32_t len);
bool caller_write(uint32_t at, const void *from, uint32_t len);

/* The caller's linear address of a far pointer. */
static inline uint32_t linear(uint16_t seg, uint16_t off)
{
    return ((uint32_t)seg << 4) + off;
}

#endif
