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
#include "core/caller.h"
#include "core/real.h"
#include "fw/bootorder.h"
#include "fw/fwcfg.h"
#include "lib/checksum.h"
#include "lib/print.h"
#include "measure/measure.h"
#include "services/pcibios.h"

#define PNP_HEADERS_MAX     16u         /* in one ROM */
#define NO_CSN              0xffffu     /* not an ISA card's, in BX and DX */

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

static uint16_t segment_of(const uint8_t *rom)
{
    return (uint16_t)((uint32_t)rom >> 4);
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

/* option_rom_call(), with that in BX. */
static void call_with(uint16_t bx, struct farptr entry, pci_bdf bdf,
                      bool interrupts, struct rom_hooks *hooks)
{
    struct farptr own13 = vector(0x13), own18 = vector(0x18);
    struct farptr own19 = vector(0x19);
    uint8_t disks = bda->disk_count;
    struct bregs r = {
        .cs = SEG_BIOS, .ip = (uint16_t)(uint32_t)option_rom_trampoline,
        .ax = bdf, .bx = bx, .dx = NO_CSN,
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

void option_rom_call(struct farptr entry, pci_bdf bdf, bool interrupts,
                     struct rom_hooks *hooks)
{
    call_with(NO_CSN, entry, bdf, interrupts, hooks);
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
    uint16_t seg = segment_of(rom);
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

/* ---------------------------------------------------------- the first call */

bool rom_sum_is_good(const uint8_t *rom, uint32_t size)
{
    return byte_sum(rom, size) == 0 ||
           fwcfg_number("etc/optionroms-checksum", 1) == 0;
}

uint32_t rom_stays(const uint8_t *rom, uint32_t size)
{
    const struct rom_header *h = (const void *)rom;
    const struct pcir_header *p = rom_inside(rom, size, h->pcir_offset,
                                             sizeof(*p));

    if (!p || memcmp(p->signature, "PCIR", 4) || !first_pnp_header(rom, size) ||
        p->revision < PCIR_REVISION_3 || p->length < sizeof(*p) ||
        p->runtime_units * ROM_UNIT > ROM_SIZE_MAX)
        return 0;
    return p->runtime_units * ROM_UNIT;
}

/* Initialise it where it lies.  Returns how much it keeps. */
static uint32_t init_in_place(const struct rom_source *s, uint8_t *rom,
                              uint32_t size, pci_bdf bdf, bool interrupts,
                              struct rom_hooks *hooks)
{
    struct farptr init = { ROM_INIT_OFFSET, segment_of(rom) };
    uint32_t after;

    option_rom_call(init, bdf, interrupts, hooks);

    /* It may have given space back, or all of it. */
    after = rom[ROM_SIZE_AT] * ROM_UNIT;
    if (after > size) {
        debug("Option ROM %s: wants to grow to %u bytes, ignored\n",
              rom_source_name(s), after);
        after = size;
    }
    return after;
}

/* What a ROM has left in its place of room bytes: its size, 0 if it is not
 * what it has promised (with a message). */
static uint32_t what_it_left(const struct rom_source *s, const uint8_t *place,
                             uint32_t room)
{
    const struct rom_header *h = (const void *)place;
    uint32_t size = h->size * ROM_UNIT;
    const char *why = NULL;

    if (h->signature != ROM_SIGNATURE || size == 0)
        why = "it left no option ROM in its place";
    else if (size > room)
        why = "more is to stay of it than it has said";
    else if (!rom_sum_is_good(place, size))
        why = "wrong checksum after its initialisation";
    if (!why)
        return size;
    print("Option ROM %s: %s (%05x), not used\n", rom_source_name(s), why,
          (uint32_t)place);
    return 0;
}

/*
 * Initialise it in lent memory, as of PCI 3.0: told where its place is, it
 * copies there what stays of it, at most room bytes.  Returns how much that is.
 */
static uint32_t init_lent(const struct rom_source *s, const uint8_t *rom,
                          uint32_t room, pci_bdf bdf, bool interrupts,
                          struct rom_hooks *hooks)
{
    struct farptr init = { ROM_INIT_OFFSET, segment_of(rom) };
    const uint8_t *place = rom_space_next();
    uint32_t kept;

    debug("Option ROM %s: at most %u bytes are to stay at %05x\n",
          rom_source_name(s), room, (uint32_t)place);
    rom_space_lent_begin(room);
    pcibios_version = PCI_VERSION_3_0;
    call_with(segment_of(place), init, bdf, interrupts, hooks);
    pcibios_version = PCI_VERSION_2_1;
    kept = what_it_left(s, place, room);
    if (kept == 0)
        *hooks = (struct rom_hooks){ .disks = false };
    if (rom_space_is_gone(linear(hooks->int18.seg, hooks->int18.off), kept))
        hooks->int18 = (struct farptr){ 0, 0 };
    if (rom_space_is_gone(linear(hooks->int19.seg, hooks->int19.off), kept))
        hooks->int19 = (struct farptr){ 0, 0 };
    rom_space_lent_end(kept);
    return kept;
}

void rom_run(const struct rom_source *s, uint8_t *rom, uint32_t size,
             uint32_t stays, bool display)
{
    const uint8_t *place = rom_space_next();
    pci_bdf bdf = s->bdf == PCI_NONE ? 0 : s->bdf;
    struct rom_hooks hooks;
    uint32_t kept;

    if (!scan_measured)
        measure_action(TCG_ROM_SCAN);
    scan_measured = true;
    debug("Option ROM %s: %u KiB at %05x\n", rom_source_name(s), size >> 10,
          (uint32_t)rom);
    measure(TCG_OPTION_ROM, rom, size, bdf, NULL);

    if (!first_pnp_header(rom, size) && !display) {
        struct farptr init = { ROM_INIT_OFFSET, segment_of(rom) };

        rom_space_keep(size);
        boot_add_bcv(init, "Legacy option rom", rom_priority(s, 0));
        return;
    }
    if (rom_space_is_lent(rom))
        kept = init_lent(s, rom, stays, bdf, !display, &hooks);
    else
        kept = init_in_place(s, rom, size, bdf, !display, &hooks);
    rom_space_keep(kept);
    if (display)
        return;
    announce_pnp(s, place, kept);
    announce_hooks(s, segment_of(place), &hooks);
}
