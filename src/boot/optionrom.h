/* SPDX-License-Identifier: MIT */
/*
 * Option ROMs: finding them (PCI expansion ROMs and fw_cfg files), copying
 * them to C0000-DFFFF, measuring the copy, running the copy.  POST only;
 * pnp_setup() and pmm_setup() come first.
 */
#ifndef OPTIONROM_H
#define OPTIONROM_H

#include "core/bda.h"
#include "hw/pci.h"

/*
 * The display's ROM and vgaroms/ of fw_cfg; sets text mode.  Call after the
 * PCI resources, the interrupt vectors and the TPM stand.
 * Returns whether INT 10h now reaches a display.
 */
bool vga_rom_run(void);

/* All other ROMs, genroms/ included; they announce what they can boot. */
void option_roms_run(void);

/* What a ROM left in vectors that the firmware keeps for itself. */
struct rom_hooks {
    struct farptr int18, int19;     /* seg and off 0: not touched */
    bool disks;                     /* INT 13h hooked, or disks counted */
};

/*
 * Call code of an option ROM with the registers that its specification
 * promises.  INT 18h and 19h are put back; *hooks says what was found there.
 */
void option_rom_call(struct farptr entry, pci_bdf bdf, bool interrupts,
                     struct rom_hooks *hooks);

/* No more ROMs: clear what is left of the space. */
void option_roms_finish(void);

#endif
