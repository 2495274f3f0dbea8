/* SPDX-License-Identifier: MIT */
/*
 * What POST and the boot code say to the TPM module.  The policy (PCR, event
 * type, text) is in src/tcg; this is the wiring.  The code behind it is in
 * the TPM's overlay: without a TPM each of these does nothing.  Resident.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include "disk/block.h"
#include "disk/eltorito.h"
#include "hw/pci.h"
#include "core/regs.h"

enum boot_kind { BOOT_FLOPPY, BOOT_HDD, BOOT_CD, BOOT_BEV };

/* A kernel that linux_boot() has loaded. */
struct linux_image {
    uint8_t *setup;
    uint32_t setup_len;         /* all setup sectors */
    const uint8_t *payload;     /* what follows in the file */
    uint32_t payload_len;
    const char *cmdline;        /* with its NUL */
    const uint8_t *initrd;
    uint32_t initrd_len;        /* 0: none */
};

/*
 * The table at the start of the overlay's resident part.  Results are not
 * looked at: a failure has been printed and has closed measured boot in the
 * module, and the boot goes on.
 */
struct measure_ops {
    void (*option_rom_scan)(void);
    void (*option_rom)(pci_bdf bdf, const void *rom, uint32_t len);
    void (*setup_entered)(void);
    void (*boot_intervention)(void);
    void (*handover)(void);
    void (*boot_attempt)(enum boot_kind kind, uint8_t drive,
                         const char *text);
    void (*mbr)(const void *sector);
    void (*disk_boot_code)(struct drive *d, const uint8_t *mbr);
    void (*cd_catalog)(const void *catalog, uint32_t len);
    void (*cd_image)(const void *image, uint32_t len);
    void (*cd_boot_code)(const struct eltorito *e, const uint8_t *image,
                         uint32_t len);
    void (*int18)(void);
    void (*int19)(void);
    void (*linux_at)(uint16_t segment);
    void (*linux_image)(const struct linux_image *image);
    void (*int1a)(struct bregs *r);
    void (*resume)(uint8_t *log, uint32_t log_size);
};

/* NULL without a TPM. */
extern const struct measure_ops *measure_ops;

/* Before the first option ROM of this POST. */
static inline void measure_option_rom_scan(void)
{
    if (measure_ops)
        measure_ops->option_rom_scan();
}

/* An option ROM's image, from the copy that will run, before it runs. */
static inline void measure_option_rom(pci_bdf bdf, const void *rom,
                                      uint32_t len)
{
    if (measure_ops)
        measure_ops->option_rom(bdf, rom, len);
}

/* A person opened the boot menu ... */
static inline void measure_setup_entered(void)
{
    if (measure_ops)
        measure_ops->setup_entered();
}

/* ... and picked another device. */
static inline void measure_boot_intervention(void)
{
    if (measure_ops)
        measure_ops->boot_intervention();
}

/*
 * POST is over: "Calling INT 19h", separators, platform authorisation gone.
 * Called once, before the first byte from a disk or a boot ROM is run.
 */
static inline void measure_handover(void)
{
    if (measure_ops)
        measure_ops->handover();
}

/* An attempt to boot begins; text names the device for the log. */
static inline void measure_boot_attempt(enum boot_kind kind, uint8_t drive,
                                        const char *text)
{
    if (measure_ops)
        measure_ops->boot_attempt(kind, drive, text);
}

/* The 512-byte sector that will be executed, from where it will be executed;
 * then what it is about to load from its disk. */
static inline void measure_mbr(const void *sector)
{
    if (measure_ops)
        measure_ops->mbr(sector);
}

static inline void measure_disk_boot_code(struct drive *d,
                                          const uint8_t *mbr)
{
    if (measure_ops)
        measure_ops->disk_boot_code(d, mbr);
}

/* An El Torito boot: the catalog sector, then the image as loaded, then the
 * rest of the boot image of which len bytes are loaded. */
static inline void measure_cd_catalog(const void *catalog, uint32_t len)
{
    if (measure_ops)
        measure_ops->cd_catalog(catalog, len);
}

static inline void measure_cd_image(const void *image, uint32_t len)
{
    if (measure_ops)
        measure_ops->cd_image(image, len);
}

static inline void measure_cd_boot_code(const struct eltorito *e,
                                        const uint8_t *image, uint32_t len)
{
    if (measure_ops)
        measure_ops->cd_boot_code(e, image, len);
}

/* The boot came back. */
static inline void measure_int18(void)
{
    if (measure_ops)
        measure_ops->int18();
}

static inline void measure_int19(void)
{
    if (measure_ops)
        measure_ops->int19();
}

/*
 * Someone at this segment says (INT 15h AX=EC00h) in which mode it will run.
 * If the header of the Linux boot protocol is there, measure command line,
 * kernel and initrd from memory, once.  Any memory contents are safe.
 */
static inline void measure_linux_at(uint16_t segment)
{
    if (measure_ops)
        measure_ops->linux_at(segment);
}

/* The same events for a kernel that was loaded by linux_boot(), and before
 * them its setup code. */
static inline void measure_linux_image(const struct linux_image *image)
{
    if (measure_ops)
        measure_ops->linux_image(image);
}

#endif
