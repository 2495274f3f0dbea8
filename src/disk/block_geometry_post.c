/* SPDX-License-Identifier: MIT */
/*
 * Geometry translation.  POST only.
 *
 * INT 13h has 10 bits for cylinders, 8 for heads, 6 for sectors.  A disk that
 * does not fit is shown with fewer cylinders and more heads ("large": bit
 * shift), or with a geometry made up from its size ("LBA-assisted").  The
 * rules are those of SeaBIOS, since partition tables were written under them.
 */
#include "disk/block_geometry.h"

#include <string.h>

#include "fw/bootorder.h"
#include "fw/fwcfg.h"
#include "lib/io.h"
#include "lib/print.h"

#define MAX_CYLINDERS       1024u       /* INT 13h has 10 bits */
#define MAX_HEADS           255u
#define MAX_SECTORS         63u
#define LARGE_LIMIT         131072u     /* cylinders * heads for bit shift */
#define RECHS_CYLINDERS     61439u      /* times 16/15 fits in 16 bits */

#define FILE_NAME           "bios-geometry"
#define FILE_MAX            0x10000u
#define SUFFIX_SIZE         64u

#define CMOS_INDEX          0x70u
#define CMOS_DATA           0x71u
#define CMOS_NMI_OFF        0x80u
#define CMOS_TRANSLATION    0x39u       /* 2 bits for each of 4 IDE drives */
#define CMOS_DRIVES         4u

enum geometry_translation geometry_guess(struct chs p)
{
    if (p.heads == 0)
        return TRANSLATION_LBA;
    if (p.cylinders <= MAX_CYLINDERS && p.heads <= 16 &&
        p.sectors <= MAX_SECTORS)
        return TRANSLATION_NONE;
    return (uint32_t)p.cylinders * p.heads <= LARGE_LIMIT
        ? TRANSLATION_LARGE : TRANSLATION_LBA;
}

static struct chs assisted(uint64_t sectors)
{
    struct chs c = { MAX_CYLINDERS, MAX_HEADS, MAX_SECTORS };
    uint32_t tracks;

    if (sectors > MAX_SECTORS * MAX_HEADS * MAX_CYLINDERS)
        return c;
    tracks = (uint32_t)sectors / MAX_SECTORS;
    for (c.heads = 16; c.heads <= 128; c.heads *= 2)
        if (tracks / MAX_CYLINDERS <= c.heads)
            break;
    if (c.heads > 128)
        c.heads = MAX_HEADS;
    c.cylinders = (uint16_t)(tracks / c.heads);
    if (c.cylinders == 0)
        c.cylinders = 1;
    return c;
}

struct chs geometry_translate(struct chs p, uint64_t sectors,
                              enum geometry_translation t)
{
    uint32_t cylinders = p.cylinders, heads = p.heads;

    if (t == TRANSLATION_RECHS && heads == 16) {
        if (cylinders > RECHS_CYLINDERS)
            cylinders = RECHS_CYLINDERS;
        heads = 15;
        cylinders = cylinders * 16 / 15;
    }
    if (t == TRANSLATION_LARGE || t == TRANSLATION_RECHS) {
        while (cylinders > MAX_CYLINDERS && heads <= 127) {
            cylinders /= 2;
            heads *= 2;
        }
    }
    if (t == TRANSLATION_LBA || heads == 0 || heads > MAX_HEADS ||
        p.sectors == 0 || p.sectors > MAX_SECTORS || cylinders == 0) {
        struct chs c = assisted(sectors);

        cylinders = c.cylinders;
        heads = c.heads;
        p.sectors = c.sectors;
    }
    if (cylinders > MAX_CYLINDERS)
        cylinders = MAX_CYLINDERS;
    return (struct chs){
        (uint16_t)cylinders, (uint16_t)heads, p.sectors,
    };
}

static enum geometry_translation from_cmos(unsigned drive)
{
    outb(CMOS_INDEX, CMOS_TRANSLATION | CMOS_NMI_OFF);
    return inb(CMOS_DATA) >> 2 * drive & 3;
}

const char *geometry_parse(const char *at, struct chs *c)
{
    uint32_t v[3] = { 0, 0, 0 };

    for (unsigned i = 0; i < ARRAY_SIZE(v); i++) {
        if (*at != ' ')
            return NULL;
        at++;
        for (; *at >= '0' && *at <= '9' && v[i] <= MAX_CYLINDERS; at++)
            v[i] = v[i] * 10 + (uint32_t)(*at - '0');
    }
    if (v[0] == 0 || v[0] > MAX_CYLINDERS || v[1] == 0 || v[1] > MAX_HEADS ||
        v[2] == 0 || v[2] > MAX_SECTORS)
        return NULL;
    *c = (struct chs){ (uint16_t)v[0], (uint16_t)v[1], (uint16_t)v[2] };
    return at;
}

/* The user's own geometry: lines "path cylinders heads sectors". */
static bool from_file(const struct drive *d, struct chs *c)
{
    static bool loaded;
    static const char *text;
    char pattern[BOOTORDER_PATH_SIZE], suffix[SUFFIX_SIZE];
    uint32_t size;

    if (!loaded)
        text = fwcfg_load(FILE_NAME, FILE_MAX, &size);
    loaded = true;
    if (text == NULL)
        return false;
    format(suffix, sizeof(suffix), "/%s", d->path);
    if (bootorder_path(d->bdf, suffix, pattern, sizeof(pattern)) < 0)
        return false;
    for (const char *line = text; line != NULL; ) {
        const char *next = strchr(line, '\n');
        const char *space = strchr(line, ' ');

        if (space != NULL && (next == NULL || space < next) &&
            bootorder_matches(pattern, line, space)) {
            if (geometry_parse(space, c) != NULL)
                return true;
            print("%s: the geometry in %s is impossible, not used\n",
                  d->description, FILE_NAME);
            return false;
        }
        line = next != NULL ? next + 1 : NULL;
    }
    return false;
}

void geometry_set(struct drive *d)
{
    enum geometry_translation t = geometry_guess(d->physical);
    struct ide_place ide;

    if (from_file(d, &d->logical))
        return;

    if (d->ops->ide_place) {
        d->ops->ide_place(d, &ide);
        if (ide.number < CMOS_DRIVES / 2)
            t = from_cmos(ide.number * 2u + d->ata_unit);
    }
    d->logical = geometry_translate(d->physical, d->sectors, t);
}
