/* SPDX-License-Identifier: MIT */
/*
 * USB devices as they are and as they should not be: hubs that lie, storage
 * that stalls, lags and answers nonsense, keyboards' reports.
 */
#include "check.h"

#include "disk/scsi.h"
#include "host.h"
#include "services/services.h"
#include "usb/usb_msc.h"
#include "usb/usb_std.h"
#include "usb_configs.h"
#include "usb_host.h"

/* A key repeats after 500 ms; the fake's time goes by 1 ms a question. */
#define LONG_ENOUGH_MS      1500u

/* A hub of QEMU, as well. */
static const uint8_t hub_config[] = {
    9, 2, 25, 0, 1, 1, 0, 0xe0, 0,
    9, 4, 0, 0, 1, 9, 0, 0, 0,
    7, 5, 0x81, 3, 2, 0, 255,
};

/* What hangs on root port 1; port 2 is empty. */
struct fake {
    const uint8_t *config;
    size_t config_len;
    uint8_t class;
    uint8_t packet;             /* of endpoint 0 */
    uint8_t hub_ports;
    uint8_t last_lun;
    int silent_after;           /* requests that are answered; -1: all */
    int requests;
    /* storage */
    int data_result;            /* of the data stage, if not 1 */
    int csw_stalls;
    uint8_t status;
    uint8_t sense_key, asc;
    uint32_t wrong_tag;
    uint32_t residue;
    unsigned resets, halts;
    struct usb_cbw cbw;
    bool have_data, have_status;
};
static struct fake fake;

int fake_port_reset(unsigned port)
{
    return port == 1 ? USB_HIGH : ERR_ABSENT;
}

static int give(void *data, const struct usb_request *r, const void *from,
                size_t len)
{
    len = len < r->len ? len : r->len;
    memcpy(data, from, len);
    return (int)len;
}

int fake_control(struct usb_device *dev, const struct usb_request *r,
                 void *data)
{
    uint8_t head[8] = { 18, 1, 0, 2, fake.class, 0, 0, fake.packet };
    uint8_t hub[] = { 9, 0x29, fake.hub_ports, 0, 0, 1, 0, 0, 0xff };
    uint8_t connected[4] = { 0x03, 0x05, 0, 0 };

    (void)dev;
    if (fake.silent_after >= 0 && fake.requests++ >= fake.silent_after)
        return ERR_TIMEOUT;
    switch (r->type << 8 | r->request) {
    case 0x8006:
        return r->value >> 8 == 1
            ? give(data, r, head, sizeof(head))
            : give(data, r, fake.config, fake.config_len);
    case 0xa006:
        return give(data, r, hub, sizeof(hub));
    case 0xa300:
        return give(data, r, connected, sizeof(connected));
    case 0xa1fe:
        return give(data, r, &fake.last_lun, 1);
    case 0x21ff:
        fake.resets++;
        return 0;
    case 0x0201:
        fake.halts++;
        return 0;
    }
    return r->len == 0 ? 0 : ERR_DEVICE;
}

static int answer_data(void *buf, uint32_t len)
{
    uint8_t inquiry[36] = { 0, 0, 5, 2, 31, 0, 0, 0 };
    uint8_t capacity[8] = { 0, 0, 7, 0xff, 0, 0, 2, 0 };
    uint8_t sense[18] = { 0x70, 0, fake.sense_key, 0, 0, 0, 0, 10,
                          [12] = fake.asc };
    const uint8_t *from = inquiry;
    size_t n = sizeof(inquiry);

    memset(inquiry + 8, 'X', 28);
    if (fake.cbw.cdb[0] == SCSI_READ_CAPACITY_10) {
        from = capacity;
        n = sizeof(capacity);
    } else if (fake.cbw.cdb[0] == SCSI_REQUEST_SENSE) {
        from = sense;
        n = sizeof(sense);
    }
    n = n < len ? n : len;
    memcpy(buf, from, n);
    return (int)n;
}

int fake_bulk(struct usb_pipe *pipe, void *buf, uint32_t len)
{
    struct usb_csw csw = { USB_CSW_SIGNATURE, fake.cbw.tag + fake.wrong_tag,
                           fake.residue, fake.status };

    if (!(pipe->ep.address & USB_DIR_IN)) {
        assert_int_equal(len, sizeof(fake.cbw));
        memcpy(&fake.cbw, buf, len);
        assert_int_equal(fake.cbw.signature, USB_CBW_SIGNATURE);
        fake.have_data = fake.cbw.len != 0;
        return (int)len;
    }
    if (fake.have_data) {
        fake.have_data = false;
        return fake.data_result != 1 ? fake.data_result
                                     : answer_data(buf, len);
    }
    if (fake.csw_stalls > 0) {
        fake.csw_stalls--;
        return ERR_DEVICE;
    }
    if (fake.cbw.cdb[0] == SCSI_REQUEST_SENSE)
        csw.status = 0;
    memcpy(buf, &csw, sizeof(csw));
    return sizeof(csw);
}

