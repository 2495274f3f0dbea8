/* SPDX-License-Identifier: MIT */
/*
 * The memory map itself, shared by e820.c (reads) and e820_post.c (writes).
 */
#ifndef FW_E820_MAP_H
#define FW_E820_MAP_H

#include "fw/e820.h"

struct e820_map {
    uint32_t count;
    uint32_t low_end;               /* of RAM below 4 GiB */
    struct e820_entry entry[E820_MAX];
};
extern struct e820_map e820_map;

#endif
