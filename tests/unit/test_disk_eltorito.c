/* SPDX-License-Identifier: MIT */
/*
 * El Torito catalogs, good, broken and hostile, on a disc in memory.
 */
#include "check.h"

#include "disk/block.h"
#include "disk/eltorito.h"
#include "disk/eltorito_format.h"
#include "host.h"

/* Of core/v86.c: where 40:00 is; nothing here looks. */
uint32_t low_page;

#define DISC_SECTORS        64u
#define CATALOG_LBA         19u

static uint8_t disc[DISC_SECTORS][CD_SECTOR_SIZE];
static int ready_result;
uint8_t *drive_bounce;

int drive_ready(struct drive *d)
{
    d->ready = ready_result == 0;
    return ready_result;
}

int drive_read(struct drive *d, uint64_t lba, uint32_t count, void *buf)
{
    (void)d;
    if (lba > DISC_SECTORS || count > DISC_SECTORS - lba)
        return ERR_PARAM;
    memcpy(buf, disc[lba], count * CD_SECTOR_SIZE);
    return 0;
}

static uint16_t le16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static void seal(uint8_t *catalog)
{
    uint16_t sum = 0;

    catalog[28] = catalog[29] = 0;
    for (unsigned i = 0; i < ENTRY_LEN; i += 2)
        sum += le16(catalog + i);
    sum = (uint16_t)-sum;
    catalog[28] = (uint8_t)sum;
    catalog[29] = (uint8_t)(sum >> 8);
}

static void put_entry(uint8_t *e, uint8_t media, uint16_t count, uint32_t lba)
{
    memset(e, 0, ENTRY_LEN);
    e[0] = ENTRY_BOOTABLE;
    e[1] = media;
    e[6] = (uint8_t)count;
    e[7] = (uint8_t)(count >> 8);
    memcpy(e + 8, &lba, sizeof(lba));
}

/* A disc with one good no-emulation entry; its catalog. */
static uint8_t *make_disc(void)
{
    uint8_t *c = disc[CATALOG_LBA];

    memset(disc, 0, sizeof(disc));
    memcpy(disc[17], "\0CD001\1EL TORITO SPECIFICATION", 30);
    disc[17][0x47] = CATALOG_LBA;
    c[0] = 1;
    c[30] = 0x55;
    c[31] = 0xaa;
    seal(c);
    put_entry(c + ENTRY_LEN, 0, 4, 30);
    ready_result = 0;
    host_reset();
    return c;
}

static struct drive cd = {
    .description = "DVD/CD [x]", .number = 0xe0, .sector_size = 2048,
};

static int find(struct eltorito *out)
{
    static uint8_t catalog[CD_SECTOR_SIZE];
    int rc = eltorito_find(&cd, out, catalog);

    if (rc == 0)
        assert_memory_equal(catalog, disc[CATALOG_LBA], sizeof(catalog));
    else
        assert_contains(host_said, "DVD/CD [x]: ");
    return rc;
}

static void test_default_entry(void **state)
{
    struct eltorito e;

    (void)state;
    make_disc();
    assert_int_equal(find(&e), 0);
    assert_int_equal(e.lba, 30);
    assert_int_equal(e.sector_count, 4);
    assert_int_equal(e.load_segment, 0x7c0);
    assert_int_equal(e.drive, 0xe0);
    assert_int_equal(e.media, ELTORITO_NO_EMULATION);
}

/* UEFI first, the PC's image in a section behind it. */
static void test_section(void **state)
{
    uint8_t *c = make_disc();
    struct eltorito e;

    (void)state;
    c[1] = 0xef;
    seal(c);
    c[64] = HEADER_MORE;
    c[65] = 0xef;
    c[66] = 1;
    put_entry(c + 96, 0, 9, 9);
    c[128] = HEADER_LAST;
    c[130] = 2;
    memset(c + 160, 0, ENTRY_LEN);          /* not bootable */
    c[192] = EXTENSION_ID;                  /* does not count */
    put_entry(c + 224, 0x12, 8, 40);        /* 1.44M floppy image */
    assert_int_equal(find(&e), 0);
    assert_int_equal(e.lba, 40);
    assert_int_equal(e.media, ELTORITO_1440K);
    assert_int_equal(e.drive, 0);
    c[130] = 1;                             /* now it is not in the section */
    assert_int_equal(find(&e), ERR_ABSENT);
    assert_contains(host_said, "no entry");
}

static void test_broken(void **state)
{
    struct eltorito e;
    uint8_t *c;

    (void)state;
    c = make_disc();
    c[5] ^= 1;
    assert_int_equal(find(&e), ERR_FORMAT);
    assert_contains(host_said, "checksum");
    c = make_disc();
    c[30] = 0;
    seal(c);
    assert_int_equal(find(&e), ERR_FORMAT);
    make_disc();
    disc[17][8] = 'X';
    assert_int_equal(find(&e), ERR_ABSENT);
    assert_contains(host_said, "not a bootable disc");
    make_disc();
    disc[17][0x4a] = 0xff;
    assert_int_equal(find(&e), ERR_FORMAT);
    assert_contains(host_said, "outside the disc");
    c = make_disc();
    c[ENTRY_LEN + 1] = 5;
    assert_int_equal(find(&e), ERR_FORMAT);
    c = make_disc();
    c[ENTRY_LEN + 6] = 0;
    assert_int_equal(find(&e), ERR_FORMAT);
    c = make_disc();
    c[ENTRY_LEN] = 0;
    assert_int_equal(find(&e), ERR_ABSENT);
    make_disc();
    ready_result = ERR_ABSENT;
    assert_int_equal(find(&e), ERR_ABSENT);
    assert_contains(host_said, "no medium");
    ready_result = ERR_DEVICE;
    assert_int_equal(find(&e), ERR_DEVICE);
    assert_contains(host_said, "read error");
}

/* A section of 65535 entries ends with the sector; a catalog that names the
 * descriptor as catalog is only a bad catalog. */
static void test_hostile(void **state)
{
    struct eltorito e;
    uint8_t *c = make_disc();

    (void)state;
    memset(c + ENTRY_LEN, EXTENSION_ID, CD_SECTOR_SIZE - ENTRY_LEN);
    assert_int_equal(find(&e), ERR_ABSENT);
    c[ENTRY_LEN] = 0;
    for (unsigned i = 2; i < ENTRIES; i++) {
        c[i * ENTRY_LEN] = HEADER_MORE;
        c[i * ENTRY_LEN + 2] = c[i * ENTRY_LEN + 3] = 0xff;
    }
    assert_int_equal(find(&e), ERR_ABSENT);
    make_disc();
    disc[17][0x47] = 17;
    assert_int_equal(find(&e), ERR_FORMAT);

    srand(2);
    for (int n = 0; n < 20000; n++) {
        c = make_disc();
        for (unsigned i = ENTRY_LEN; i < CD_SECTOR_SIZE; i += 1 + rand() % 8)
            c[i] = (uint8_t)rand();
        for (unsigned i = 1; i < ENTRIES; i += 1 + rand() % 4)
            c[i * ENTRY_LEN] = (uint8_t[]){
                0x88, 0x90, 0x91, 0x44, 0, 0x88
            }[rand() % 6];
        if (find(&e) == 0) {
            assert_true(e.media <= ELTORITO_HARD_DISK);
            assert_true(e.sector_count != 0 && e.load_segment != 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default_entry),
        cmocka_unit_test(test_section),
        cmocka_unit_test(test_broken),
        cmocka_unit_test(test_hostile),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
