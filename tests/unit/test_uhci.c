/* SPDX-License-Identifier: MIT */
/*
 * Mass storage commands through the UHCI's queue, and what is asked ahead: a
 * controller that runs queues as the specification says, and a device that
 * insists on its toggles, which QEMU's devices do not.
 *
 * Long because what is asked ahead needs the same controller and device.
 */
#include "check.h"

#include "mmio_calls.h"

#include "disk/block.h"
#include "disk/scsi.h"
#include "lib/err.h"
#include "lib/print.h"
#include "usb/uhci.h"
#include "usb/usb_msc.h"
#include "usb/usb_std.h"

#define PACKET      64u
#define FRAMES_MAX  100u
#define FRAMES_LATE (2 * FRAMES_MAX)    /* until a time-out is over */
#define ALL_PACKETS 1000000u

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
static unsigned packets;        /* that the device still answers */

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
    device.stage = COMMAND;
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

/* Endpoint 0 */
static struct {
    struct usb_request request;
    bool cuts;                  /* packets of 8 bytes, whatever is asked for */
    bool lies;                  /* a status of a request has data */
    unsigned naks;              /* packets that are not ready yet */
    uint8_t stalls;             /* this request */
    bool gone;
    unsigned requests;
} ep0;

static int control(const struct uhci_td *td, uint8_t *data, uint32_t len)
{
    uint32_t n;

    if (ep0.gone)
        return ERR_FORMAT;
    if ((td->token & 0xff) == UHCI_PID_SETUP) {
        assert_int_equal(len, sizeof(ep0.request));
        memcpy(&ep0.request, data, len);
        ep0.requests++;
        return (int)len;
    }
    if (ep0.request.request == ep0.stalls)
        return ERR_DEVICE;
    if ((td->token & 0xff) == UHCI_PID_OUT)
        return 0;
    if (ep0.request.len == 0)
        n = ep0.lies ? len : 0;
    else
        n = ep0.request.len < 32 ? ep0.request.len : 32;
    n = n < len ? n : len;
    n = ep0.cuts && n > 8 ? 8 : n;
    memset(data, ep0.request.request, n);
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

    if (ep0.naks > 0 || packets == 0) {
        ep0.naks -= ep0.naks > 0;
        return false;
    }
    packets--;
    if ((td->token >> 15 & 0xf) == 0) {
        rc = control(td, data, len);
    } else {
        assert_true(pid == UHCI_PID_IN || pid == UHCI_PID_OUT);
        assert_int_equal(td->token >> 15 & 0xf, pid == UHCI_PID_IN ? 1 : 2);
        assert_int_equal((td->token & UHCI_TD_DATA1) != 0, *toggle);
        rc = pid == UHCI_PID_IN ? give(data, len) : take(data, len);
        *toggle ^= rc >= 0;
    }
    td->status &= ~(UHCI_TD_ACTIVE | 0x7ffu);
    if (rc < 0) {
        td->status |= UHCI_TD_STALLED | 0x7ff |
            (rc == ERR_FORMAT ? UHCI_TD_CRC : 0);
        return false;
    }
    td->status |= (uint32_t)(rc - 1) & 0x7ff;
    return (uint32_t)rc == len || !(td->status & UHCI_TD_SHORT_STOPS);
}

static void run_queue(struct uhci_qh *qh)
{
    while (!(qh->element & UHCI_END)) {
        struct uhci_td *td = place(qh->element & ~0xfu, &mem);

        if (!(td->status & UHCI_TD_ACTIVE) || !execute(td))
            break;
        qh->element = td->link & ~UHCI_DEPTH;
    }
}

/* A frame, long enough for everything. */
static void run_frame(void)
{
    struct uhci_qh *qh = &mem.qh;

    do {
        run_queue(qh);
        qh = qh->link & UHCI_END ? NULL : place(qh->link & ~0xfu, &mem);
    } while (qh != NULL && qh != &mem.qh);
    frames++;
}

bool poll_again(struct poll *p)
{
    (void)p;
    run_frame();
    return frames < FRAMES_MAX;
}

