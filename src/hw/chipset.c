/* SPDX-License-Identifier: MIT */
/*
 * Fixed chipset registers: power management, interrupt routing, SMBus, memory
 * mapped configuration space.  Devices' own resources: pci_setup.c.
 */
#include "hw/chipset.h"

#include "hw/ps2.h"
#include "hw/smm.h"
#include "lib/io.h"

/* PIIX4 power management function, 82371AB 7.1 and 7.2 */
#define PIIX4_PMBA              0x40u       /* 32 bits: port, bit 0 set */
#define PIIX4_PMREGMISC         0x80u
#define PIIX4_PMREGMISC_IO      (1u << 0)
#define PIIX4_SMBBA             0x90u       /* 32 bits: port, bit 0 set */
#define PIIX4_SMBHSTCFG         0xd2u
#define PIIX4_SMBHSTCFG_IRQ9    (4u << 1)
#define PIIX4_SMBHSTCFG_ENABLE  (1u << 0)

/* ICH9 LPC bridge and SMBus, chapters 13 and 20 */
#define LPC_PMBASE              0x40u
#define LPC_ACPI_CNTL           0x44u
#define LPC_ACPI_CNTL_ENABLE    (1u << 7)   /* bits 2:0 = 0: SCI on IRQ 9 */
#define LPC_PIRQE               0x68u
#define LPC_RCBA                0xf0u
#define LPC_RCBA_ENABLE         (1u << 0)
#define SMB_BASE                0x20u
#define SMB_HOSTC               0x40u
#define SMB_HOSTC_ENABLE        (1u << 0)

/* Both south bridges */
#define PIRQA                   0x60u       /* four 8-bit registers */
#define PORT_ELCR1              0x4d0u
#define PORT_ELCR2              0x4d1u
#define IO_SPACE                (1u << 0)

/* Q35 MCH 5.1.16 */
#define MCH_PCIEXBAR            0x60u       /* 64 bits; 2:1 = 0: 256 MiB */
#define MCH_PCIEXBAR_ENABLE     (1u << 0)

#define SELF_TEST_TURNS         10000u      /* of waiting for its answer */

/* RAM may reach these on an i440FX before the window has to start higher. */
#define WINDOW_LOW              0x80000000u
#define WINDOW_HIGH             0xc0000000u

static bool q35;                /* chipset_set() */
static bool pm;                 /* PIIX4's power management is there */

void chipset_set(enum chipset what)
{
    pci_use_mmcfg(0);
    q35 = what == CHIPSET_Q35;
    pm = what == CHIPSET_I440FX;
}

enum chipset chipset_find(uint32_t host)
{
    enum chipset what = CHIPSET_Q35;

    chipset_set(what);
    if (host != ID_Q35)
        what = pci_read32(BDF_PIIX4_PM, PCI_VENDOR_ID) == ID_PIIX4_PM
               ? CHIPSET_I440FX : CHIPSET_I440FX_BARE;
    chipset_set(what);
    return what;
}

bool chipset_is_q35(void)
{
    return q35;
}

bool chipset_has_piix4_pm(void)
{
    return pm;
}

void pm_setup_early(void)
{
    if (q35) {
        pci_write32(BDF_ICH9_LPC, LPC_PMBASE, PM_BASE | IO_SPACE);
        pci_write8(BDF_ICH9_LPC, LPC_ACPI_CNTL, LPC_ACPI_CNTL_ENABLE);
    } else if (pm) {
        pci_write8(BDF_PIIX4_PM, PCI_INTERRUPT_LINE, IRQ_SCI);
        pci_write32(BDF_PIIX4_PM, PIIX4_PMBA, PM_BASE | IO_SPACE);
        pci_write8(BDF_PIIX4_PM, PIIX4_PMREGMISC, PIIX4_PMREGMISC_IO);
        pci_write32(BDF_PIIX4_PM, PIIX4_SMBBA, SMBUS_BASE | IO_SPACE);
        pci_write8(BDF_PIIX4_PM, PIIX4_SMBHSTCFG,
                   PIIX4_SMBHSTCFG_IRQ9 | PIIX4_SMBHSTCFG_ENABLE);
    }
}

