/* SPDX-License-Identifier: MIT */
/*
 * IDENTIFY data, true and false, and the geometry that INT 13h shows.
 */
#include "check.h"

#include "boot/boot.h"
#include "disk/block_geometry.h"
#include "fw/fwcfg.h"
#include "hba/ata.h"
#include "hba/ata_identify.h"
#include "host.h"

const struct drive_ops ata_disk_ops;
static const char *geometry_file;

void *fwcfg_load(const char *name, uint32_t max, uint32_t *size)
{
    assert_string_equal(name, "bios-geometry");
    assert_true(max >= 0x1000);
    *size = geometry_file ? (uint32_t)strlen(geometry_file) : 0;
    return (void *)(uintptr_t)geometry_file;
}

int bootorder_path(pci_bdf bdf, const char *suffix, char *path, size_t cap)
{
    (void)bdf;
    return snprintf(path, cap, "/pci@i0cf8/*@1,1%s", suffix) < (int)cap
        ? 0 : ERR_SPACE;
}

bool bootorder_matches(const char *pattern, const char *path,
                       const char *path_end)
{
    const char *tail = strrchr(pattern, '*') + 1;
    size_t len = strlen(tail);

    return (size_t)(path_end - path) >= len &&
        memcmp(path_end - len, tail, len) == 0;
}

/* What QEMU's ide-hd answers for a disk of that many sectors. */
static void make_id(uint16_t id[256], uint64_t sectors)
{
    memset(id, 0, 512);
    id[1] = 130;
    id[3] = 16;
    id[6] = 63;
    for (int i = 0; i < 20; i++) {
        const char *model = "QEMU HARDDISK                           ";

        id[27 + i] = (uint16_t)(model[2 * i] << 8 | model[2 * i + 1]);
    }
    id[49] = 1 << 8 | 1 << 9;
    id[60] = (uint16_t)sectors;
    id[61] = (uint16_t)(sectors >> 16);
    id[80] = 0xf0;
    id[83] = 1 << 14 | 1 << 10;
    for (int i = 0; i < 4; i++)
        id[100 + i] = (uint16_t)(sectors >> 16 * i);
}

static void test_disk(void **state)
{
    uint16_t id[256];
    struct ata_info info;
    struct drive d = { 0 };

    (void)state;
    make_id(id, 131072);
    assert_int_equal(ata_identify_parse(id, false, "ata0-0", &info), 0);
    assert_string_equal(info.model, "QEMU HARDDISK");
    assert_int_equal(info.version, 7);
    assert_true(info.lba48 && info.dma);
    assert_int_equal(info.sectors, 131072);
    ata_describe(&d, &info, false, "ata0-0");
    assert_string_equal(d.description,
        "ata0-0: QEMU HARDDISK ATA-7 Hard-Disk (64 MiBytes)");
    assert_int_equal(d.physical.cylinders, 130);

    make_id(id, 209715200);
    assert_int_equal(ata_identify_parse(id, false, "x", &info), 0);
    ata_describe(&d, &info, false, "AHCI/3");
    assert_string_equal(d.description,
        "AHCI/3: QEMU HARDDISK ATA-7 Hard-Disk (100 GiBytes)");
}

static void test_cd(void **state)
{
    uint16_t id[256];
    struct ata_info info;
    struct drive d = { 0 };

    (void)state;
    make_id(id, 0);
    id[80] = 0x1e;
    assert_int_equal(ata_identify_parse(id, true, "AHCI/1", &info), 0);
    ata_describe(&d, &info, true, "AHCI/1");
    assert_string_equal(d.description,
        "DVD/CD [AHCI/1: QEMU HARDDISK ATAPI-4 DVD/CD]");
    assert_int_equal(d.sector_size, 2048);
    assert_true(d.read_only && d.removable && !d.ready);
}

static void refused(const uint16_t id[256], const char *why)
{
    struct ata_info info;

    host_reset();
    assert_int_equal(ata_identify_parse(id, false, "ata0-0", &info),
                     ERR_FORMAT);
    assert_contains(host_said, "ata0-0");
    assert_contains(host_said, why);
}

static void test_impossible_disks(void **state)
{
    uint16_t id[256];

    (void)state;
    make_id(id, 131072);
    id[49] = 0;
    refused(id, "without LBA");
    make_id(id, 0);
    refused(id, "impossible size");
    make_id(id, 1ull << 50);
    refused(id, "impossible size");
    make_id(id, 131072);
    id[106] = 1 << 14 | 1 << 12;
    id[117] = 2048;
    refused(id, "4096 bytes");
    memset(id, 0xff, sizeof(id));       /* an empty bus */
    refused(id, "ata0-0");
}

