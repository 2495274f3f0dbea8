/* SPDX-License-Identifier: MIT */
/*
 * Mass storage commands through the UHCI's queue: a controller that runs it
 * as the specification says, and a device that insists on its toggles, which
 * QEMU's devices do not.
 */
#include "check.h"

#include "disk/block.h"
#include "disk/scsi.h"
#include "lib/err.h"
#include "lib/print.h"
#include "usb/uhci.h"
#include "usb/usb_msc.h"

#define PACKET      64u
#define FRAMES_MAX  100u

static struct uhci_mem mem;
static struct uhci hc = { .hc = { .ops = &uhci_ops }, .mem = &mem };
static struct usb_device dev = {
    .hc = &hc.hc, .speed = USB_FULL, .address = 1, .max_packet0 = 8
};
static struct uhci_pipe in = { .pipe = { &dev, { 0x81, USB_BULK, 0,
                                                 PACKET } } };
static struct uhci_pipe out = { .pipe = { &dev, { 0x02, USB_BULK, 0,
                                                  PACKET } } };
static struct usb_msc msc = { .dev = &dev, .in = &in.pipe,
                              .out = &out.pipe };
static struct usb_drive drive = {
    .d = { .ops = &usb_msc_ops, .description = "fake" }, .msc = &msc
};

/* The device. */
enum stage { COMMAND, DATA, STATUS };
static struct {
    bool in_toggle, out_toggle, in_halted, out_halted;
    enum stage stage;
    struct usb_cbw cbw;
    uint32_t has;               /* of the data: what it has, or takes */
    bool stalls;                /* instead of data */
    uint8_t status;
    uint32_t moved;
} device;
static unsigned frames, resets;

/* ---------------------------------------------------------- replacements */

void debug(const char *fmt, ...)
{
    (void)fmt;
}

int scsi_rw(struct drive *d, uint64_t lba, uint32_t count, void *buf,
            bool write)
{
    (void)d, (void)lba, (void)count, (void)buf, (void)write;
    return ERR_DEVICE;
}

void usb_give_up(struct usb_controller *controller, const char *what)
{
    (void)controller;
    fail_msg("given up: %s", what);
}

int usb_control(struct usb_device *d, uint8_t type, uint8_t request,
                uint16_t value, uint16_t index, void *data, uint16_t len,
                uint16_t min)
{
    (void)d, (void)type, (void)value, (void)index, (void)data, (void)len;
    (void)min;
    assert_int_equal(request, USB_MSC_RESET);
    resets++;
    return 0;
}

int usb_clear_halt(struct usb_pipe *pipe)
{
    if (pipe == &in.pipe)
        device.in_toggle = device.in_halted = false;
    else
        device.out_toggle = device.out_halted = false;
    return uhci_ops.reset_pipe(pipe);
}

/* What a 32-bit address means, which is near some place of the host's.  (By
 * numbers: a pointer made of near would be held to near's object.) */
static void *place(uint32_t low, const void *near)
{
    uintptr_t at = (uintptr_t)near;

    return (void *)(at + (uintptr_t)(intptr_t)(int32_t)(low - (uint32_t)at));
}

/* One packet; the bytes moved, or an error. */
static int take(const uint8_t *data, uint32_t len)
{
    if (device.out_halted)
        return ERR_DEVICE;
    if (device.stage == COMMAND) {
        assert_int_equal(len, sizeof(device.cbw));
        memcpy(&device.cbw, data, len);
        device.moved = 0;
        device.stage = device.cbw.len != 0 ? DATA : STATUS;
        return (int)len;
    }
    assert_int_equal(device.stage, DATA);
    assert_false(device.cbw.flags & USB_DIR_IN);
    if (device.stalls) {
        device.out_halted = true;
        device.stage = STATUS;
        return ERR_DEVICE;
    }
    for (uint32_t i = 0; i < len; i++)
        assert_int_equal(data[i], (uint8_t)(device.moved + i));
    device.moved += len;
    if (device.moved == device.cbw.len)
        device.stage = STATUS;
    return (int)len;
}

static int give(uint8_t *data, uint32_t len)
{
    struct usb_csw csw = { USB_CSW_SIGNATURE, device.cbw.tag,
                           device.cbw.len - device.moved, device.status };
    uint32_t n;

    if (device.in_halted)
        return ERR_DEVICE;
    assert_int_not_equal(device.stage, COMMAND);
    if (device.stage == STATUS) {
        assert_int_equal(len, sizeof(csw));
        memcpy(data, &csw, sizeof(csw));
        device.stage = COMMAND;
        return sizeof(csw);
    }
    if (device.stalls) {
        device.in_halted = true;
        device.stage = STATUS;
        return ERR_DEVICE;
    }
    n = device.has - device.moved < len ? device.has - device.moved : len;
    for (uint32_t i = 0; i < n; i++)
        data[i] = (uint8_t)(device.moved + i);
    device.moved += n;
    if (device.moved == device.cbw.len || n < PACKET)
        device.stage = STATUS;
    return (int)n;
}

