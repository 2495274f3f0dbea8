/* SPDX-License-Identifier: MIT */
/*
 * Option ROMs.  A ROM is read once: it is copied to where it will run, the
 * copy is checked, measured and run, and its source is not looked at again.
 * Everything in it is checked against the size that was copied.
 *
 * Leaves to others: boot order (boot_post.c), what ROMs call (pnp.c, pmm.c).
 *
 * PCI Firmware Specification 3.0, 5 (expansion ROMs); Plug and Play BIOS
 * Specification 1.0A, 3; BIOS Boot Specification 1.01, 3.3.
 *
 * Long because finding, checking and running a ROM share where it is copied to.
 */
#include "boot/optionrom.h"

#include <string.h>

#include "boot/boot.h"
#include "boot/handover.h"
#include "boot/optionrom_find.h"
#include "boot/optionrom_format.h"
#include "boot/pnp.h"
#include "core/layout.h"
#include "core/real.h"
#include "fw/bootorder.h"
#include "fw/fwcfg.h"
#include "hw/shadow.h"
#include "lib/checksum.h"
#include "lib/err.h"
#include "lib/print.h"
#include "measure/measure.h"

#define ROM_SPACE_START     0xc0000u
#define ROM_SPACE_END       DATA_START
#define ROM_ALIGN           2048u
#define ROMS_MAX            64u         /* looked at: no more could stay */
#define PNP_HEADERS_MAX     16u         /* in one ROM */
#define PCI_CLASS_BASE(c)   ((c) >> 8)
#define PCI_BASE_DISPLAY    0x03u
#define PCI_CLASS_VGA       0x0300u
#define PCI_BRIDGE_VGA      (1u << 3)
#define PCI_ROM_ADDRESS     0xfffff800u
#define VIDEO_TEXT_MODE     0x0003u     /* INT 10h AX */
#define VIDEO_NO_CLEAR      (1u << 7)
#define VIDEO_CTL_NOT_CLEARED (1u << 7) /* 40:87 */
#define TEXT_MEMORY         0xb8000u
#define TEXT_MEMORY_SIZE    0x8000u
#define TEXT_BLANKS         0x07200720u

/* Where a ROM came from. */
struct rom_source {
    pci_bdf bdf;                /* PCI_NONE: no device's */
    uint16_t vendor, device;
    const char *file;           /* fw_cfg name, or NULL: read from the device */
};

extern char option_rom_trampoline[];    /* pnp_entry.S */

static uint32_t rom_next = ROM_SPACE_START;     /* free from here */
static bool scan_measured;

/* ------------------------------------------------------------ small parts */

/* The name of a source in messages. */
static const char *source_name(const struct rom_source *s)
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

/* A structure of len bytes at an offset, or NULL when it is not all inside. */
static const void *inside(const uint8_t *rom, uint32_t size, uint32_t at,
                          uint32_t len)
{
    return at <= size && size - at >= len ? rom + at : NULL;
}

