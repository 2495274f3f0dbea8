/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: USB devices that answer anything, to POST, to a few reads and to
 * the keyboard's polling.  Each answer takes a byte: its low bits say how
 * long it is, or that there is none.
 */
#include "usb_host.h"

#include <stdlib.h>
#include <string.h>

#include "host.h"
#include "services/services.h"
#include "usb/usb_msc.h"
#include "usb/usb_std.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t *at;
static size_t left;

static uint8_t byte(void)
{
    if (left == 0)
        return 0;
    left--;
    return *at++;
}

/* Fill buf as the input says; how much, or an error. */
static int answer(void *buf, uint32_t cap)
{
    uint8_t how = byte();
    uint32_t n = how < 0xc0 ? how : cap;

    if (how >= 0xfc)
        return how == 0xff ? ERR_TIMEOUT : how == 0xfe ? ERR_FORMAT
                                                      : ERR_DEVICE;
    if (how >= 0xc0 && how < 0xe0 && cap > 0)
        n = byte() % (cap + 1);
    if (n > cap)
        n = cap;
    if (n > left)
        n = (uint32_t)left;
    if (n != 0)
        memcpy(buf, at, n);
    at += n;
    left -= n;
    return (int)n;
}

int fake_port_reset(unsigned port)
{
    uint8_t v = byte();

    (void)port;
    return v % 8 == 7 ? ERR_ABSENT : v % 8 == 6 ? ERR_TIMEOUT
                                                : USB_FULL + v % 4;
}

int fake_control(struct usb_device *dev, const struct usb_request *r,
                 void *buf)
{
    (void)dev;
    if (r->type & USB_DIR_IN)
        return answer(buf, r->len);
    return byte() >= 0xfc ? ERR_DEVICE : r->len;
}

static uint32_t tag;

int fake_bulk(struct usb_pipe *pipe, void *buf, uint32_t len)
{
    int n;

    if (!(pipe->ep.address & USB_DIR_IN)) {
        if (len == 31)
            memcpy(&tag, (uint8_t *)buf + 4, sizeof(tag));
        return byte() >= 0xfc ? ERR_DEVICE : (int)len;
    }
    n = answer(buf, len);
    if (n == 0 && len == 13) {  /* most often a good status is wanted */
        struct usb_csw csw = { USB_CSW_SIGNATURE, tag, 0, 0 };

        memcpy(buf, &csw, sizeof(csw));
        return sizeof(csw);
    }
    return n;
}

int fake_report(struct usb_pipe *pipe, void *buf, uint32_t cap)
{
    (void)pipe;
    return answer(buf, cap);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t sectors[32 * 2048];

    at = data;
    left = size;
    usb_run();
    if (usb_happened.attached > USB_DEVICES_MAX + 1)
        abort();
    for (unsigned i = 0; i < usb_happened.drives && i < 4; i++) {
        struct drive *d = usb_happened.drive[i];

        if (d->type == DRIVE_HDD)
            (void)d->ops->rw(d, 0, 1 + byte() % d->ops->max_count, sectors,
                             byte() & 1);
    }
    for (unsigned n = 0; n < 8 && key_poll_usb != NULL; n++)
        key_poll_usb();
    host_reset();
    return 0;
}
