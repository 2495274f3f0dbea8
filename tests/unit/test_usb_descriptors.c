/* SPDX-License-Identifier: MIT */
/*
 * Configuration descriptors of USB devices, good and of any bytes.
 */
#include "check.h"
#include "usb/usb_std.h"
#include "usb_configs.h"

static int parse(const void *config, size_t len, struct usb_interface *i,
                 unsigned *count)
{
    struct usb_interface next_one;
    uint8_t *copy = malloc(len ? len : 1);
    struct rd r;
    int value;

    memcpy(copy, config, len);  /* so that reading behind it is noticed */
    *count = 0;
    value = usb_config_open(&r, copy, len);
    while (value >= 0 && usb_config_next(&r, &next_one))
        if ((*count)++ == 0)
            *i = next_one;
    free(copy);
    return value;
}

static void test_interfaces(void **state)
{
    struct usb_interface i;
    unsigned n;

    (void)state;
    assert_int_equal(parse(storage_config, sizeof(storage_config), &i, &n), 1);
    assert_int_equal(n, 1);
    assert_int_equal(i.class, 8);
    assert_int_equal(i.in.address, 0x81);
    assert_int_equal(i.out.address, 0x02);
    assert_int_equal(i.out.max_packet, 512);
    assert_int_equal(i.interrupt.address, 0);
    assert_int_equal(parse(keyboard_config, sizeof(keyboard_config), &i, &n),
                     1);
    assert_int_equal(i.interrupt.address, 0x81);
    assert_int_equal(i.interrupt.max_packet, 8);
    assert_int_equal(i.interrupt.interval, 10);
}

static void test_odd_interfaces(void **state)
{
    static const uint8_t config[] = {
        9, 2, 0xff, 0xff, 9, 7, 0, 0, 0,        /* lengths lie */
        9, 4, 0, 1, 1, 8, 6, 0x50, 0,           /* an alternative setting */
        7, 5, 0x83, 2, 0, 2, 0,                 /* ...and its endpoint */
        3, 4, 0,                                /* too short */
        9, 4, 5, 0, 9, 8, 6, 0x50, 0,
        7, 5, 0x80, 2, 0, 2, 0,                 /* endpoint 0 */
        7, 5, 0x81, 2, 4, 0, 0,                 /* packets of 4 bytes */
        7, 5, 0x81, 2, 1, 4, 0,                 /* ...and of 1025 */
        6, 5, 0x81, 2, 0, 2,                    /* too short */
        7, 5, 0x84, 1, 0, 2, 0,                 /* isochronous */
        7, 5, 0x85, 2, 0, 2, 0,
        7, 5, 0x86, 2, 0, 2, 0,                 /* a second one */
        2, 99,
        9, 4, 6, 0, 0, 3, 1, 1, 0,              /* no endpoints */
        0, 4, 7, 0, 0, 0,                       /* length 0: the end */
        9, 4, 8, 0, 0, 3, 1, 1, 0,
    };
    struct usb_interface i;
    unsigned n;

    (void)state;
    assert_int_equal(parse(config, sizeof(config), &i, &n), 7);
    assert_int_equal(n, 2);
    assert_int_equal(i.number, 5);
    assert_int_equal(i.in.address, 0x85);
    assert_int_equal(i.out.address, 0);
}

static void test_any_config(void **state)
{
    uint8_t bytes[64];
    struct usb_interface i;
    unsigned n;

    (void)state;
    for (size_t len = 0; len < sizeof(storage_config); len++) {
        int value = parse(storage_config, len, &i, &n);

        assert_true(len < 9 ? value == ERR_FORMAT && n == 0 : value == 1);
    }
    srand(7);
    for (unsigned round = 0; round < 20000; round++) {
        for (size_t k = 0; k < sizeof(bytes); k++)
            bytes[k] = (uint8_t)(rand() % (round % 2 ? 256 : 10));
        bytes[1] = 2;
        parse(bytes, sizeof(bytes), &i, &n);
        assert_true(n <= sizeof(bytes) / 8);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_interfaces),
        cmocka_unit_test(test_odd_interfaces),
        cmocka_unit_test(test_any_config),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