/* Whatever the bytes are, text stays printable and sizes stay sane. */
static void test_any_bytes(void **state)
{
    uint16_t id[256];
    struct ata_info info;

    (void)state;
    srand(1);
    for (int n = 0; n < 20000; n++) {
        struct chs c;

        for (int i = 0; i < 256; i++)
            id[i] = (uint16_t)rand();
        if (n % 2) {                    /* get beyond the first tests */
            id[49] |= 1 << 9;
            id[83] = 1 << 14 | 1 << 10;
            id[103] = id[106] = 0;
        }
        if (ata_identify_parse(id, n % 3 == 0, "x", &info) < 0)
            continue;
        assert_true(strlen(info.model) <= 40);
        for (const char *s = info.model; *s; s++)
            assert_true(*s >= ' ' && *s <= '~');
        if (n % 3 == 0)
            continue;
        assert_true(info.sectors != 0 && info.sectors <= 1ull << 48);
        for (int t = TRANSLATION_NONE; t <= TRANSLATION_RECHS; t++) {
            c = geometry_translate(info.geometry, info.sectors,
                                   (enum geometry_translation)t);
            assert_true(c.cylinders >= 1 && c.cylinders <= 1024);
            assert_true(c.heads >= 1 && c.heads <= 255);
            assert_true(c.sectors >= 1 && c.sectors <= 63);
        }
    }
}

/* Values that SeaBIOS 1.16.2 shows for the same disks. */
static void test_translation(void **state)
{
    static const struct {
        struct chs physical;
        uint64_t sectors;
        enum geometry_translation t;
        struct chs logical;
    } cases[] = {
        { { 8, 16, 63 }, 8192, TRANSLATION_NONE, { 8, 16, 63 } },
        { { 130, 16, 63 }, 131072, TRANSLATION_NONE, { 130, 16, 63 } },
        { { 16383, 16, 63 }, 209715200, TRANSLATION_LBA, { 1024, 255, 63 } },
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct chs c = geometry_translate(cases[i].physical,
                                          cases[i].sectors,
                                          geometry_guess(cases[i].physical));

        assert_int_equal(geometry_guess(cases[i].physical), cases[i].t);
        assert_memory_equal(&c, &cases[i].logical, sizeof(c));
    }
    /* bit shift: heads doubled until the cylinders fit */
    assert_int_equal(geometry_guess((struct chs){ 4000, 16, 63 }),
                     TRANSLATION_LARGE);
    assert_int_equal(geometry_translate((struct chs){ 4000, 16, 63 }, 4032000,
                     TRANSLATION_LARGE).heads, 64);
    assert_int_equal(geometry_translate((struct chs){ 4000, 16, 63 }, 4032000,
                     TRANSLATION_RECHS).heads, 120);
}

static void test_geometry_text(void **state)
{
    static const char *const bad[] = {
        "", " ", " 1", " 1 2", " 1 2 ", " 0 16 63", " 1025 16 63",
        " 1 256 63", " 1 16 64", " 99999999999999 1 1", " a b c", "1 2 3",
        " -1 2 3", " 10  16 63",
    };
    struct chs c;

    (void)state;
    assert_non_null(geometry_parse(" 100 8 32\n", &c));
    assert_int_equal(c.cylinders, 100);
    assert_int_equal(c.heads, 8);
    assert_int_equal(c.sectors, 32);
    assert_non_null(geometry_parse(" 1024 255 63", &c));
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
        assert_null(geometry_parse(bad[i], &c));
}

static void test_geometry_file(void **state)
{
    struct drive d = {
        .path = "drive@1/disk@0", .description = "ata1-0",
        .physical = { 130, 16, 63 }, .sectors = 131072,
    };
    static const struct drive_ops other;

    (void)state;
    d.ops = &other;
    geometry_file = "/pci@i0cf8/ide@1,1/drive@0/disk@0 5 6 7\n"
                    "no space in this line\n\n"
                    "/pci@i0cf8/ide@1,1/drive@1/disk@0 100 8 32";
    geometry_set(&d);
    assert_int_equal(d.logical.cylinders, 100);
    assert_int_equal(d.logical.heads, 8);
    d.path = "drive@2/disk@0";
    geometry_set(&d);
    assert_int_equal(d.logical.cylinders, 130);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_disk),
        cmocka_unit_test(test_cd),
        cmocka_unit_test(test_impossible_disks),
        cmocka_unit_test(test_any_bytes),
        cmocka_unit_test(test_translation),
        cmocka_unit_test(test_geometry_text),
        cmocka_unit_test(test_geometry_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
