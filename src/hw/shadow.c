/* SPDX-License-Identifier: MIT */
/*
 * Programmable attribute map (PAM) of the host bridge.  entry.S made all of
 * it RAM; this takes the write permission away again.
 *
 * 82441FX 3.2.18, Q35 MCH 5.1.18: same layout, other offset.
 */
#include "hw/shadow.h"

#include "hw/chipset.h"

/* Seven registers of 8 bits: PAM0 for F0000, PAM1 to PAM6 for 32 KiB each from
 * C0000.  They are written as few as their alignment allows. */
#define PAM_I440FX          0x59u
#define PAM_Q35             0x90u
#define PAM_READ_LOW        (1u << 0)       /* the lower 16 KiB */
#define PAM_WRITE_LOW       (1u << 1)
#define PAM_READ_HIGH       (1u << 4)       /* the upper; PAM0: F0000 */
#define PAM_WRITE_HIGH      (1u << 5)
#define PAM_READ            (PAM_READ_LOW | PAM_READ_HIGH)
#define PAM_WRITE           (PAM_WRITE_LOW | PAM_WRITE_HIGH)

#define PAM_DATA            (PAM_READ | PAM_WRITE)  /* PAM5: E0000-E7FFF */

/*
 * All of it stays RAM: a map that changes makes QEMU tell a backend behind
 * vhost-user of other memory, and qemu-storage-daemon's ends at that when its
 * device runs already.
 */
void pam_lock(void)
{
    const uint32_t read2 = PAM_READ | PAM_READ << 8;

    if (chipset_is_q35()) {
        pci_write32(BDF_HOST, PAM_Q35, PAM_READ_HIGH | PAM_READ << 8 |
                    read2 << 16);
        pci_write16(BDF_HOST, PAM_Q35 + 4, PAM_READ | PAM_DATA << 8);
        pci_write8(BDF_HOST, PAM_Q35 + 6, PAM_READ);
    } else {
        pci_write8(BDF_HOST, PAM_I440FX, PAM_READ_HIGH);
        pci_write16(BDF_HOST, PAM_I440FX + 1, (uint16_t)read2);
        pci_write32(BDF_HOST, PAM_I440FX + 3, read2 | PAM_DATA << 16 |
                    PAM_READ << 24);
    }
}
