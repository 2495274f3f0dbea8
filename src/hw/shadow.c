/* SPDX-License-Identifier: MIT */
/*
 * Programmable attribute map (PAM) of the host bridge.  entry.S made all of
 * it RAM; this takes the write permission away again.
 *
 * 82441FX 3.2.18, Q35 MCH 5.1.18: same layout, other offset.
 */
#include "hw/shadow.h"

#include "hw/chipset.h"

#define PAM_I440FX          0x59u
#define PAM_Q35             0x90u
#define PAM_READ_LOW        (1u << 0)       /* the lower 16 KiB */
#define PAM_WRITE_LOW       (1u << 1)
#define PAM_READ_HIGH       (1u << 4)       /* the upper; PAM0: F0000 */
#define PAM_WRITE_HIGH      (1u << 5)
#define PAM_READ            (PAM_READ_LOW | PAM_READ_HIGH)
#define PAM_WRITE           (PAM_WRITE_LOW | PAM_WRITE_HIGH)

uint32_t shadow_roms_end;

void pam_lock(void)
{
    uint32_t reg = chipset_is_q35() ? PAM_Q35 : PAM_I440FX;
    uint32_t at = 0xc0000;

    pci_write8(BDF_HOST, reg++, PAM_READ_HIGH);             /* F0000-FFFFF */
    for (; at < 0xe0000; at += 2 * PAM_STEP)
        pci_write8(BDF_HOST, reg++, (at < shadow_roms_end ? PAM_READ_LOW : 0) |
                   (at + PAM_STEP < shadow_roms_end ? PAM_READ_HIGH : 0));
    pci_write8(BDF_HOST, reg++, PAM_READ | PAM_WRITE);      /* E0000-E7FFF */
    pci_write8(BDF_HOST, reg, PAM_READ);                    /* E8000-EFFFF */
}
