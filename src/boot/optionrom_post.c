/* SPDX-License-Identifier: MIT */
/*
 * Where option ROMs come from.  A ROM is read once: it is copied to where it
 * will run, the copy is checked, measured and run, and its source is not looked
 * at again.
 *
 * Leaves to others: where a ROM lies (optionrom_space_post.c), and to run it
 * (optionrom_run_post.c).
 *
 * PCI Firmware Specification 3.0, 5 (expansion ROMs).
 */
#include "boot/optionrom.h"

#include <string.h>

#include "boot/handover.h"
#include "boot/optionrom_find.h"
#include "boot/optionrom_format.h"
#include "boot/optionrom_run.h"
#include "boot/optionrom_space.h"
#include "core/real.h"
#include "fw/fwcfg.h"
#include "lib/err.h"
#include "lib/print.h"

#define ROMS_MAX            64u         /* looked at: no more could stay */
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
              "are not used\n", rom_source_name(s), ROMS_MAX);
    return false;
}

/* The most bytes that are to stay of a copy; 0 when there is no room for them,
 * and says so. */
static uint32_t room_for(const struct rom_source *s, const uint8_t *rom,
                         uint32_t size)
{
    uint32_t stays = rom_space_is_lent(rom) ? rom_stays(rom, size) : size;

    if (stays && stays <= rom_space_left())
        return stays;
    print("Option ROM %s: no room (%u bytes%s, %u left), not used%s\n",
          rom_source_name(s), stays ? stays : size, stays ? " to stay" : "",
          rom_space_left(),
          s->file ? "" : "; romfile= can give the device a smaller one");
    return 0;
}

/* The copy, size bytes, is an image as announced. */
static bool copy_is_good(const struct rom_source *s, const uint8_t *rom,
                         uint32_t size)
{
    if (image_size(rom) != size) {
        print("Option ROM %s: changed while it was read, not used\n",
              rom_source_name(s));
        return false;
    }
    if (!rom_sum_is_good(rom, size)) {
        print("Option ROM %s: wrong checksum, not used\n", rom_source_name(s));
        return false;
    }
    return true;
}

/* A ROM has been copied to rom_space_for(). */
static void use_copy(const struct rom_source *s, uint8_t *rom, uint32_t size,
                     bool display)
{
    uint32_t stays = room_for(s, rom, size);

    if (stays && copy_is_good(s, rom, size))
        rom_run(s, rom, size, stays, display);
    rom_space_return(rom);
}

/* ------------------------------------------------------- ROMs out of files */

static void rom_from_file(const struct rom_source *s,
                          const struct fwcfg_file *f, bool display)
{
    uint8_t header[ROM_HEADER_SIZE], *rom;
    uint32_t size = 0;

    if (!may_look(s))
        return;
    if (f->size >= sizeof(header)) {
        fwcfg_read(f->key, header, sizeof(header));
        size = image_size(header);
    }
    if (size == 0 || size > f->size) {
        print("Option ROM %s: %s, not used\n", rom_source_name(s),
              size ? "shorter than its header says" : "no option ROM");
        return;
    }
    rom = rom_space_for(size);
    fwcfg_read(f->key, rom, size);
    use_copy(s, rom, size, display);
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
 * to rom_space_for().  Returns its size, or 0 when there is none that can be
 * used (with a message if it ought to).
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
        print("Option ROM %s: %s, not used\n", rom_source_name(s), why);
    if (at < 0)
        size = 0;
    else
        memcpy(rom_space_for(size), (const uint8_t *)address + at, size);
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
    if (d->header_type != 0 || !d->has_rom)
        return;
    bar = pci_read32(s.bdf, PCI_ROM_BAR) & PCI_ROM_ADDRESS;
    if (bar == 0 || bar == PCI_ROM_ADDRESS || !pci_roms_wanted(display))
        return;
    size = copy_pci_rom(&s, bar);
    if (size)
        use_copy(&s, rom_space_for(size), size, display);
}

/* ------------------------------------------------------------------ display */

/* It decodes the VGA addresses, and the bridges above it pass them on. */
static bool is_vga(const struct pci_device *d)
{
    const uint16_t decode = PCI_COMMAND_IO | PCI_COMMAND_MEMORY;

    if (d->class != PCI_CLASS_VGA || (d->command & decode) != decode)
        return false;
    for (unsigned depth = 0; d->parent != PCI_NONE && depth < 32; depth++) {
        if (!(pci_read16(d->parent, PCI_BRIDGE_CONTROL) & PCI_BRIDGE_VGA))
            return false;
        d = pci_device_at(d->parent);
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
            found = !rom_space_empty();
        }
    }
    roms_from_files("vgaroms/", true);
    if (rom_space_empty())
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
