/* SPDX-License-Identifier: MIT */
/*
 * Unpacking of overlays.  scripts/image puts the parts one after the other at
 * overlays_rom, each as its compressed length (32 bits) and the compressed
 * bytes, in the order of parts[].  Resident: a resume from S3 needs the TPM.
 */
#include "overlay.h"

#include <string.h>

#include "compiler.h"
#include "inflate.h"
#include "print.h"

/* From the linker script. */
extern uint8_t overlays_rom[], overlays_rom_end[];
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

static uint8_t loaded;          /* bit: an overlay */

/* Targets of calls and jumps are absolute in the packed form, since a target
 * that comes again compresses better than a distance. */
static void make_relative(uint8_t *code, uint32_t len)
{
    for (uint32_t i = 0; i + 5 <= len; ) {
        uint32_t v;

        if ((code[i] & 0xfe) != 0xe8) {         /* CALL or JMP rel32 */
            i++;
            continue;
        }
        memcpy(&v, code + i + 1, sizeof(v));
        v -= i;
        memcpy(code + i + 1, &v, sizeof(v));
        i += 5;
    }
}

static bool unpack(enum overlay which, unsigned part)
{
    uint32_t skip = which * PARTS + part, len;
    const uint8_t *at = overlays_rom;
    uint8_t *start = parts[which][part][0];
    uint32_t size = (uint32_t)(parts[which][part][1] - start);

    for (;;) {
        if (overlays_rom_end - at < (int)sizeof(len))
            return false;
        memcpy(&len, at, sizeof(len));
        at += sizeof(len);
        if (len > (uint32_t)(overlays_rom_end - at))
            return false;
        if (skip-- == 0)
            break;
        at += len;
    }
    if (!inflate_to(at, len, start, size))
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
