/* SPDX-License-Identifier: MIT */
/*
 * SMBIOS from fw_cfg's etc/smbios/smbios-anchor and smbios-tables.  QEMU
 * leaves address and checksums to us, and type 0 unless its user gave one.
 * Of version 3 there is an entry point of version 2 as well, as long as its
 * fields are wide enough: Windows' loader looks for no other.
 *
 * DMTF DSP0134 (SMBIOS) 3.4: 5.2 (entry points), 6.1 (structures), 7.1.
 */
#include "fw/smbios.h"

#include <string.h>

#include "core/alloc.h"
#include "fw/fwcfg.h"
#include "generated/version.h"
#include "lib/checksum.h"
#include "lib/cursor.h"
#include "lib/print.h"

#define TABLES_MAX          0x100000u
#define FSEG_MAX            600u        /* larger ones go to high memory */
#define STRUCT_HEADER       4u
#define TYPE_FIRMWARE       0u
#define TYPE_END            127u
#define BCD_END             10u

#define VENDOR              "KeelBIOS"
/*
 * SeaBIOS's: Linux and others choose behaviour by the year.  From 2015 on Linux
 * puts PCIe ports to sleep, for one.  The build's own date is at FFFF5h.
 */
#define DATE                "04/01/2014"

struct anchor_2 {
    char signature[4];                  /* "_SM_" */
    uint8_t checksum, len, major, minor;
    uint16_t longest;
    uint8_t revision, formatted[5];
    char dmi[5];                        /* "_DMI_" */
    uint8_t dmi_checksum;
    uint16_t table_len;
    uint32_t table;
    uint16_t count;
    uint8_t bcd_revision;
} PACKED;
_Static_assert(sizeof(struct anchor_2) == 31, "SMBIOS 5.2.1");

struct anchor_3 {
    char signature[5];                  /* "_SM3_" */
    uint8_t checksum, len, major, minor, docrev, revision, reserved;
    uint32_t table_max;
    uint64_t table;
} PACKED;
_Static_assert(sizeof(struct anchor_3) == 24, "SMBIOS 5.2.2");

/* Type 0 of version 2.4, and its three strings. */
struct firmware {
    uint8_t type, len;
    uint16_t handle;
    uint8_t vendor, version;            /* string numbers */
    uint16_t segment;
    uint8_t date, rom_size;
    uint64_t characteristics;
    uint8_t extension[2];
    uint8_t major, minor, ec_major, ec_minor;
    char strings[sizeof(VENDOR) + sizeof(KEEL_VERSION) + sizeof(DATE) + 1];
} PACKED;
_Static_assert(offsetof(struct firmware, strings) == 24, "SMBIOS 7.1");

#define CHARACTERISTICS_NONE    (1u << 3)
#define EXTENSION_CONTENT       (1u << 2)   /* targeted content distribution */

static const struct firmware firmware = {
    .type = TYPE_FIRMWARE, .len = offsetof(struct firmware, strings),
    .vendor = 1, .version = 2, .date = 3,
    .segment = 0xe800, .characteristics = CHARACTERISTICS_NONE,
    .extension = { 0, EXTENSION_CONTENT },
    .major = KEEL_RELEASE_MAJOR, .minor = KEEL_RELEASE_MINOR,
    .ec_major = 0xff, .ec_minor = 0xff,
    .strings = VENDOR "\0" KEEL_VERSION "\0" DATE "\0",
};

static uint8_t *table;
static uint32_t table_len;

const void *smbios_table(uint32_t *len)
{
    *len = table_len;
    return table;
}

/* Go past one structure and its strings.  Returns its type; r is bad when it
 * does not end. */
static uint8_t skip_structure(struct rd *r)
{
    uint8_t type = rd_u8(r), len = rd_u8(r);
    size_t n = 0;

    rd_skip(r, len < STRUCT_HEADER ? SIZE_MAX : len - 2u);
    /* Two NULs in a row end the strings, also when there are none. */
    while (n + 1 < r->left && (r->at[n] != 0 || r->at[n + 1] != 0))
        n++;
    rd_skip(r, n + 2);
    return type;
}

/* What the structures are, up to the one that ends them. */
struct facts {
    bool has_firmware;                  /* type 0 is among them */
    uint32_t count, longest;            /* in all; bytes, with strings */
};

static void note(struct facts *f, uint8_t type, uint32_t len)
{
    f->count++;
    if (len > f->longest)
        f->longest = len;
    if (type == TYPE_FIRMWARE)
        f->has_firmware = true;
}