static const struct pnp_header *pnp_header(const uint8_t *rom, uint32_t size,
                                           uint16_t at)
{
    const struct pnp_header *p = inside(rom, size, at, sizeof(*p));

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

/* The ROM at rom_next keeps that many bytes. */
static void take_room(uint32_t size)
{
    uint32_t end = rom_next + size;

    rom_next = ALIGN_UP(end, ROM_ALIGN);
    memset((void *)end, 0, rom_next - end);
}

/*
 * A ROM of size bytes has been copied to rom_next: measure it and run it.  A
 * ROM without a PnP header that is no display's is run in boot order only.
 */
static void rom_run(const struct rom_source *s, uint32_t size, bool display)
{
    uint8_t *rom = (uint8_t *)rom_next;
    uint16_t seg = (uint16_t)(rom_next >> 4);
    struct farptr init = { ROM_INIT_OFFSET, seg };
    bool pnp = first_pnp_header(rom, size);
    pci_bdf bdf = s->bdf == PCI_NONE ? 0 : s->bdf;
    struct rom_hooks hooks;
    uint32_t after;

    if (!scan_measured)
        measure_action(TCG_ROM_SCAN);
    scan_measured = true;
    debug("Option ROM %s: %u KiB at %05x\n", source_name(s), size >> 10,
          rom_next);
    measure(TCG_OPTION_ROM, rom, size, bdf, NULL);

    if (!pnp && !display) {
        take_room(size);
        boot_add_bcv(init, "Legacy option rom", rom_priority(s, 0));
        return;
    }
    option_rom_call(init, bdf, !display, &hooks);

    /* It may have given space back, or all of it. */
    after = rom[ROM_SIZE_AT] * ROM_UNIT;
    if (after > size) {
        debug("Option ROM %s: wants to grow to %u bytes, ignored\n",
              source_name(s), after);
        after = size;
    }
    take_room(after);
    if (display)
        return;
    announce_pnp(s, rom, after);
    announce_hooks(s, seg, &hooks);
}

/* -------------------------------------------------------- checks on images */

/* The size in the header of an image; 0 when it has no signature. */
static uint32_t image_size(const uint8_t *header)
{
    const struct rom_header *h = (const void *)header;

    return h->signature == ROM_SIGNATURE ? h->size * ROM_UNIT : 0;
}

/* May one more ROM be looked at?  Says so, once, if not: ROMs that give all
 * their space back could go on for ever. */
static bool may_look(const struct rom_source *s)
{
    static unsigned count;

    if (count < ROMS_MAX) {
        count++;
        return true;
    }
    if (count++ == ROMS_MAX)
        print("Option ROM %s: more than %u option ROMs, this and the rest "
              "are not used\n", source_name(s), ROMS_MAX);
    return false;
}

/* There is room for it: says so if not. */
static bool room_for(const struct rom_source *s, uint32_t size)
{
    if (size <= ROM_SPACE_END - rom_next)
        return true;
    print("Option ROM %s: no room (%u bytes, %u left), not used\n",
          source_name(s), size, ROM_SPACE_END - rom_next);
    return false;
}

/* The copy at rom_next, size bytes, is an image as announced. */
static bool copy_is_good(const struct rom_source *s, uint32_t size)
{
    const uint8_t *rom = (const uint8_t *)rom_next;

    if (image_size(rom) != size) {
        print("Option ROM %s: changed while it was read, not used\n",
              source_name(s));
        return false;
    }
    if (byte_sum(rom, size) != 0 &&
        fwcfg_number("etc/optionroms-checksum", 1) != 0) {
        print("Option ROM %s: wrong checksum, not used\n", source_name(s));
        return false;
    }
    return true;
}

/* ------------------------------------------------------- ROMs out of files */

static void rom_from_file(const struct rom_source *s,
                          const struct fwcfg_file *f, bool display)
{
    uint8_t header[ROM_HEADER_SIZE];
    uint32_t size = 0;

    if (!may_look(s))
        return;
    if (f->size >= sizeof(header)) {
        fwcfg_read(f->key, header, sizeof(header));
        size = image_size(header);
    }
    if (size == 0 || size > f->size) {
        print("Option ROM %s: %s, not used\n", source_name(s),
              size ? "shorter than its header says" : "no option ROM");
        return;
    }
    if (!room_for(s, size))
        return;
    fwcfg_read(f->key, (void *)rom_next, size);
    if (copy_is_good(s, size))
        rom_run(s, size, display);
}

static void roms_from_files(const char *prefix, bool display)
{
    const struct fwcfg_file *f = NULL;

    while ((f = fwcfg_next(f, prefix)) != NULL) {
        struct rom_source s = { .bdf = PCI_NONE, .file = f->name };

        if (handover_replaces_rom(f->name))
            continue;
        rom_from_file(&s, f, display);
    }
}

/* ----------------------------------------------------------- PCI ROM images */

/*
 * Copy the image of a device's expansion ROM, whose BAR holds that address,
 * to rom_next.  Returns its size, or 0 when there is none that can be used
 * (with a message if it ought to).
 */
static uint32_t copy_pci_rom(const struct rom_source *s, uint32_t address)
{
    uint32_t mask, size = 0;
    uint16_t command;
    const char *why;
    int at;

    pci_write32(s->bdf, PCI_ROM_BAR, PCI_ROM_ADDRESS);
    mask = pci_read32(s->bdf, PCI_ROM_BAR) & PCI_ROM_ADDRESS;
    if (mask == 0 || address + (-mask - 1) < address || !may_look(s))
        goto restore;
    pci_write32(s->bdf, PCI_ROM_BAR, address | PCI_ROM_ENABLE);
    command = pci_read16(s->bdf, PCI_COMMAND);
    if (!(command & PCI_COMMAND_MEMORY))
        pci_write16(s->bdf, PCI_COMMAND, command | PCI_COMMAND_MEMORY);

    at = option_rom_find((const uint8_t *)address, -mask, s->vendor,
                         s->device, &size, &why);
    if (at == ERR_FORMAT)
        print("Option ROM %s: %s, not used\n", source_name(s), why);
    if (at < 0 || !room_for(s, size))
        size = 0;
    else
        memcpy((void *)rom_next, (const uint8_t *)address + at, size);
    if (!(command & PCI_COMMAND_MEMORY))
        pci_write16(s->bdf, PCI_COMMAND, command);
restore:
    pci_write32(s->bdf, PCI_ROM_BAR, address);
    return size;
}

/* etc/pci-optionrom-exec: 0 none, 1 displays only, 2 all. */
static bool pci_roms_wanted(bool display)
{
    uint64_t level = fwcfg_number("etc/pci-optionrom-exec", 2);

    return level > 1 || (level == 1 && display);
}

/* The file that stands in for the ROM of a device, or NULL.  There hardly
 * ever is one, and names are not made in vain. */
static const struct fwcfg_file *file_for(const struct pci_device *d,
                                         char *name, size_t cap)
{
    if (!fwcfg_next(NULL, "pci"))
        return NULL;
    format(name, cap, "pci%04x,%04x.rom", d->vendor, d->device);
    return fwcfg_find(name);
}

static void rom_of_device(const struct pci_device *d, bool display)
{
    struct rom_source s = {
        .bdf = d->bdf, .vendor = d->vendor, .device = d->device,
    };
    char name[24];
    const struct fwcfg_file *f = file_for(d, name, sizeof(name));
    uint32_t bar, size;

    if (f) {
        s.file = name;
        rom_from_file(&s, f, display);
        return;
    }
    if (d->header_type != 0)
        return;
    bar = pci_read32(s.bdf, PCI_ROM_BAR) & PCI_ROM_ADDRESS;
    if (bar == 0 || bar == PCI_ROM_ADDRESS || !pci_roms_wanted(display))
        return;
    size = copy_pci_rom(&s, bar);
    if (size && copy_is_good(&s, size))
        rom_run(&s, size, display);
}

/* ------------------------------------------------------------------ display */

static const struct pci_device *device_at(pci_bdf bdf)
{
    PCI_FOREACH (d)
        if (d->bdf == bdf)
            return d;
    return NULL;
}

/* It decodes the VGA addresses, and the bridges above it pass them on. */
static bool is_vga(const struct pci_device *d)
{
    const uint16_t decode = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;

    if (d->class != PCI_CLASS_VGA ||
        (pci_read16(d->bdf, PCI_COMMAND) & decode) != decode)
        return false;
    for (unsigned depth = 0; d->parent != PCI_NONE && depth < 32; depth++) {
        if (!(pci_read16(d->parent, PCI_BRIDGE_CONTROL) & PCI_BRIDGE_VGA))
            return false;
        d = device_at(d->parent);
        if (!d)
            return false;
    }
    return true;
}

/*
 * Text mode.  On VGA the ROM need not clear 64 KiB of memory, slowly: what
 * can be shown in this mode is cleared here.
 */
static void set_text_mode(bool vga)
{
    struct bregs r = { .ax = VIDEO_TEXT_MODE };
    uint32_t at = TEXT_MEMORY, count = TEXT_MEMORY_SIZE / 4;

    if (vga)
        r.ax |= VIDEO_NO_CLEAR;
    call16_int(0x10, &r);
    if (!vga)
        return;
    __asm__ volatile("rep stosl" : "+D"(at), "+c"(count) : "a"(TEXT_BLANKS)
                     : "memory");
    bda->video_ctl &= (uint8_t)~VIDEO_CTL_NOT_CLEARED;
}

bool vga_rom_run(void)
{
    bool vga = false, found = false;

    PCI_FOREACH(d) {
        if (!vga && is_vga(d)) {
            vga = true;
            rom_of_device(d, true);
        }
    }
    found = vga;
    PCI_FOREACH(d) {            /* a display that is not VGA */
        if (!found && PCI_CLASS_BASE(d->class) == PCI_BASE_DISPLAY) {
            rom_of_device(d, true);
            found = rom_next != ROM_SPACE_START;
        }
    }
    roms_from_files("vgaroms/", true);
    if (rom_next == ROM_SPACE_START)
        return false;
    set_text_mode(vga);
    return true;
}

void option_roms_run(void)
{
    PCI_FOREACH (d)
        if (PCI_CLASS_BASE(d->class) != PCI_BASE_DISPLAY && !d->have_driver)
            rom_of_device(d, false);
    roms_from_files("genroms/", false);
}

/*
 * What is left, and what ROMs have given back, is cleared up to where RAM is
 * hidden: it holds what another boot or an operating system has left.
 */
void option_roms_finish(void)
{
    shadow_roms_end = ALIGN_UP(rom_next, PAM_STEP);
    memset((void *)rom_next, 0, shadow_roms_end - rom_next);
}