static const uint8_t *reports;
static size_t reports_left;

int fake_report(struct usb_pipe *pipe, void *buf, uint32_t cap)
{
    (void)pipe;
    assert_true(cap >= 8);
    if (reports_left == 0)
        return 0;
    memcpy(buf, reports, 8);
    reports += 8;
    reports_left--;
    return 8;
}

static void be(const uint8_t *config, size_t len)
{
    fake = (struct fake){ .config = config, .config_len = len, .packet = 64,
                          .silent_after = -1, .data_result = 1 };
}
#define BE(config) be(config, sizeof(config))

/* ---------------------------------------------------------------- devices */

static void test_stick(void **state)
{
    (void)state;
    BE(storage_config);
    usb_run();
    assert_string_equal(host_said, "");
    assert_int_equal(usb_happened.drives, 1);
    assert_int_equal(usb_happened.drive[0]->sectors, 0x800);
    assert_string_equal(usb_happened.drive[0]->path,
                        "storage@1/channel@0/disk@0,0");
    assert_string_equal(usb_happened.drive[0]->description,
                        "USB MSC Drive XXXXXXXX XXXXXXXXXXXXXXXX XXXX");
    assert_int_equal(usb_happened.attached, 1);
    assert_int_equal(usb_happened.detached, 0);
}

static void test_many_units(void **state)
{
    (void)state;
    BE(storage_config);
    fake.last_lun = 15;
    usb_run();
    assert_int_equal(usb_happened.drives, 16);
    assert_string_equal(usb_happened.drive[15]->path,
                        "storage@1/channel@0/disk@0,f");
    fake.last_lun = 200;        /* nonsense: one unit */
    usb_run();
    assert_int_equal(usb_happened.drives, 1);
}

/* A device that falls silent at any moment costs one message and no more
 * than a handful of waits. */
static void test_silence(void **state)
{
    (void)state;
    for (int n = 0; n < 5; n++) {
        BE(storage_config);
        fake.silent_after = n;
        usb_run();
        if (n < 4) {
            assert_int_equal(usb_happened.drives, 0);
            assert_contains(host_said, "device@1: does not answer, ignored");
            assert_int_equal(usb_happened.detached, 1);
        }
    }
}

static void test_nonsense(void **state)
{
    static const uint8_t no_config[] = { 9, 4, 0, 0, 0, 0, 0, 0, 0 };

    (void)state;
    BE(storage_config);
    fake.packet = 7;
    usb_run();
    assert_contains(host_said, "does not introduce itself properly, ignored");
    BE(no_config);
    usb_run();
    assert_contains(host_said, "broken configuration, ignored");
    be(storage_config, 25);     /* the second endpoint is cut off */
    usb_run();
    assert_contains(host_said, "not supported");
    be(storage_config, 3);
    usb_run();
    assert_contains(host_said, "no configuration, ignored");
    assert_int_equal(usb_happened.detached, 1);
}

/* Every port of it has a hub on it, and so on. */
static void test_endless_hubs(void **state)
{
    (void)state;
    BE(hub_config);
    fake.class = 9;
    fake.hub_ports = 255;
    usb_run();
    assert_contains(host_said, "hangs on too many hubs");
    assert_contains(host_said, "the rest is ignored");
    assert_true(usb_happened.attached <= USB_DEVICES_MAX);
    fake.hub_ports = 0;
    usb_run();
    assert_contains(host_said, "hub does not work");
}

/* --------------------------------------------------------------- commands */

static void plug_in_stick(void)
{
    BE(storage_config);
    usb_run();
    assert_int_equal(usb_happened.drives, 1);
}

static int command(void)
{
    static const uint8_t cdb[16] = { SCSI_INQUIRY, [4] = 36 };
    uint8_t data[36];

    return usb_happened.drive[0]->ops->packet(usb_happened.drive[0], cdb, data,
                                              sizeof(data), false);
}

