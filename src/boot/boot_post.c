/* SPDX-License-Identifier: MIT */
/*
 * The boot list: candidates from drives and option ROMs, sorted by the user's
 * boot order; then drive numbers in that order, and the list of attempts that
 * boot.c works through after POST.
 *
 * The order comes from the fw_cfg file bootorder (a device's line is its
 * priority), and for devices it does not name from the classes in CMOS, as
 * QEMU's -boot order= fills it.
 *
 * QEMU docs/system/bootindex; BIOS Boot Specification 1.01, 3 and 4.
 */
#include "boot/boot.h"

#include <string.h>

#include "boot/boot_list.h"
#include "boot/optionrom.h"
#include "core/alloc.h"
#include "disk/disk.h"
#include "fw/bootorder.h"
#include "fw/fwcfg.h"
#include "hw/rtc.h"
#include "lib/err.h"
#include "lib/print.h"

#define ROM_ENTRIES_MAX     64u         /* as many as ROMs that can stay */
#define CHUNK               8u         /* candidates in one allocation */
#define PRIORITY_CLASS      0x10000     /* above any line of the file */
#define PRIORITY_UNNAMED    0x20000
#define PRIORITY_LAST       0x30000

#define CMOS_BOOT_FLAGS     0x38u       /* bit 0; 7:4 third class */
#define CMOS_BOOT_CLASSES   0x3du       /* 3:0 first, 7:4 second class */
#define FLAG_ANY_FLOPPY     (1u << 0)

static bool classes_loaded;
static int class_priority[CLASS_BCV + 1];
static struct boot_candidate *candidates;
static bool halted;                     /* make_list() is behind HALT */

/* ---------------------------------------------------------- boot classes */

/* The classes in CMOS: 1 floppy, 2 disk, 3 CD, 4 network (any BEV). */
static void load_classes(void)
{
    static const uint8_t class_of[] = {
        [1] = CLASS_FLOPPY, [2] = CLASS_HDD, [3] = CLASS_CD, [4] = CLASS_BEV,
    };
    uint32_t order;
    uint8_t flags;

    if (classes_loaded)
        return;
    classes_loaded = true;
    flags = cmos_read(CMOS_BOOT_FLAGS);
    order = cmos_read(CMOS_BOOT_CLASSES) | (flags & 0xf0u) << 4;
    boot_state.any_floppy_sector = flags & FLAG_ANY_FLOPPY;
    for (size_t i = 0; i < ARRAY_SIZE(class_priority); i++)
        class_priority[i] = PRIORITY_UNNAMED;
    for (int i = 0; i < 3; i++, order >>= 4) {
        uint32_t n = order & 0xf;

        if (n >= 1 && n < ARRAY_SIZE(class_of))
            class_priority[class_of[n]] = PRIORITY_CLASS + i;
    }
    class_priority[CLASS_BCV] = class_priority[CLASS_HDD];
}

/* ------------------------------------------------------------- candidates */

/* A place for one more, or NULL (reported).  Drives are bounded where they
 * are found. */
static struct boot_candidate *new_candidate(enum boot_class class,
                                            const char *name)
{
    static struct boot_candidate *chunk;
    static unsigned chunk_left, rom_count;

    if (class == CLASS_BEV || class == CLASS_BCV) {
        if (rom_count > ROM_ENTRIES_MAX)
            return NULL;
        if (rom_count++ == ROM_ENTRIES_MAX) {
            print("Boot list: more than %u entries of option ROMs, the rest "
                  "is left out, from %s on\n", ROM_ENTRIES_MAX, name);
            return NULL;
        }
    }
    if (chunk_left == 0) {
        chunk = malloc_temp(CHUNK * sizeof(*chunk), 4);
        if (!chunk) {
            print("Boot list: no memory, %s left out\n", name);
            return NULL;
        }
        chunk_left = CHUNK;
    }
    return &chunk[--chunk_left];
}

static bool is_before(const struct boot_candidate *a,
                      const struct boot_candidate *b)
{
    return a->priority < b->priority ||
           (a->priority == b->priority && a->class < b->class);
}

/* Keep the list sorted: by priority, then class, then order of arrival. */
static struct boot_candidate *add(enum boot_class class, int priority,
                                  const char *name)
{
    static struct boot_candidate *last;
    struct boot_candidate **at = &candidates;
    struct boot_candidate *c = new_candidate(class, name);

    load_classes();
    if (!c)
        return NULL;
    c->class = (uint8_t)class;
    c->priority = priority < 0 ? class_priority[class] : priority;
    format(c->name, sizeof(c->name), "%s", name);
    /* Many drives come in order, each behind the one before. */
    if (last && !is_before(c, last))
        at = &last->next;
    while (*at && !is_before(c, *at))
        at = &(*at)->next;
    c->next = *at;
    *at = c;
    last = c;
    return c;
}

