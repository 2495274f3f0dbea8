/* SPDX-License-Identifier: MIT */
/*
 * SMI sources and SMRAM control of both chipsets.
 *
 * 82441FX 3.2.19, 82371AB 7.1 and 7.2, Q35 MCH 5.1.28, ICH9 13.8.
 */
#include "hw/smm.h"

#include "hw/chipset.h"
#include "lib/io.h"

#define SMRAM_BASE_A0000    (2u << 0)

#define PIIX4_DEVACTB       0x58u
#define PIIX4_DEVACTB_APMC  (1u << 25)      /* port B2h raises an SMI */
#define PIIX4_GLBCTL        (PM_BASE + 0x28u)
#define PIIX4_GLBCTL_SMI    (1u << 0)
#define ICH9_SMI_EN         (PM_BASE + 0x30u)
#define ICH9_TCO1_CNT       (PM_BASE + 0x68u)
#define ICH9_TCO1_CNT_HALT  (1u << 11)

void smi_off_early(void)
{
    uint32_t v;

    if (chipset_is_q35()) {
        outl(ICH9_SMI_EN, 0);
        /* A watchdog that an OS left on runs on over QEMU's reset, and would
         * reset the machine at some moment of this boot. */
        outw(ICH9_TCO1_CNT, ICH9_TCO1_CNT_HALT);
        return;
    }
    if (pci_read32(BDF_PIIX4_PM, PCI_VENDOR_ID) != ID_PIIX4_PM)
        return;
    v = pci_read32(BDF_PIIX4_PM, PIIX4_DEVACTB);
    if (v & PIIX4_DEVACTB_APMC)
        pci_write32(BDF_PIIX4_PM, PIIX4_DEVACTB, v & ~PIIX4_DEVACTB_APMC);
    outl(PIIX4_GLBCTL, inl(PIIX4_GLBCTL) & ~PIIX4_GLBCTL_SMI);
}

void smm_lock(void)
{
    pci_write8(BDF_HOST, chipset_is_q35() ? SMRAM_Q35 : SMRAM_I440FX,
               SMRAM_LOCK | SMRAM_BASE_A0000);
}
