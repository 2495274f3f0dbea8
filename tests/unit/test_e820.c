/* SPDX-License-Identifier: MIT */
/*
 * The memory map of a host that has many ranges to name.
 */
#include "check.h"

#include "fw/e820.h"
#include "fw/fwcfg.h"
#include "host.h"

#define GIB             0x40000000ull
#define MIB             0x100000ull
#define QEMU_RANGES     128u            /* the most that QEMU's table has */

static struct e820_entry file_entry[2 * QEMU_RANGES];
static struct fwcfg_file file = { .name = "etc/e820" };

const struct fwcfg_file *fwcfg_find(const char *name)
{
    assert_string_equal(name, file.name);
    return &file;
}

void fwcfg_read(uint16_t key, void *buf, uint32_t len)
{
    assert_int_equal(key, file.key);
    assert_int_equal(len, file.size);
    memcpy(buf, file_entry, len);
}

/* Only for the list of before 1.7, which is empty here. */
void fwcfg_read_more(void *buf, uint32_t len)
{
    memset(buf, 0, len);
}

uint32_t fwcfg_read32(uint16_t key)
{
    (void)key;
    return 0;
}

uint8_t cmos_read(uint8_t reg)
{
    (void)reg;
    return 0;
}

/* Low RAM, and then ranges that do not touch, above 4 GiB. */
static void make_file(unsigned count)
{
    file_entry[0] = (struct e820_entry){ 0, 2 * GIB, E820_RAM };
    for (unsigned i = 1; i < count; i++)
        file_entry[i] = (struct e820_entry){
            .base = (4 + 2 * i) * GIB, .size = GIB,
            .type = i & 1 ? E820_RAM : E820_RESERVED,
        };
    file.size = count * (uint32_t)sizeof(file_entry[0]);
}

/* What POST adds to a q35's. */
static void post(void)
{
    host_reset();
    assert_int_equal(e820_init(), 2 * GIB);
    e820_add(0xb0000000, 256 * MIB, E820_RESERVED);     /* MMCFG */
    e820_add(0xfed1c000, 0x4000, E820_RESERVED);        /* RCBA */
    e820_finish((uint32_t)(2 * GIB - 16 * MIB));
}

static bool listed(const struct e820_entry *want)
{
    const struct e820_entry *e;

    for (uint32_t i = 0; (e = e820_get(i)) != NULL; i++)
        if (memcmp(e, want, sizeof(*e)) == 0)
            return true;
    return false;
}

static void test_as_many_as_qemu_has(void **state)
{
    const struct e820_entry high_zone = {
        2 * GIB - 16 * MIB, 16 * MIB, E820_RESERVED,
    };

    (void)state;
    make_file(QEMU_RANGES);
    post();
    assert_string_equal(host_said, "");
    for (unsigned i = 1; i < QEMU_RANGES; i++)
        assert_true(listed(&file_entry[i]));
    assert_true(listed(&high_zone));
    assert_int_equal(e820_high_end(), (4 + 2 * 127 + 1) * GIB);
}

/* What does not fit is said, and no memory of ours is given away. */
static void test_more(void **state)
{
    const uint32_t ours = (uint32_t)(2 * GIB - 16 * MIB);

    (void)state;
    make_file(2 * QEMU_RANGES);
    post();
    assert_contains(host_said, "Memory map: more than 128 ranges");
    assert_false(e820_is_ram(ours, 16 * MIB));
    assert_true(e820_is_ram(MIB, ours - MIB));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_more),
        cmocka_unit_test(test_as_many_as_qemu_has),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