/* One TD (3.2.2); false: the queue stops here. */
static bool execute(struct uhci_td *td)
{
    uint32_t len = UHCI_TD_LEN(td->token), pid = td->token & 0xff;
    bool *toggle = pid == UHCI_PID_IN ? &device.in_toggle
                                      : &device.out_toggle;
    uint8_t byte;
    uint8_t *data = place(td->buffer, &byte);
    int rc;

    assert_true(pid == UHCI_PID_IN || pid == UHCI_PID_OUT);
    assert_int_equal(td->token >> 15 & 0xf, pid == UHCI_PID_IN ? 1 : 2);
    assert_int_equal((td->token & UHCI_TD_DATA1) != 0, *toggle);
    rc = pid == UHCI_PID_IN ? give(data, len) : take(data, len);
    td->status &= ~(UHCI_TD_ACTIVE | 0x7ffu);
    if (rc < 0) {
        td->status |= UHCI_TD_STALLED | 0x7ff;
        return false;
    }
    td->status |= (uint32_t)(rc - 1) & 0x7ff;
    *toggle = !*toggle;
    return (uint32_t)rc == len || !(td->status & UHCI_TD_SHORT_STOPS);
}

/* A frame, long enough for everything. */
bool poll_again(struct poll *p)
{
    (void)p;
    while (!(mem.qh.element & UHCI_END)) {
        struct uhci_td *td = place(mem.qh.element & ~0xfu, &mem);

        if (!(td->status & UHCI_TD_ACTIVE) || !execute(td))
            break;
        mem.qh.element = td->link & ~UHCI_DEPTH;
    }
    return ++frames < FRAMES_MAX;
}

/* ---------------------------------------------------------------- tests */

/* A command with asked bytes, of which the device has some; what comes. */
static int command(bool write, uint32_t asked, uint32_t has)
{
    uint8_t cdb[16] = { 0x12 }, buf[20000];
    int rc;

    for (uint32_t i = 0; i < sizeof(buf); i++)
        buf[i] = write ? (uint8_t)i : 0xee;
    device.has = has;
    frames = 0;
    rc = usb_msc_ops.packet(&drive.d, cdb, buf, asked, write);
    for (int i = 0; i < rc && !write; i++)
        assert_int_equal(buf[i], (uint8_t)i);
    if (rc >= 0)
        assert_int_equal(buf[rc], write ? (uint8_t)rc : 0xee);
    return rc;
}

static void fresh(void)
{
    memset(&device, 0, sizeof(device));
    memset(&mem, 0, sizeof(mem));
    mem.qh.link = mem.qh.element = UHCI_END;
    in.toggle = out.toggle = msc.dead = hc.busy = false;
    resets = 0;
}

static void test_lengths(void **state)
{
    /* asked, has, frames */
    static const uint32_t cases[][3] = {
        { 0, 0, 1 }, { 36, 36, 1 }, { 252, 36, 2 }, { 64, 64, 1 },
        { 128, 64, 2 }, { 192, 100, 2 }, { 511, 511, 1 }, { 512, 512, 2 },
        { 2048, 700, 2 }, { 2048, 0, 2 }, { 16256, 16256, 2 },
        { 16257, 16257, 3 }, { 18000, 100, 3 },
    };

    (void)state;
    fresh();
    /* each behind each: the toggles go on */
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
        for (unsigned j = 0; j < ARRAY_SIZE(cases); j++) {
            assert_int_equal(command(false, cases[i][0], cases[i][1]),
                             cases[i][1]);
            assert_true(frames >= 1 && frames <= cases[i][2]);
            assert_int_equal(command(false, cases[j][0], cases[j][1]),
                             cases[j][1]);
        }
    assert_int_equal(resets, 0);
}

static void test_writes(void **state)
{
    static const uint32_t lens[] = { 24, 64, 200, 512, 4096, 16256, 17000 };

    (void)state;
    fresh();
    for (unsigned i = 0; i < ARRAY_SIZE(lens); i++) {
        assert_int_equal(command(true, lens[i], lens[i]), lens[i]);
        assert_int_equal(command(false, 36, 36), 36);
    }
    assert_int_equal(resets, 0);
}

/* Data that stall, with and without the status in the queue. */
static void test_stalls(void **state)
{
    static const uint32_t lens[] = { 36, 200, 512, 4096, 17000 };

    (void)state;
    fresh();
    for (unsigned i = 0; i < ARRAY_SIZE(lens); i++)
        for (unsigned write = 0; write < 2; write++) {
            device.stalls = true;
            device.status = USB_CSW_FAILED;
            assert_int_equal(command(write, lens[i], lens[i]), ERR_DEVICE);
            device.stalls = false;
            device.status = 0;
            assert_int_equal(command(write, lens[i], lens[i]), lens[i]);
        }
    assert_int_equal(resets, 0);
}

/* A status that stalls once is read again. */
static void test_status_stalls(void **state)
{
    (void)state;
    fresh();
    device.in_halted = true;
    assert_int_equal(command(true, 24, 24), 24);
    device.in_halted = true;
    assert_int_equal(command(true, 512, 512), 512);
    assert_int_equal(command(false, 512, 512), 512);
    assert_int_equal(resets, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_stalls),
        cmocka_unit_test(test_status_stalls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
