/* SPDX-License-Identifier: MIT */
/*
 * SMI sources and SMRAM of both chipsets, and what is put there.
 *
 * 82441FX 3.2.19, 82371AB 7.1 and 7.2, Q35 MCH 5.1.28, ICH9 13.8.
 */
#include "hw/smm.h"

#include <string.h>

#include "core/layout.h"
#include "core/smi.h"
#include "hw/chipset.h"
#include "lib/io.h"

#define SMRAM_BASE_A0000    (2u << 0)
#define SMRAM_ENABLE        (1u << 3)       /* G_SMRAME */
#define SMRAM_OPEN          (1u << 6)       /* D_OPEN */

#define PIIX4_DEVACTB_HIGH  0x5au           /* 31:16 of DEVACTB */
#define PIIX4_DEVACTB_APMC  (1u << 9)       /* port B2h raises an SMI */
#define ICH9_SMI_EN         (PM_BASE + 0x30u)
#define ICH9_SMI_EN_GLOBAL  (1u << 0)
#define ICH9_SMI_EN_APMC    (1u << 5)
#define ICH9_TCO1_CNT       (PM_BASE + 0x68u)
#define ICH9_TCO1_CNT_HALT  (1u << 11)

#define SMI_SPINS           1000u           /* an SMI comes at once, or never */

/* Port B2h raises an SMI, or nothing does.  (The PIIX4's own switch for all of
 * them, bit 0 of GLBCTL, is not in QEMU.) */
static void smi_enable(bool on)
{
    if (chipset_is_q35())
        outl(ICH9_SMI_EN, on ? ICH9_SMI_EN_GLOBAL | ICH9_SMI_EN_APMC : 0);
    else if (chipset_has_piix4_pm())
        pci_write16(BDF_PIIX4_PM, PIIX4_DEVACTB_HIGH,
                    on ? PIIX4_DEVACTB_APMC : 0);
}

/* On a PIIX4 a reset has done it. */
void smi_off_early(void)
{
    if (!chipset_is_q35())
        return;
    smi_enable(false);
    /* A watchdog that an OS left on runs on over QEMU's reset, and would reset
     * the machine at some moment of this boot. */
    outw(ICH9_TCO1_CNT, ICH9_TCO1_CNT_HALT);
}

static void smram_set(uint8_t value)
{
    pci_write8(BDF_HOST, chipset_is_q35() ? SMRAM_Q35 : SMRAM_I440FX,
               value | SMRAM_BASE_A0000);
}

/* smi.S's data in SMRAM */
struct smm_slot { uint32_t state, esp, token, stack; };
_Static_assert(sizeof(struct smm_slot) == SMM_SLOT_SIZE, "smi.S");

static void smram_fill(const uint8_t *stacks)
{
    struct smm_slot *slots = (struct smm_slot *)SMM_SLOTS;

    memcpy((void *)SMM_CODE, smi_start, (size_t)(smi_end - smi_start));
    *(uint32_t *)SMM_REFUSED = 0;
    *(uint32_t *)SMM_FLAT_KNOWN = 0;
    for (unsigned i = 0; i < V86_SLOTS; i++)
        slots[i] = (struct smm_slot){
            .stack = (uint32_t)stacks + (i + 1) * V86_STACK,
        };
}

/* The first SMI, with SMBASE as a reset leaves it.  What lies there can be an
 * OS's, at a resume, and comes back.  Does the SMI come, and is SMRAM there? */
static bool smbase_move(void)
{
    uint8_t *code = (uint8_t *)SMBASE_RESET + 0x8000;
    uint8_t *saved = (uint8_t *)SMBASE_RESET + 0xfe00;
    uint32_t code_len = (uint32_t)(smi_move_end - smi_move_start);
    uint8_t old_code[128], old_saved[SMM_SAVED_SIZE];
    volatile uint32_t *done =
        (volatile uint32_t *)(code + (smi_move_done - smi_move_start));
    bool moved;

    memcpy(old_code, code, code_len);
    memcpy(old_saved, saved, sizeof(old_saved));
    memcpy(code, smi_move_start, code_len);
    memcpy(code + (smi_move_first - smi_move_start), smi_start,
           sizeof(uint32_t));
    outb(SMI_PORT, SMI_COMMAND);
    for (unsigned i = 0; i < SMI_SPINS && !*done; i++)
        cpu_pause();
    moved = *done;
    memcpy(saved, old_saved, sizeof(old_saved));
    memcpy(code, old_code, code_len);
    return moved;
}

bool smm_setup(uint8_t *stacks)
{
    bool moved = false;

    if (stacks) {
        smram_set(SMRAM_ENABLE | SMRAM_OPEN);
        smram_fill(stacks);
        smi_enable(true);       /* it stays open until it is locked below */
        moved = smbase_move();
        if (moved)
            (void)smi_exchange(SMI_KEEP_STATE, 0, 0);
        else
            smi_enable(false);
    }
    smram_set(SMRAM_LOCK | (moved ? SMRAM_ENABLE : 0));
    return moved;
}
