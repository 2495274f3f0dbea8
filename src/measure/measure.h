/* SPDX-License-Identifier: MIT */
/*
 * What POST and the boot code say to the TPM module.  The policy (PCR, event
 * type, text) is one table in src/tcg/measure.c; this is the way to it.  The
 * code behind it is in the TPM's overlay: without a TPM each of these does
 * nothing.  Resident.
 *
 * Results are not looked at: a failure has been printed and has closed measured
 * boot in the module, and the boot goes on.
 */
#ifndef MEASURE_H
#define MEASURE_H

#include "core/regs.h"
#include "tcg/tcg.h"

struct drive;                   /* disk/block.h */
struct eltorito;                /* disk/eltorito.h */

/* The kernel that linux_boot() boots; payload and initrd are loaded later. */
struct linux_image {
    uint8_t *setup;
    uint32_t setup_len;         /* all setup sectors */
    uint8_t *payload;           /* what follows in the file */
    uint32_t payload_len;
    const char *cmdline;        /* with its NUL */
    uint8_t *initrd;
    uint32_t initrd_len;        /* 0: none */
    bool first;                 /* nothing else has been booted */
};

/* The table at the start of the overlay's resident part. */
struct measure_ops {
    void (*event)(enum tcg_event what, const void *data, uint32_t len,
                  uint32_t number, const char *text);
    void (*disk_boot_code)(struct drive *d, const uint8_t *mbr);
    void (*cd_boot_code)(const struct eltorito *e, const uint8_t *image,
                         uint32_t len);
    void (*linux_at)(uint16_t segment);
    bool (*linux_image)(const struct linux_image *image);
    void (*handover)(void);
    void (*int1a)(struct bregs *r);
    void (*resume)(uint8_t *log, uint32_t log_size);
};

/* NULL without a TPM. */
extern const struct measure_ops *measure_ops;

/*
 * Measure an event.  enum tcg_event says what data, number and text are for
 * each; 0 and NULL where it names none.
 */
static inline void measure(enum tcg_event what, const void *data, uint32_t len,
                           uint32_t number, const char *text)
{
    if (measure_ops)
        measure_ops->event(what, data, len, number, text);
}

/* An event that is its own text. */
static inline void measure_action(enum tcg_event what)
{
    measure(what, NULL, 0, 0, NULL);
}

/* What a boot sector is about to load from its disk: several events. */
static inline void measure_disk_boot_code(struct drive *d, const uint8_t *mbr)
{
    if (measure_ops)
        measure_ops->disk_boot_code(d, mbr);
}

/* The rest of an El Torito boot image of which len bytes are loaded. */
static inline void measure_cd_boot_code(const struct eltorito *e,
                                        const uint8_t *image, uint32_t len)
{
    if (measure_ops)
        measure_ops->cd_boot_code(e, image, len);
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

/*
 * The same events for the kernel of linux_boot(), and before them its setup
 * code.  Loads payload and initrd on the way, so that each part is hashed when
 * it has just come.  False: nothing is measured, and nothing is loaded.
 */
static inline bool measure_linux_image(const struct linux_image *image)
{
    return measure_ops && measure_ops->linux_image(image);
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

#endif
