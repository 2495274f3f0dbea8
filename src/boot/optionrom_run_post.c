/* SPDX-License-Identifier: MIT */
/*
 * Running an option ROM: the copy is measured and called, then what it offers
 * is told to the boot code.  Everything in it is checked against the size that
 * was copied.
 *
 * Leaves to others: where ROMs come from (optionrom_post.c), where they lie
 * (optionrom_space_post.c), boot order (boot_post.c), what ROMs call (pnp.c,
 * pmm_post.c).
 *
 * PCI Firmware Specification 3.0, 5 (expansion ROMs); Plug and Play BIOS
 * Specification 1.0A, 3; BIOS Boot Specification 1.01, 3.3.
 */
#include "boot/optionrom_run.h"

#include <string.h>

#include "boot/boot.h"
#include "boot/optionrom.h"
#include "boot/optionrom_format.h"
#include "boot/optionrom_space.h"
#include "boot/pnp.h"
#include "core/real.h"
#include "fw/bootorder.h"
#include "lib/print.h"
#include "measure/measure.h"

#define PNP_HEADERS_MAX     16u         /* in one ROM */

extern char option_rom_trampoline[];    /* pnp_entry.S */

static bool scan_measured;

/* ------------------------------------------------------------ small parts */

/* The name of a source in messages. */
const char *rom_source_name(const struct rom_source *s)
{
    static char text[72];

    if (s->file)
        format(text, sizeof(text), "%s", s->file);
    else
        format(text, sizeof(text), "of PCI %02x:%02x.%x", PCI_BUS(s->bdf),
               PCI_DEV(s->bdf), PCI_FN(s->bdf));
    return text;
}

static bool same_vector(struct farptr a, struct farptr b)
{
    return a.off == b.off && a.seg == b.seg;
}

static struct farptr vector(uint8_t number)
{
    return (struct farptr){ ivt[number].off, ivt[number].seg };
}

/* Put the firmware's own vector back; what stood there, if it is another. */
static struct farptr take_vector(uint8_t number, struct farptr own)
{
    struct farptr found = vector(number);

    if (same_vector(found, own))
        return (struct farptr){ 0, 0 };
    ivt[number].off = own.off;
    ivt[number].seg = own.seg;
    return found;
}

void option_rom_call(struct farptr entry, pci_bdf bdf, bool interrupts,
                     struct rom_hooks *hooks)
{
    struct farptr own13 = vector(0x13), own18 = vector(0x18);
    struct farptr own19 = vector(0x19);
    uint8_t disks = bda->disk_count;
    struct bregs r = {
        .cs = SEG_BIOS, .ip = (uint16_t)(uint32_t)option_rom_trampoline,
        .ax = bdf, .bx = 0xffff, .dx = 0xffff,
        .es = SEG_BIOS, .di = pnp_offset(),
        .ecx = (uint32_t)entry.seg << 16 | entry.off,
        .flags = interrupts ? FLAG_IF : 0,
    };

    debug("Option ROM: running %04x:%04x\n", entry.seg, entry.off);
    call16(&r);
    hooks->disks = !same_vector(own13, vector(0x13)) ||
                   bda->disk_count > disks;
    hooks->int18 = take_vector(0x18, own18);
    hooks->int19 = take_vector(0x19, own19);
}

/* ------------------------------------------- headers inside a copied image */

static const struct pnp_header *pnp_header(const uint8_t *rom, uint32_t size,
                                           uint16_t at)
{
    const struct pnp_header *p = rom_inside(rom, size, at, sizeof(*p));

    return at && p && memcmp(p->signature, "$PnP", 4) == 0 ? p : NULL;
}

static const struct pnp_header *first_pnp_header(const uint8_t *rom,
                                                 uint32_t size)
{
    const struct rom_header *h = (const void *)rom;

    return pnp_header(rom, size, h->pnp_offset);
}

