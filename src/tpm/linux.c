/* SPDX-License-Identifier: MIT */
/*
 * Measure a Linux kernel, its command line and its initrd where they lie in
 * memory, before the kernel's code goes on: for the kernel that linux_boot.c
 * loaded, and for those of boot loaders that enter the kernel's setup code,
 * which calls INT 15h AX=EC00h early.  In the TPM's overlay.
 *
 * Addresses and sizes in a header are somebody else's: only RAM of the OS is
 * read.  What cannot be read is reported and not measured, which shows in the
 * PCRs.
 *
 * Linux Documentation/arch/x86/boot.rst.
 */
#include "tpm/hooks.h"

#include <string.h>

#include "boot/handover.h"
#include "boot/linux_header.h"
#include "core/real.h"
#include "fw/e820.h"
#include "fw/fwcfg.h"
#include "fw/fwcfg_io.h"
#include "lib/io.h"
#include "lib/print.h"
#include "lib/timer.h"
#include "measure/tpm.h"
#include "tcg/multihash.h"
#include "tpm/share.h"

#define CMDLINE_DEFAULT     255u        /* before protocol 2.06 */
#define CMDLINE_LIMIT       0x10000u
#define SETUP_DATA_MAX      16u         /* entries of the list */
#define QUIET_US            500000u     /* then a line on the screen */
#define SHARED_LEAST        0x40000u    /* less is not worth the start */

struct handover handover;

/*
 * Of what was measured last: the part of its header that says where things
 * are.  After linux_boot() the kernel itself says EC00h, and a second call
 * measures nothing new.
 */
#define WHERE               LINUX_SYSSIZE
#define WHERE_LEN           (LINUX_INITRD_MAX - WHERE)
static uint8_t measured[WHERE_LEN];

/* --------------------------------------------- big things, with pauses */

struct file {
    const char *name;
    uint8_t *at;
    uint32_t len;               /* to measure */
    volatile uint32_t there;    /* of that; the rest is still in fw_cfg */
    uint16_t key;
    bool shared;                /* by other processors, if there are any */
    bool said;
    uint64_t start;
};

static void pause(struct file *f)
{
    yield();
    if (!f->said && timer_now_us() - f->start > QUIET_US) {
        print("Measuring %s, %u MiB...\n", f->name, f->len >> 20);
        f->said = true;
    }
}

static uint32_t step(const struct file *f, uint32_t done)
{
    return f->len - done < SHARE_STEP ? f->len - done : SHARE_STEP;
}

/* The next step's bytes; only then others may know of them. */
static void copy(struct file *f)
{
    uint32_t n = step(f, f->there);

    fwcfg_io_read_part(f->key, f->at, f->there, n);
    barrier();
    f->there += n;
}

static void feed_steps(struct file *f, struct multihash *m)
{
    for (uint32_t done = 0, n; done < f->len; done += n) {
        if (done)
            pause(f);
        n = step(f, done);
        if (done == f->there)
            copy(f);
        multihash_update(m, f->at + done, n);
    }
}

static void feed_file(void *arg, struct multihash *m)
{
    struct file *f = arg;

    if (!f->shared || f->len < SHARED_LEAST ||
        !share_begin(m, f->at, f->len, &f->there)) {
        feed_steps(f, m);
        return;
    }
    while (f->there < f->len) {
        copy(f);
        pause(f);
    }
    do {
        pause(f);
        while (share_next(m))
            feed_steps(f, m);
    } while (share_waits(m));
}

/*
 * Measure len bytes at at.  key: they are the first ones of this item of
 * fw_cfg, which is size bytes and loaded there meanwhile; 0: they are there.
 */
static void measure_file(const char *name, uint8_t *at, uint32_t len,
                         uint16_t key, uint32_t size, bool shared)
{
    struct file f = {
        .name = name, .at = at, .len = len, .there = key ? 0 : len,
        .key = key, .shared = shared, .start = timer_now_us(),
    };
    struct tcg_digests d;

    tcg_hash_feed(&tpm, feed_file, &f, &d);
    /* What is not measured, and where there is no bank, all. */
    if (f.there < size)
        fwcfg_io_read_part(key, at, f.there, size - f.there);
    (void)tcg_measure_taken(&tpm, TCG_LINUX_FILE, &d, 0, name);
}

static void measure_cmdline(const char *text, uint32_t len)
{
    (void)tcg_measure_bytes(&tpm, TCG_LINUX_CMDLINE, text, len);
}

/* --------------------------------------------- from a header's words */

/*
 * The payload's length: what the header says, because files have more behind
 * it (signatures) that loaders treat differently; all that is there if the
 * header says nothing sensible.
 */
static uint32_t payload_len(const uint8_t *setup, uint32_t available)
{
    uint32_t units = linux_u32(setup + LINUX_SYSSIZE);

    if (linux_u16(setup + LINUX_VERSION) < 0x204)
        units &= 0xffff;
    return units == 0 || units > available / 16 ? available : units * 16;
}

static bool in_ram(const char *name, uint32_t at, uint32_t len)
{
    if (e820_is_ram(at, len))
        return true;
    print("%s (%u bytes at %08x) is not in RAM, not measured\n", name, len,
          at);
    return false;
}

