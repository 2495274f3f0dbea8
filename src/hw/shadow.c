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
 * C0000.  Two writes set all: the byte before them on the i440FX (DRAM timing)
 * and the one behind them on Q35 (legacy access) are 0, as after a reset. */
#define PAM_I440FX          0x58u           /* 59h */
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
    const uint64_t read3 = PAM_READ | PAM_READ << 8 | PAM_READ << 16;
    uint64_t pam = PAM_READ_HIGH | read3 << 8 |
                   (uint64_t)(PAM_READ | PAM_DATA << 8 | PAM_READ << 16) << 32;
    uint32_t reg = PAM_Q35;

    if (!chipset_is_q35()) {
        reg = PAM_I440FX;
        pam <<= 8;
    }
    pci_write32(BDF_HOST, reg, (uint32_t)pam);
    pci_write32(BDF_HOST, reg + 4, (uint32_t)(pam >> 32));
}