uint8_t chipset_pirq(unsigned pirq)
{
    return pirq & 2 ? IRQ_PCI_HIGH : IRQ_PCI_LOW;
}

/*
 * What no software can take back until the machine is reset: the keyboard
 * controller's system flag, set by its self-test; Q35's SMRAM lock, set by
 * smm_lock().
 */
bool chipset_was_reset(void)
{
    uint8_t status = inb(PS2_STATUS);

    if (status != PS2_STATUS_ABSENT && status & PS2_STATUS_SYSTEM)
        return false;
    return !q35 ||
           !(pci_read8(BDF_HOST, SMRAM_Q35) & SMRAM_LOCK);
}

void chipset_note_start(void)
{
    /* Without a controller nothing comes of this: the status is all ones. */
    outb(PS2_STATUS, PS2_CMD_SELF_TEST);
    for (unsigned i = 0; i < SELF_TEST_TURNS; i++)
        if (inb(PS2_STATUS) & PS2_STATUS_OUT)
            break;
    (void)inb(PS2_DATA);
}

/* PCI interrupts go to IRQ 10 and 11, which become level-triggered. */
static void route_irqs(pci_bdf isa, bool has_efgh)
{
    uint32_t four = 0;

    for (unsigned i = 0; i < 4; i++)
        four |= (uint32_t)chipset_pirq(i) << (8 * i);
    pci_write32(isa, PIRQA, four);
    if (has_efgh)
        pci_write32(isa, LPC_PIRQE, four);
    outb(PORT_ELCR1, 0);
    outb(PORT_ELCR2, 1u << (IRQ_PCI_LOW - 8) | 1u << (IRQ_PCI_HIGH - 8));
}

void chipset_setup_q35(void)
{
    /* A reset has switched it off, so the halves may come one by one. */
    pci_write32(BDF_HOST, MCH_PCIEXBAR + 4, 0);
    pci_write32(BDF_HOST, MCH_PCIEXBAR, MMCFG_BASE | MCH_PCIEXBAR_ENABLE);
    route_irqs(BDF_ICH9_LPC, true);
    pci_write32(BDF_ICH9_LPC, LPC_RCBA, RCBA_BASE | LPC_RCBA_ENABLE);
}

static void setup_piix3(void)
{
    route_irqs(BDF_PIIX3, false);
}

static void setup_smbus(void)
{
    pci_write32(BDF_ICH9_SMBUS, SMB_BASE, SMBUS_BASE | IO_SPACE);
    pci_write8(BDF_ICH9_SMBUS, SMB_HOSTC, SMB_HOSTC_ENABLE);
}

void chipset_setup(pci_bdf bdf, uint32_t id)
{
    static const struct {
        pci_bdf bdf;
        uint32_t id;
        void (*setup)(void);
    } parts[] = {
        { BDF_PIIX3, ID_PIIX3, setup_piix3 },
        { BDF_ICH9_SMBUS, ID_ICH9_SMBUS, setup_smbus },
    };

    for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
        if (parts[i].bdf == bdf && parts[i].id == id)
            parts[i].setup();
}

void chipset_resume(void)
{
    pci_bdf bdf = q35 ? BDF_ICH9_SMBUS : BDF_PIIX3;

    pm_setup_early();
    if (q35)
        chipset_setup_q35();
    chipset_setup(bdf, pci_read32(bdf, PCI_VENDOR_ID));
}

uint32_t chipset_pci_window(uint32_t ram_end)
{
    uint32_t start = ram_end;

    if (q35)
        start = MMCFG_BASE + MMCFG_SIZE;
    else if (ram_end <= WINDOW_LOW)
        start = WINDOW_LOW;
    else if (ram_end <= WINDOW_HIGH)
        start = WINDOW_HIGH;
    return start > ram_end ? start : ram_end;
}
