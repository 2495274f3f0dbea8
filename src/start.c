/* SPDX-License-Identifier: MIT */
/*
 * The first C code after reset: decides between resuming from S3 and a full
 * POST, and brings .init, .data and .bss into the state that C expects.
 * Runs with nothing but resident code and a stack; resident variables are not
 * usable before data_init().
 */
#include "start.h"

#include <string.h>

#include "layout.h"
#include "resume.h"

/* From the linker script; only their addresses mean something. */
extern char data_rom[], data_start[], data_size[], bss_start[], bss_end[];
extern char init_rom[], init_size[], init_bss_start[], init_bss_end[];
extern char fseg_zone_start[], fseg_zone_end[];
extern char init_entry[];

void data_init(void)
{
    memcpy(data_start, data_rom, (size_t)data_size);
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
}

void start(void)
{
    if (resume_wanted())
        resume();               /* comes back only when it cannot */
    data_init();
    memset(fseg_zone_start, 0, (size_t)(fseg_zone_end - fseg_zone_start));
    memcpy((void *)INIT_START, init_rom, (size_t)init_size);
    memset(init_bss_start, 0, (size_t)(init_bss_end - init_bss_start));
    ((void (*)(void))init_entry)();
}
