/* SPDX-License-Identifier: MIT */
/*
 * What POST and the boot code say to the TPM module.  The policy (PCR, event
 * type, text) is in src/tcg; this is the wiring.  Without a usable TPM each
 * of these returns at once.  Resident, except where noted.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include "hw/pci.h"

/* An option ROM's image, from the copy that will run, before it runs. */
void measure_option_rom(pci_bdf bdf, const void *rom, uint32_t len);
/* Before the first option ROM of this POST. */
void measure_option_rom_scan(void);

/* A person opened the boot menu / the TPM menu / picked another device. */
void measure_setup_entered(void);
void measure_boot_intervention(void);

/*
 * POST is over: "Calling INT 19h", separators, platform authorisation gone.
 * Called once, before the first byte from a disk or a boot ROM is run.
 */
void measure_handover(void);

enum boot_kind { BOOT_FLOPPY, BOOT_HDD, BOOT_CD, BOOT_BEV };

/* An attempt to boot begins; text names the device for the log. */
void measure_boot_attempt(enum boot_kind kind, uint8_t drive,
                          const char *text);
/* The 512-byte sector that will be executed, from where it will be executed. */
void measure_mbr(const void *sector);
/* An El Torito boot: the catalog sector, then the image as loaded. */
void measure_cd_catalog(const void *catalog, uint32_t len);
void measure_cd_image(const void *image, uint32_t len);
/* The boot came back. */
void measure_int18(void);
void measure_int19(void);

#endif