static void measure_if_ram(const char *name, uint32_t at, uint32_t len)
{
    if (in_ram(name, at, len))
        measure_file(name, (uint8_t *)at, len, 0, 0, false);
}

/* The command line's end, as far as there is RAM; len counts no NUL. */
static void measure_cmdline_at(uint32_t at, uint32_t max)
{
    const char *text = (const char *)at;
    uint32_t len = 0;

    while (len < max && e820_is_ram(at, len + 1) && text[len])
        len++;
    if (in_ram("Linux command line", at, len + 1))
        measure_cmdline(text, len);
}

/* One entry of the setup data: its type and what follows. */
static void measure_setup_entry(const struct linux_setup_data *d)
{
    struct tcg_piece pieces[] = {
        { &d->type, sizeof(d->type) }, { d + 1, d->len },
    };

    (void)tcg_measure(&tpm, TCG_LINUX_FILE, pieces, ARRAY_SIZE(pieces), 0,
                      "Linux setup data");
}

/*
 * What a loader hands over beyond the header, a device tree say.  A seed for
 * the kernel's random numbers is another one at each boot, and no instruction:
 * it is left out.  Where the list cannot be read its address is measured, since
 * the kernel may read what is there.
 */
static void measure_setup_data(const uint8_t *setup)
{
    const struct linux_setup_data *d;
    uint64_t at = *(const uint64_t *)(setup + LINUX_SETUP_DATA);

    if (linux_u16(setup + LINUX_VERSION) < LINUX_SETUP_DATA_VERSION)
        return;
    for (unsigned n = 0; at != 0; n++, at = d->next) {
        d = (const struct linux_setup_data *)(uint32_t)at;
        if (n == SETUP_DATA_MAX || at > UINT32_MAX - sizeof(*d) ||
            !in_ram("Linux setup data", (uint32_t)at, sizeof(*d)) ||
            !in_ram("Linux setup data", (uint32_t)(d + 1), d->len)) {
            (void)tcg_measure_bytes(&tpm, TCG_LINUX_FILE, &at, sizeof(at));
            return;
        }
        if (d->type != LINUX_SETUP_RNG_SEED)
            measure_setup_entry(d);
    }
}

void linux_at(uint16_t segment)
{
    uint8_t *setup = (uint8_t *)((uint32_t)segment << 4);
    uint32_t max = CMDLINE_DEFAULT, at, len;

    if (!handover.linux_hook || !tcg_usable(&tpm) ||
        !e820_is_ram((uint32_t)setup, LINUX_HEADER_END) ||
        !linux_header_ok(setup))
        return;
    if (memcmp(setup + WHERE, measured, WHERE_LEN) == 0)
        return;
    memcpy(measured, setup + WHERE, WHERE_LEN);
    if (linux_u16(setup + LINUX_VERSION) >= 0x206)
        max = linux_u32(setup + LINUX_CMDLINE_SIZE);
    at = linux_u32(setup + LINUX_CMDLINE);
    if (at)
        measure_cmdline_at(at, max < CMDLINE_LIMIT ? max : CMDLINE_LIMIT);
    measure_if_ram("Linux kernel", linux_u32(setup + LINUX_CODE32),
                   payload_len(setup, UINT32_MAX));
    len = linux_u32(setup + LINUX_RAMDISK_SIZE);
    if (len)
        measure_if_ram("Linux initrd", linux_u32(setup + LINUX_RAMDISK), len);
    measure_setup_data(setup);
}

/*
 * The setup code as it is in the file but for the header's fields that the
 * loader fills in, which count as zero.
 */
static void measure_setup(const struct linux_image *k)
{
    static const struct { uint16_t at, len; } filled[] = {
        { LINUX_VID_MODE, 2 }, { LINUX_LOADER, 2 }, { LINUX_RAMDISK, 8 },
        { LINUX_HEAP_END, 2 }, { LINUX_CMDLINE, 4 }, { LINUX_SETUP_DATA, 8 },
    };
    uint8_t header[LINUX_HEADER_END];
    struct tcg_piece pieces[] = {
        { header, sizeof(header) },
        { k->setup + sizeof(header), k->setup_len - sizeof(header) },
    };

    memcpy(header, k->setup, sizeof(header));
    for (size_t i = 0; i < ARRAY_SIZE(filled); i++)
        memset(header + filled[i].at, 0, filled[i].len);
    (void)tcg_measure(&tpm, TCG_LINUX_FILE, pieces, ARRAY_SIZE(pieces), 0,
                      "Linux setup");
}

bool linux_image(const struct linux_image *k)
{
    if (!tcg_usable(&tpm))
        return false;
    measure_cmdline(k->cmdline, strlen(k->cmdline));
    measure_setup(k);
    measure_file("Linux kernel", k->payload,
                 payload_len(k->setup, k->payload_len), FWCFG_KERNEL_DATA,
                 k->payload_len, k->first);
    if (k->initrd_len)
        measure_file("Linux initrd", k->initrd, k->initrd_len,
                     FWCFG_INITRD_DATA, k->initrd_len, k->first);
    measure_setup_data(k->setup);
    memcpy(measured, k->setup + WHERE, WHERE_LEN);
    return true;
}
