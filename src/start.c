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
extern char fseg_zone_start[], fseg_zone_end[], resident_start[];
extern char init_entry[];

/* Of the stack in use here, at its upper end. */
#define STACK_IN_USE        0x100u

void data_init(void)
{
    memcpy(data_start, data_rom, (size_t)data_size);
    memset(bss_start, 0, (size_t)(bss_end - bss_start));
}

/*
 * Operating systems search the BIOS area for tables (RSD PTR, _SM_, ...) and
 * take the first: what an earlier one left there must not be that.  Leaves what
 * entry.S copied from ROM, and the end of the stack.
 */
static void clear_bios_area(void)
{
    memset((void *)DATA_START, 0, STACK_SIZE - STACK_IN_USE);
    memset(bss_start, 0, DATA_END - (size_t)bss_start);
    memset((void *)DATA_END, 0, (size_t)resident_start - DATA_END);
    memset(fseg_zone_start, 0, (size_t)(fseg_zone_end - fseg_zone_start));
}

void start(void)
{
    if (resume_wanted())
        resume();               /* comes back only when it cannot */
    clear_bios_area();
    data_init();
    memcpy((void *)INIT_START, init_rom, (size_t)init_size);
    memset(init_bss_start, 0, (size_t)(init_bss_end - init_bss_start));
    ((void (*)(void))init_entry)();
}
