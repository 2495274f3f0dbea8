/* SPDX-License-Identifier: MIT */
/*
 * What drivers do with a drive that they have found: its place in the list, the
 * geometry that INT 13h shows, its name; and when it has been enough.  POST
 * only.
 */
#include "disk/block.h"

#include <string.h>

#include "core/alloc.h"
#include "disk/block_geometry.h"
#include "lib/print.h"

#define TEXT_MAX            128u
#define TEXTS_SIZE          1024u       /* many texts in one allocation */

/* What controllers and units can cost at most, USB's aside (usb_post.c): the
 * time once for starting them all and once for all that is on them. */
#define UNITS_MAX           512u
#define SEARCH_TIMEOUT_MS   60000u

static struct deadline search_end;
static bool search_over;
static unsigned units;

void drives_search(void)
{
    search_end = timer_deadline_seen_ms(SEARCH_TIMEOUT_MS);
    search_over = false;
}

bool drives_enough(bool one)
{
    if (!search_over && (units == UNITS_MAX || timer_seen(&search_end))) {
        search_over = true;
        print("Drives: %u units or %u s are enough, the rest is ignored\n",
              UNITS_MAX, SEARCH_TIMEOUT_MS / 1000);
    }
    if (!search_over && one)
        units++;
    return search_over;
}

/* Where a drive stands in the list; SeaBIOS counts AHCI ports through. */
static int32_t place_of(const struct drive *d)
{
    return d->ops->rank * 0x10000 +
        (d->ops->rank == RANK_AHCI ? d->ata_channel : d->bdf);
}

void drive_register(struct drive *d)
{
    static struct drive *last;
    struct drive **at = &drives;

    if (drive_bounce == NULL)
        drive_bounce = malloc_high(CD_SECTOR_SIZE, 16);
    if (drive_bounce == NULL) {
        print("%s: no memory, drive ignored\n", d->description);
        return;
    }
    d->number = DRIVE_UNNUMBERED;
    if (d->type == DRIVE_HDD)
        geometry_set(d);
    debug("%s\n", d->description);
    /* Most come in order, each behind the one before. */
    if (last != NULL && place_of(last) <= place_of(d))
        at = &last->next;
    while (*at != NULL && place_of(*at) <= place_of(d))
        at = &(*at)->next;
    d->next = *at;
    *at = d;
    last = d;
}

const char *drive_text(const char *fmt, ...)
{
    static char *texts;
    static uint32_t left;
    char buf[TEXT_MAX];
    va_list ap;
    uint32_t size;
    int len;

    va_start(ap, fmt);
    len = vformat(buf, sizeof(buf), fmt, ap);
    va_end(ap);
    if (len >= (int)sizeof(buf))
        len = sizeof(buf) - 1;
    size = (uint32_t)len + 1;
    if (size > left) {
        texts = malloc_high(TEXTS_SIZE, 1);
        left = texts ? TEXTS_SIZE : 0;
        if (texts == NULL)
            return "";
    }
    left -= size;
    return memcpy(texts + left, buf, (size_t)len);
}