uint16_t port_call_read16(uint16_t port)
{
    assert_int_equal(port, UHCI_FRNUM);
    run_frame();
    return (uint16_t)frames;
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
    memset(&ep0, 0, sizeof(ep0));
    dev.max_packet0 = 8;
    in.toggle = out.toggle = msc.dead = hc.busy = false;
    resets = 0;
    packets = ALL_PACKETS;
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

/* ------------------------------------------------------------ asked ahead */

static void foresee_request(struct usb_ahead *a, uint8_t type, uint8_t code,
                            uint8_t len)
{
    struct usb_request r = { type, code, 0, 0, len };

    memset(a, 0xaa, sizeof(*a));
    memcpy(a->order, &r, sizeof(r));
    a->dev = &dev;
    a->out = NULL;
    a->len = len;
}

/* The command that command() gives next but n, with so many bytes. */
static void foresee_command(struct usb_ahead *a, unsigned n, uint8_t len)
{
    static const uint8_t cdb[16] = { 0x12 };
    struct usb_cbw cbw;

    memset(a, 0xaa, sizeof(*a));
    usb_msc_wrap(&cbw, 0, msc.tag + 1 + n, cdb, len, false);
    memcpy(a->order, &cbw, sizeof(cbw));
    a->dev = &dev;
    a->out = &out.pipe;
    a->in = &in.pipe;
    a->len = len;
}

static int request(uint8_t type, uint8_t code, uint8_t len)
{
    struct usb_request r = { type, code, 0, 0, len };
    uint8_t data[64];
    int rc = hc.hc.ops->control(&dev, &r, data, 1);

    for (int i = 0; i < rc; i++)
        assert_int_equal(data[i], code);
    return rc;
}

/* What is asked of a device when it is new. */
static void foresee_new(struct usb_ahead list[4])
{
    foresee_request(&list[0], 0, USB_SET_FEATURE, 0);
    foresee_request(&list[1], USB_DIR_IN, 0x10, 8);
    foresee_request(&list[2], USB_DIR_IN, 0x11, 64);
    foresee_request(&list[3], 0, USB_SET_CONFIGURATION, 0);
    dev.max_packet0 = 64;
    frames = 0;
    uhci_ahead(&hc.hc, list, 4);
    dev.max_packet0 = 8;
}

static void test_ahead_requests(void **state)
{
    struct usb_ahead list[4];

    (void)state;
    for (unsigned naks = 0; naks < 20; naks += 5) {
        fresh();
        ep0.naks = naks;
        foresee_new(list);
        assert_true(frames <= naks + 1);
        assert_int_equal(mem.qh.link, UHCI_END);
        frames = 0;
        assert_int_equal(request(0, USB_SET_FEATURE, 0), 0);
        assert_int_equal(request(USB_DIR_IN, 0x10, 8), 8);
        assert_int_equal(request(USB_DIR_IN, 0x11, 64), 32);
        assert_ptr_not_equal(hc.hc.ops, &uhci_ops);
        assert_int_equal(request(0, USB_SET_CONFIGURATION, 0), 0);
        assert_int_equal(frames, 0);
        assert_int_equal(ep0.requests, 4);
        assert_ptr_equal(hc.hc.ops, &uhci_ops);
    }
}

/* A device that sends no more in a packet than it says was cut short. */
static void test_ahead_cut(void **state)
{
    struct usb_ahead list[4];

    (void)state;
    fresh();
    ep0.cuts = true;
    foresee_new(list);
    assert_int_equal(request(0, USB_SET_FEATURE, 0), 0);
    assert_int_equal(request(USB_DIR_IN, 0x10, 8), 8);
    assert_int_equal(ep0.requests, 4);
    (void)request(USB_DIR_IN, 0x11, 64);
    assert_int_equal(ep0.requests, 5);
    assert_int_equal(request(0, USB_SET_CONFIGURATION, 0), 0);
    assert_int_equal(ep0.requests, 6);
}

/* What failed is asked for again, and so is what nobody foresaw. */
static void test_ahead_failures(void **state)
{
    struct usb_ahead list[4];

    (void)state;
    fresh();
    ep0.stalls = 0x11;
    foresee_new(list);
    assert_int_equal(ep0.requests, 3);
    assert_int_equal(request(0, USB_SET_FEATURE, 0), 0);
    assert_int_equal(request(USB_DIR_IN, 0x10, 8), 8);
    assert_int_equal(request(USB_DIR_IN, 0x11, 64), ERR_DEVICE);
    assert_int_equal(ep0.requests, 4);
    fresh();
    foresee_new(list);
    ep0.gone = true;
    assert_int_equal(request(0, USB_SET_FEATURE, 0), 0);
    assert_int_equal(request(USB_DIR_IN, 0x10, 9), ERR_FORMAT);
    assert_int_equal(request(USB_DIR_IN, 0x11, 64), ERR_FORMAT);
    fresh();
    ep0.lies = true;
    foresee_new(list);
    assert_int_equal(request(0, USB_SET_FEATURE, 0), 0);
    uhci_ahead(&hc.hc, NULL, 0);
    assert_ptr_equal(hc.hc.ops, &uhci_ops);
}

static void foresee_commands(struct usb_ahead list[4])
{
    foresee_request(&list[0], USB_DIR_IN, USB_MSC_MAX_LUN, 1);
    foresee_command(&list[1], 0, 36);
    foresee_command(&list[2], 1, 8);
    foresee_command(&list[3], 2, 192);
    frames = 0;
    uhci_ahead(&hc.hc, list, 4);
    assert_true(frames <= (packets == ALL_PACKETS ? 1 : FRAMES_LATE));
}

static void test_ahead_commands(void **state)
{
    struct usb_ahead list[4];

    (void)state;
    fresh();
    device.has = 192;
    for (unsigned n = 0; n < 3; n++) {
        foresee_commands(list);
        assert_int_equal(request(USB_DIR_IN, USB_MSC_MAX_LUN, 1), 1);
        /* one, and then as many as n foreseen ones, and another one */
        for (unsigned i = 0; i < n; i++) {
            assert_int_equal(command(false, i == 0 ? 36 : 8, 192),
                             i == 0 ? 36 : 8);
            assert_int_equal(frames, 0);
        }
        assert_int_equal(command(false, 100, 100), 100);
        assert_ptr_equal(hc.hc.ops, &uhci_ops);
        assert_int_equal(command(true, 512, 512), 512);
        device.has = 192;
    }
    foresee_commands(list);
    ep0.stalls = USB_MSC_MAX_LUN;       /* too late */
    assert_int_equal(request(USB_DIR_IN, USB_MSC_MAX_LUN, 1), 1);
    foresee_commands(list);
    assert_int_equal(request(USB_DIR_IN, USB_MSC_MAX_LUN, 1), ERR_DEVICE);
    assert_int_equal(command(false, 36, 36), 36);
    assert_int_equal(resets, 0);
}

/* Data that are short, or stall, end what is done ahead. */
static void test_ahead_data(void **state)
{
    struct usb_ahead list[4];

    (void)state;
    fresh();
    device.has = 20;            /* of 36 */
    foresee_commands(list);
    assert_int_equal(request(USB_DIR_IN, USB_MSC_MAX_LUN, 1), 1);
    assert_int_equal(command(false, 36, 20), 20);
    assert_int_equal(command(false, 8, 8), 8);
    for (unsigned write = 0; write < 2; write++) {
        device.stalls = true;
        device.status = USB_CSW_FAILED;
        foresee_commands(list);
        assert_int_equal(request(USB_DIR_IN, USB_MSC_MAX_LUN, 1), 1);
        assert_int_equal(command(false, 36, 36), ERR_DEVICE);
        device.stalls = false;
        device.status = 0;
        assert_int_equal(command(write, 8, 8), 8);
    }
    assert_int_equal(resets, 0);
}

/* The controller has nothing to do, and its memory can be used again. */
static void assert_at_rest(void)
{
    assert_int_equal(mem.qh.link, UHCI_END);
    assert_int_equal(mem.qh.element, UHCI_END);
    for (unsigned i = 0; i < ARRAY_SIZE(mem.td); i++)
        assert_false(mem.td[i].status & UHCI_TD_ACTIVE);
    assert_false(hc.busy);
}

/* What the device answers to nobody costs one time-out; it comes, and what is
 * asked behind it, when the device is back.  Silence from each packet on. */
static void test_ahead_silence(void **state)
{
    static const uint8_t codes[] = {
        USB_SET_FEATURE, 0x10, 0x11, USB_SET_CONFIGURATION
    };
    static const uint8_t lens[] = { 0, 8, 64, 0 }, came[] = { 0, 8, 32, 0 };
    struct usb_ahead list[4];
    unsigned failed = 1, quiet;

    (void)state;
    for (quiet = 0; failed != 0; quiet++) {
        fresh();
        packets = quiet;
        foresee_new(list);
        assert_true(frames <= FRAMES_LATE);
        assert_at_rest();
        packets = ALL_PACKETS;
        dev.max_packet0 = 64;
        failed = 0;
        for (unsigned i = 0; i < 4; i++) {
            int rc = request(lens[i] ? USB_DIR_IN : 0, codes[i], lens[i]);

            failed += rc == ERR_TIMEOUT;
            if (rc != ERR_TIMEOUT)
                assert_int_equal(rc, came[i]);
        }
        assert_true(failed <= 1);
        assert_ptr_equal(hc.hc.ops, &uhci_ops);
    }
    assert_int_equal(quiet, 9);         /* two packets each, and none */
}

static void test_ahead_silent_commands(void **state)
{
    static const uint8_t lens[] = { 36, 8, 192 };
    struct usb_ahead list[4];
    unsigned failed = 1, quiet;

    (void)state;
    for (quiet = 0; failed != 0; quiet++) {
        fresh();
        device.has = 192;
        packets = quiet;
        foresee_commands(list);
        assert_at_rest();
        packets = ALL_PACKETS;
        failed = request(USB_DIR_IN, USB_MSC_MAX_LUN, 1) == ERR_TIMEOUT;
        for (unsigned i = 0; i < ARRAY_SIZE(lens); i++) {
            int rc = command(false, lens[i], 192);

            failed += rc < 0;
            if (rc >= 0)
                assert_int_equal(rc, lens[i]);
        }
        assert_true(failed <= 1);
        assert_true(resets <= 1);
    }
    assert_true(quiet > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lengths),
        cmocka_unit_test(test_writes),
        cmocka_unit_test(test_stalls),
        cmocka_unit_test(test_status_stalls),
        cmocka_unit_test(test_ahead_requests),
        cmocka_unit_test(test_ahead_cut),
        cmocka_unit_test(test_ahead_failures),
        cmocka_unit_test(test_ahead_commands),
        cmocka_unit_test(test_ahead_data),
        cmocka_unit_test(test_ahead_silence),
        cmocka_unit_test(test_ahead_silent_commands),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
