/* SPDX-License-Identifier: MIT */
/*
 * A configuration's descriptors: interfaces and endpoints.  POST only, and
 * built on the host by tests: any bytes of any length must do no harm.
 *
 * USB 2.0, 9.6.3 to 9.6.6.
 */
#include "usb/usb_std.h"

#include <string.h>

#define MIN_PACKET          8u
#define MAX_PACKET          1024u
#define PACKET_MASK         0x07ffu
#define ENDPOINT_NUMBER     0x0fu

/* The next descriptor: its type and, behind length and type, its body. */
static bool next(struct rd *r, uint8_t *type, struct rd *body)
{
    uint8_t len = rd_u8(r);

    *type = rd_u8(r);
    if (r->bad || len < 2)
        return false;
    *body = rd_sub(r, len - 2u);
    return !r->bad;
}

int usb_config_open(struct rd *r, const void *config, size_t len)
{
    uint8_t type, value;
    struct rd body;

    *r = rd_from(config, len);
    if (!next(r, &type, &body) || type != USB_DESC_CONFIG)
        return ERR_FORMAT;
    rd_skip(&body, 3);          /* total length, number of interfaces */
    value = rd_u8(&body);
    return body.bad ? ERR_FORMAT : value;
}

/* Keep it, if it is the first of its kind. */
static void endpoint(struct usb_interface *i, struct rd *body)
{
    struct usb_endpoint ep = { 0 }, *to;
    uint8_t attributes;

    ep.address = rd_u8(body);
    attributes = rd_u8(body);
    ep.max_packet = rd_le16(body) & PACKET_MASK;
    ep.interval = rd_u8(body);
    ep.type = attributes & USB_TYPE_MASK;
    if (body->bad || ep.max_packet < MIN_PACKET ||
        ep.max_packet > MAX_PACKET || (ep.address & ENDPOINT_NUMBER) == 0)
        return;
    if (ep.type == USB_BULK)
        to = ep.address & USB_DIR_IN ? &i->in : &i->out;
    else if (ep.type == USB_INTERRUPT && (ep.address & USB_DIR_IN))
        to = &i->interrupt;
    else
        return;
    if (to->address == 0)
        *to = ep;
}

/* An interface descriptor; false: an alternative setting, to be ignored. */
static bool interface(struct usb_interface *i, struct rd *body)
{
    uint8_t setting;

    memset(i, 0, sizeof(*i));
    i->number = rd_u8(body);
    setting = rd_u8(body);
    rd_skip(body, 1);           /* number of endpoints */
    i->class = rd_u8(body);
    i->subclass = rd_u8(body);
    i->protocol = rd_u8(body);
    return !body->bad && setting == 0;
}

bool usb_config_next(struct rd *r, struct usb_interface *i)
{
    bool found = false;
    uint8_t type;
    struct rd body, before = *r;

    for (; next(r, &type, &body); before = *r) {
        if (type == USB_DESC_INTERFACE) {
            if (found) {
                *r = before;    /* the next one's */
                return true;
            }
            found = interface(i, &body);
        } else if (type == USB_DESC_ENDPOINT && found) {
            endpoint(i, &body);
        }
    }
    return found;
}