static void test_commands(void **state)
{
    (void)state;
    plug_in_stick();
    assert_int_equal(command(), 36);
    assert_int_equal(fake.cbw.cdb_len, 6);
    assert_int_equal(fake.cbw.flags, 0x80);
    fake.residue = 6;
    assert_int_equal(command(), 30);
    fake.residue = 1000;        /* more than there was: what came counts */
    assert_int_equal(command(), 36);
    fake.residue = 0;
    fake.status = 1;
    assert_int_equal(command(), ERR_DEVICE);
    assert_int_equal(fake.resets, 0);
    fake.status = 2;            /* phase error */
    assert_int_equal(command(), ERR_TIMEOUT);
    assert_int_equal(fake.resets, 1);
    fake.status = 0;
    fake.wrong_tag = 1;
    assert_int_equal(command(), ERR_TIMEOUT);
    assert_int_equal(fake.resets, 2);
    fake.wrong_tag = 0;
    assert_int_equal(command(), 36);
}

static void test_stalls(void **state)
{
    (void)state;
    plug_in_stick();
    fake.data_result = ERR_DEVICE;
    fake.status = 1;
    assert_int_equal(command(), ERR_DEVICE);
    assert_int_equal(fake.halts, 1);
    assert_int_equal(fake.resets, 0);
    fake.data_result = 1;
    fake.status = 0;
    fake.csw_stalls = 1;
    assert_int_equal(command(), 36);
    assert_int_equal(fake.resets, 0);
    fake.csw_stalls = 2;
    assert_int_equal(command(), ERR_TIMEOUT);
    assert_int_equal(fake.resets, 1);
    assert_int_equal(command(), 36);
}

static void test_given_up(void **state)
{
    int before;

    (void)state;
    plug_in_stick();
    fake.data_result = ERR_TIMEOUT;
    fake.silent_after = 0;
    assert_int_equal(command(), ERR_TIMEOUT);
    before = fake.requests;
    assert_int_equal(command(), ERR_TIMEOUT);
    assert_int_equal(fake.requests, before);    /* it is left alone */
}

static void test_medium(void **state)
{
    (void)state;
    BE(storage_config);
    fake.status = 1;
    fake.sense_key = SENSE_UNIT_ATTENTION;      /* for ever */
    usb_run();
    assert_int_equal(usb_happened.drives, 0);
    fake.sense_key = SENSE_ILLEGAL_REQUEST;
    fake.asc = ASC_NO_UNIT;
    usb_run();
    assert_int_equal(usb_happened.drives, 0);
}

/* -------------------------------------------------------------- keyboards */

static void type(const uint8_t (*r)[8], size_t count)
{
    usb_happened.codes = 0;
    reports = &r[0][0];
    reports_left = count;
    key_poll_usb();
}

static void test_keys(void **state)
{
    static const uint8_t shift_a[][8] = {
        { 0x02, 0, 0x04 }, { 0x02, 0, 0x04, 0x05 },
        { 0x02, 0, 1, 1, 1, 1, 1, 1 },          /* too many keys */
        { 0, 0, 0x05 }, { 0 },
    };
    static const uint8_t a_codes[] = { 0x2a, 0x1e, 0x30, 0xaa, 0x9e, 0xb0 };
    static const uint8_t up[][8] = { { 0x40, 0, 0x52 }, { 0 } };
    static const uint8_t up_codes[] = { 0xe0, 0x38, 0xe0, 0x48, 0xe0, 0xb8,
                                        0xe0, 0xc8 };
    static const uint8_t held[][8] = { { 0, 0, 0x04 } };
    static const uint8_t odd[][8] = { { 0, 0, 0xff, 0xa4, 0x66, 3, 2, 2 } };

    (void)state;
    BE(keyboard_config);
    usb_run();
    assert_string_equal(host_said, "");
    assert_non_null(key_poll_usb);
    type(shift_a, 5);
    assert_int_equal(usb_happened.codes, sizeof(a_codes));
    assert_memory_equal(usb_happened.code, a_codes, sizeof(a_codes));
    type(up, 2);
    assert_int_equal(usb_happened.codes, sizeof(up_codes));
    assert_memory_equal(usb_happened.code, up_codes, sizeof(up_codes));
    type(odd, 1);               /* no keys that a PC has */
    assert_int_equal(usb_happened.codes, 0);
    type(held, 1);
    for (unsigned n = 0; n < LONG_ENOUGH_MS; n++)
        key_poll_usb();
    assert_true(usb_happened.codes > 3);
    for (unsigned n = 0;
         n < usb_happened.codes && n < sizeof(usb_happened.code); n++)
        assert_int_equal(usb_happened.code[n], 0x1e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stick),
        cmocka_unit_test(test_many_units),
        cmocka_unit_test(test_silence),
        cmocka_unit_test(test_nonsense),
        cmocka_unit_test(test_endless_hubs),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_stalls),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_medium),
        cmocka_unit_test(test_keys),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    host_reset();
    return failed;
}