void boot_add_bev(struct farptr entry, const char *name, int priority)
{
    struct boot_candidate *c = add(CLASS_BEV, priority, name);

    if (c)
        c->entry = entry;
    /* "network first" means the first one. */
    class_priority[CLASS_BEV] = PRIORITY_UNNAMED;
}

void boot_add_bcv(struct farptr entry, const char *name, int priority)
{
    struct boot_candidate *c = add(CLASS_BCV, priority, name);

    if (c)
        c->entry = entry;
}

void boot_add_last(struct farptr entry, const char *name)
{
    struct boot_candidate *c = add(CLASS_BEV, PRIORITY_LAST, name);

    if (c)
        c->entry = entry;
}

/* The place of a drive in the user's order, or ERR_ABSENT. */
static int place_of(const struct drive *d)
{
    char suffix[BOOTORDER_PATH_SIZE / 2];

    if (d->path[0] == '/')
        return bootorder_find_path(d->path);
    format(suffix, sizeof(suffix), "/%s", d->path);
    return bootorder_find(d->bdf, suffix);
}

static void add_drives(void)
{
    static const uint8_t class_of[] = {
        [DRIVE_FLOPPY] = CLASS_FLOPPY, [DRIVE_HDD] = CLASS_HDD,
        [DRIVE_CD] = CLASS_CD,
    };

    for (struct drive *d = drives; d; d = d->next) {
        struct boot_candidate *c = add(class_of[d->type], place_of(d),
                                       d->description);

        if (c)
            c->drive = d;
    }
}

/* --------------------------------------------------------- list of attempts */

static void attempt(enum boot_kind kind, uint8_t number, struct farptr entry,
                    const char *name)
{
    struct boot_entry *e = &boot_state.list[boot_state.count];

    if (halted)
        return;
    /* One floppy and one disk: the numbers 00h and 80h are what is booted. */
    if (kind == BOOT_FLOPPY || kind == BOOT_HDD) {
        for (unsigned i = 0; i < boot_state.count; i++)
            if (boot_state.list[i].kind == kind)
                return;
    }
    if (boot_state.count == BOOT_LIST_MAX) {
        debug("Boot list: full, %s left out\n", name);
        return;
    }
    e->kind = (uint8_t)kind;
    e->number = number;
    e->entry = entry;
    format(e->name, sizeof(e->name), "%s", name);
    boot_state.count++;
}

/* Call a BCV; its disks, if it brought any, can be booted. */
static void attach(const struct boot_candidate *c)
{
    const struct farptr none = { 0, 0 };
    struct rom_hooks hooks;

    option_rom_call(c->entry, 0, true, &hooks);
    if (hooks.disks)
        attempt(BOOT_HDD, 0x80, none, c->name);
    if (hooks.int19.seg | hooks.int19.off)
        attempt(BOOT_BEV, 0, hooks.int19, c->name);
    if (hooks.int18.seg | hooks.int18.off)
        attempt(BOOT_BEV, 0, hooks.int18, c->name);
}

static void attempt_drive(const struct boot_candidate *c)
{
    static const uint8_t kind_of[] = {
        [CLASS_FLOPPY] = BOOT_FLOPPY, [CLASS_HDD] = BOOT_HDD,
        [CLASS_CD] = BOOT_CD,
    };
    const struct farptr none = { 0, 0 };
    int number = disk_assign(c->drive);

    if (number < 0)
        debug("Boot list: no drive number left for %s\n", c->name);
    else
        attempt(kind_of[c->class], (uint8_t)number, none, c->name);
}

/*
 * With -boot strict=on, HALT stands behind the last device to be tried; the
 * drives behind it get their numbers nevertheless.
 */
static void make_list(void)
{
    int halt = bootorder_find_path("HALT");

    boot_state.count = 0;
    boot_state.list = malloc_high(BOOT_LIST_MAX * sizeof(*boot_state.list), 4);
    if (!boot_state.list) {
        print("Boot list: no memory, nothing can be booted\n");
        return;
    }
    for (const struct boot_candidate *c = candidates; c; c = c->next) {
        halted = halt >= 0 && c->priority >= halt;
        if (c->class == CLASS_BCV)
            attach(c);
        else if (c->class == CLASS_BEV)
            attempt(BOOT_BEV, 0, c->entry, c->name);
        else
            attempt_drive(c);
    }
}

void boot_prepare(void)
{
    load_classes();
    boot_state.retry_ms = (uint32_t)fwcfg_number("etc/boot-fail-wait", 60000);
    add_drives();
    candidates = bootmenu_run(candidates);
    make_list();
}