/* Are these well-formed structures? */
static bool check(const uint8_t *p, uint32_t len, struct facts *f)
{
    struct rd r = rd_from(p, len);
    uint8_t type = TYPE_FIRMWARE;

    *f = (struct facts){ 0 };
    while (!r.bad && r.left > 0 && type != TYPE_END) {
        size_t before = r.left;

        type = skip_structure(&r);
        note(f, type, (uint32_t)(before - r.left));
    }
    return !r.bad;
}

/* Put our structure, if wanted, and the host's into their final place. */
static bool make_table(const uint8_t *from, uint32_t len, bool add)
{
    uint32_t own = add ? sizeof(firmware) : 0, all = own + len;

    table = all <= FSEG_MAX ? malloc_fseg(all, 16) : malloc_high(all, 16);
    if (!table)
        return false;
    memcpy(table, &firmware, own);
    memcpy(table + own, from, len);
    table_len = all;
    return true;
}

static void drop_table(void)
{
    free_zone(table);
    table = NULL;
    table_len = 0;
}

static bool fits_anchor_2(const struct facts *f)
{
    return table_len <= UINT16_MAX && f->count <= UINT16_MAX &&
           f->longest <= UINT16_MAX;
}

static bool put_anchor_2(const struct anchor_2 *from, const struct facts *f)
{
    struct anchor_2 *a = malloc_fseg(sizeof(*a), 16);

    if (!a)
        return false;
    *a = *from;
    a->len = sizeof(*a);
    a->count = (uint16_t)f->count;
    a->longest = (uint16_t)f->longest;
    a->table = (uint32_t)table;
    a->table_len = (uint16_t)table_len;
    checksum_set(&a->dmi_checksum, a->dmi,
                 sizeof(*a) - offsetof(struct anchor_2, dmi));
    checksum_set(&a->checksum, a, sizeof(*a));
    return true;
}

static bool put_anchor_3(const struct anchor_3 *from)
{
    struct anchor_3 *a = malloc_fseg(sizeof(*a), 16);

    if (!a)
        return false;
    *a = *from;
    a->len = sizeof(*a);
    a->table = (uint32_t)table;
    a->table_max = table_len;
    checksum_set(&a->checksum, a, sizeof(*a));
    return true;
}

/* Without the older one the newer one is still good. */
static void put_older_anchor(const struct anchor_3 *v3, const struct facts *f)
{
    struct anchor_2 v2 = {
        .signature = { '_', 'S', 'M', '_' }, .dmi = { '_', 'D', 'M', 'I', '_' },
        .major = v3->major, .minor = v3->minor,
    };

    if (v3->major < BCD_END && v3->minor < BCD_END)
        v2.bcd_revision = (uint8_t)(v3->major << 4 | v3->minor);
    (void)put_anchor_2(&v2, f);         /* the allocator has said it */
}

union anchor { struct anchor_2 v2; struct anchor_3 v3; };

static bool put_anchors(const union anchor *from, bool is_2,
                        const struct facts *f)
{
    if (!is_2) {
        if (!put_anchor_3(&from->v3))
            return false;
        if (fits_anchor_2(f))
            put_older_anchor(&from->v3, f);
        return true;
    }
    if (!fits_anchor_2(f)) {
        print("SMBIOS: %u bytes of tables are too many for version 2: left "
              "out\n", table_len);
        return false;
    }
    return put_anchor_2(&from->v2, f);
}

void smbios_load(void)
{
    union anchor anchor;
    int anchor_len = fwcfg_read_file("etc/smbios/smbios-anchor", &anchor,
                                     sizeof(anchor));
    bool is_2 = anchor_len == sizeof(anchor.v2) &&
                memcmp(&anchor, "_SM_", 4) == 0 &&
                memcmp(anchor.v2.dmi, "_DMI_", 5) == 0;
    bool is_3 = anchor_len == sizeof(anchor.v3) &&
                memcmp(&anchor, "_SM3_", 5) == 0;
    uint32_t len = 0;
    uint8_t *from;
    struct facts facts;
    bool add;

    if (anchor_len < 0)
        return;
    from = fwcfg_load("etc/smbios/smbios-tables", TABLES_MAX, &len);
    if ((!is_2 && !is_3) || !from || !check(from, len, &facts)) {
        print("SMBIOS: what the host delivers (%d and %u bytes) is neither "
              "version 2 nor 3: left out\n", anchor_len, len);
        free_zone(from);
        return;
    }
    add = !facts.has_firmware;
    if (add)
        note(&facts, TYPE_FIRMWARE, sizeof(firmware));
    if (make_table(from, len, add) && !put_anchors(&anchor, is_2, &facts))
        drop_table();
    free_zone(from);
}
