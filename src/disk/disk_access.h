/* SPDX-License-Identifier: MIT */
/*
 * Sectors to and from the memory of an INT 13h caller.  Resident; used by
 * disk.c.
 */
#ifndef DISK_ACCESS_H
#define DISK_ACCESS_H

#include "disk/block.h"

enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_VERIFY };

/*
 * Move count sectors at lba to or from the caller's linear address at, or read
 * them only.  In pieces, as they lie there: of a caller in real mode all are
 * one.
 *
 * Returns 0, an error of drive_read(), or ERR_PARAM when the caller cannot
 * reach that memory; some sectors may have been moved then.
 */
int access_sectors(struct drive *d, enum access a, uint64_t lba,
                   uint32_t count, uint32_t at);

#endif
