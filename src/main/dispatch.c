/* SPDX-License-Identifier: MIT */
/*
 * Which handler serves which entry of core/entry.S.
 */
#include "boot/boot.h"
#include "boot/pmm.h"
#include "boot/pnp.h"
#include "core/layout.h"
#include "disk/disk.h"
#include "lib/compiler.h"
#include "services/services.h"

void real_dispatch(struct bregs *r, uint32_t number);

static const struct {
    uint16_t number;
    void (*handle)(struct bregs *r);
} entries[] = {
    { 0x13, handle_13 },
    { 0x10, handle_10 },
    { 0x16, handle_16 },
    { 0x1a, handle_1a },
    { 0x15, handle_15 },
    { 0x09, handle_09 },
    { 0x11, handle_11 },
    { 0x12, handle_12 },
    { 0x14, handle_14 },
    { 0x17, handle_17 },
    { 0x18, handle_18 },
    { 0x19, handle_19 },
    { 0x70, handle_70 },
    { 0x74, handle_74 },
    { ENTRY_KEY, handle_key },
    { ENTRY_MOUSE, handle_mouse },
    { ENTRY_CLOCK, handle_clock },
    { ENTRY_PMM, handle_pmm },
    { ENTRY_PNP, handle_pnp },
};

/* Called by entry.S for every entry; the numbers are entry.S's own. */
void real_dispatch(struct bregs *r, uint32_t number)
{
    for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
        if (entries[i].number == number) {
            entries[i].handle(r);
            return;
        }
    }
}
