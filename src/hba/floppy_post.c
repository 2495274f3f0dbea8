/* SPDX-License-Identifier: MIT */
/*
 * Floppy drives, as CMOS names them.  POST only.
 */
#include "hba/floppy.h"

#include "core/alloc.h"
#include "core/bda.h"
#include "hw/pci.h"
#include "lib/io.h"

#define CMOS_INDEX          0x70u
#define CMOS_DATA           0x71u
#define CMOS_NMI_OFF        0x80u
#define CMOS_FLOPPIES       0x10u       /* 7:4 first, 3:0 second drive */
#define CLASS_ISA_BRIDGE    0x0601u
#define EQUIPMENT_FLOPPY    (1u << 0)
#define EQUIPMENT_SECOND    (1u << 6)

/* By CMOS code; empty: not for this driver (360K and 720K drives). */
static const struct chs geometries[] = {
    [2] = { 80, 2, 15 }, [4] = { 80, 2, 18 }, [5] = { 80, 2, 36 },
    [6] = { 80, 2, 36 },
};

static pci_bdf isa_bridge(void)
{
    PCI_FOREACH (d)
        if (d->class == CLASS_ISA_BRIDGE)
            return d->bdf;
    return 0;
}

static void add_drive(unsigned unit, uint8_t kind)
{
    struct drive *d;

    if (kind >= ARRAY_SIZE(geometries) || geometries[kind].sectors == 0)
        return;
    if (floppy_buffer == NULL)
        floppy_buffer = malloc_low(SECTOR_SIZE, SECTOR_SIZE);
    d = malloc_high(sizeof(*d), 8);
    if (d == NULL || floppy_buffer == NULL)
        return;                 /* the allocator has said it */
    d->ops = &floppy_ops;
    d->type = DRIVE_FLOPPY;
    d->removable = true;
    d->ready = true;
    d->ata_unit = (uint8_t)unit;
    d->floppy_kind = kind;
    d->sector_size = SECTOR_SIZE;
    d->bdf = isa_bridge();
    d->physical = d->logical = geometries[kind];
    d->sectors = (uint32_t)d->logical.cylinders * d->logical.heads *
        d->logical.sectors;
    d->path = drive_text("fdc@03f0/floppy@%x", unit);
    d->description = drive_text("Floppy [drive %c]", 'A' + unit);
    bda->equipment |= unit == 0 ? EQUIPMENT_FLOPPY
                                : EQUIPMENT_FLOPPY | EQUIPMENT_SECOND;
    drive_register(d);
}

void floppy_setup(void)
{
    uint8_t kinds;

    outb(CMOS_INDEX, CMOS_FLOPPIES | CMOS_NMI_OFF);
    kinds = inb(CMOS_DATA);
    for (unsigned unit = 0; unit < FLOPPY_DRIVES; unit++)
        add_drive(unit, unit == 0 ? kinds >> 4 : kinds & 0xf);
}