/* The text at an offset, cut at the first byte that is not printable. */
static void rom_text(const uint8_t *rom, uint32_t size, uint16_t at,
                     const char *otherwise, char *out, size_t cap)
{
    size_t n = 0;

    while (at && at + n < size && n + 1 < cap &&
           rom[at + n] >= 0x20 && rom[at + n] < 0x7f) {
        out[n] = (char)rom[at + n];
        n++;
    }
    out[n] = '\0';
    if (n == 0)
        format(out, cap, "%s", otherwise);
}

/* ----------------------------------------------------- from image to entry */

static int rom_priority(const struct rom_source *s, unsigned instance)
{
    char text[80] = "";

    if (s->bdf == PCI_NONE) {
        if (instance)
            format(text, sizeof(text), "/rom@%s:rom%u", s->file, instance);
        else
            format(text, sizeof(text), "/rom@%s", s->file);
        return bootorder_find_path(text);
    }
    if (instance)
        format(text, sizeof(text), ":rom%u", instance);
    return bootorder_find(s->bdf, text);
}

/* Tell the boot code what a PnP ROM that has been run offers. */
static void announce_pnp(const struct rom_source *s, const uint8_t *rom,
                         uint32_t size)
{
    const struct pnp_header *p = first_pnp_header(rom, size);
    uint16_t seg = (uint16_t)((uint32_t)rom >> 4);
    char name[64];

    for (unsigned n = 0; p && n < PNP_HEADERS_MAX; n++) {
        rom_text(rom, size, p->product_name, "Unknown", name, sizeof(name));
        if (p->bev && p->bev < size)
            boot_add_bev((struct farptr){ p->bev, seg }, name,
                         rom_priority(s, n));
        else if (p->bcv && p->bcv < size)
            boot_add_bcv((struct farptr){ p->bcv, seg }, name,
                         rom_priority(s, n));
        else
            break;
        p = pnp_header(rom, size, p->next);
    }
}

static void announce_hooks(const struct rom_source *s, uint16_t seg,
                           const struct rom_hooks *hooks)
{
    char name[40];

    if (hooks->int19.seg | hooks->int19.off) {
        format(name, sizeof(name), "Option ROM at %04x (INT 19h)", seg);
        boot_add_bev(hooks->int19, name, rom_priority(s, 0));
    }
    if (hooks->int18.seg | hooks->int18.off) {
        format(name, sizeof(name), "Option ROM at %04x (INT 18h)", seg);
        boot_add_last(hooks->int18, name);
    }
}

void rom_run(const struct rom_source *s, uint32_t size, bool display)
{
    uint8_t *rom = (uint8_t *)rom_space_next();
    uint16_t seg = (uint16_t)((uint32_t)rom >> 4);
    struct farptr init = { ROM_INIT_OFFSET, seg };
    bool pnp = first_pnp_header(rom, size);
    pci_bdf bdf = s->bdf == PCI_NONE ? 0 : s->bdf;
    struct rom_hooks hooks;
    uint32_t after;

    if (!scan_measured)
        measure_action(TCG_ROM_SCAN);
    scan_measured = true;
    debug("Option ROM %s: %u KiB at %05x\n", rom_source_name(s), size >> 10,
          (uint32_t)rom);
    measure(TCG_OPTION_ROM, rom, size, bdf, NULL);

    if (!pnp && !display) {
        rom_space_keep(size);
        boot_add_bcv(init, "Legacy option rom", rom_priority(s, 0));
        return;
    }
    option_rom_call(init, bdf, !display, &hooks);

    /* It may have given space back, or all of it. */
    after = rom[ROM_SIZE_AT] * ROM_UNIT;
    if (after > size) {
        debug("Option ROM %s: wants to grow to %u bytes, ignored\n",
              rom_source_name(s), after);
        after = size;
    }
    rom_space_keep(after);
    if (display)
        return;
    announce_pnp(s, rom, after);
    announce_hooks(s, seg, &hooks);
}
