/* SPDX-License-Identifier: MIT */
/*
 * Unpacking of overlays.  scripts/image puts the parts into the image one after
 * the other, in the order of parts[], and behind them the 32-bit length of
 * each.  Before them is a header of 16 bytes, with which the image's used part
 * begins.  Resident: a resume from S3 needs the TPM.
 */
#include "core/overlay.h"

#include <string.h>

#include "lib/compiler.h"
#include "lib/inflate.h"
#include "lib/print.h"

/* From the linker script. */
extern const uint8_t rom_start[];
extern const uint32_t overlay_lengths[];
extern uint8_t tpm_res_start[], tpm_res_end[], tpm_init_start[],
               tpm_init_end[];
extern uint8_t usb_res_start[], usb_res_end[], usb_init_start[],
               usb_init_end[];

enum { PART_RESIDENT, PART_INIT, PARTS };

static uint8_t *const parts[][PARTS][2] = {
    [OVERLAY_TPM] = { { tpm_res_start, tpm_res_end },
                      { tpm_init_start, tpm_init_end } },
    [OVERLAY_USB] = { { usb_res_start, usb_res_end },
                      { usb_init_start, usb_init_end } },
};

#define PART_COUNT          (ARRAY_SIZE(parts) * PARTS)
_Static_assert(PART_COUNT == 4, "OVERLAY_PARTS of keelbios.lds.S");
#define HEADER_SIZE         16u

static uint8_t loaded;          /* bit: an overlay */

/* Targets of calls and jumps are absolute in the packed form, since a target
 * that comes again compresses better than a distance. */
static void make_relative(uint8_t *code, uint32_t len)
{
    struct { uint32_t target; } PACKED *to;

    for (uint8_t *p = code; p + 5 <= code + len; ) {
        if ((*p++ & 0xfe) != 0xe8)              /* CALL or JMP rel32 */
            continue;
        to = (void *)p;
        to->target -= (uint32_t)(p - 1 - code);
        p += 4;
    }
}

/* Where part n of all begins, by the lengths of itself and those behind it;
 * NULL when they cannot be true. */
static const uint8_t *part_at(unsigned n)
{
    uint32_t at = (uint32_t)overlay_lengths;

    for (unsigned i = PART_COUNT; i-- > n; ) {
        if (overlay_lengths[i] > at - (uint32_t)rom_start)
            return NULL;
        at -= overlay_lengths[i];
    }
    return (const uint8_t *)at;
}

const void *overlay_image_start(void)
{
    uint32_t at = (uint32_t)part_at(0) - HEADER_SIZE;

    return (const void *)ALIGN_DOWN(at, HEADER_SIZE);
}

static bool unpack(enum overlay which, unsigned part)
{
    unsigned n = which * PARTS + part;
    const uint8_t *at = part_at(n);
    uint8_t *start = parts[which][part][0];
    uint32_t size = (uint32_t)(parts[which][part][1] - start);

    if (!at || !inflate_to(at, overlay_lengths[n], start, size))
        return false;
    make_relative(start, size);
    return true;
}

static void load(enum overlay which, unsigned count)
{
    if (loaded & 1u << which)
        return;
    loaded |= (uint8_t)(1u << which);
    for (unsigned part = 0; part < count; part++) {
        if (unpack(which, part))
            continue;
        print("KeelBIOS: the firmware image is damaged (overlay %u.%u): "
              "stopped; use another copy of bios.bin\n", which, part);
        for (;;)
            __asm__ volatile("cli; hlt");
    }
}

void overlay_load(enum overlay which)
{
    load(which, PARTS);
}

void overlay_load_resident(enum overlay which)
{
    load(which, 1);
}
