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

#define PAM_DATA            5u              /* PAM5: E0000-E7FFF, our data */
#define PAM_LAST            6u              /* 32 KiB each, from PAM1's C0000 */

/*
 * All of it stays RAM: a map that changes makes QEMU tell a backend behind
 * vhost-user of other memory, and qemu-storage-daemon's ends at that when its
 * device runs already.
 */
void pam_lock(void)
{
    uint32_t reg = chipset_is_q35() ? PAM_Q35 : PAM_I440FX;

    pci_write8(BDF_HOST, reg, PAM_READ_HIGH);               /* F0000-FFFFF */
    for (unsigned n = 1; n <= PAM_LAST; n++)
        pci_write8(BDF_HOST, reg + n, n == PAM_DATA ? PAM_READ | PAM_WRITE
                                                    : PAM_READ);
}
