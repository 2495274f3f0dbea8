/* SPDX-License-Identifier: MIT */
/*
 * Finding USB keyboards.  POST only.
 */
#include "usb/usb_kbd.h"

#include "core/alloc.h"
#include "lib/print.h"
#include "services/services.h"
#include "usb/usb_std.h"

#define SUBCLASS_BOOT       1u
#define PROTOCOL_KEYBOARD   1u
#define SET_IDLE            0x0au
#define SET_PROTOCOL        0x0bu
#define PROTOCOL_BOOT       0u

static int request(struct usb_device *dev, uint8_t interface, uint8_t code,
                   uint16_t value)
{
    return usb_control(dev, USB_REQ_CLASS | USB_REQ_TO_INTERFACE, code, value,
                       interface, NULL, 0, 0);
}

int usb_kbd_start(struct usb_device *dev, const struct usb_interface *i)
{
    struct usb_kbd *k;
    int rc;

    if (i->subclass != SUBCLASS_BOOT || i->protocol != PROTOCOL_KEYBOARD ||
        i->interrupt.address == 0)
        return ERR_ABSENT;      /* a mouse, a tablet */
    k = malloc_high(sizeof(*k), 4);
    if (k == NULL)
        return ERR_SPACE;       /* the allocator has said it */
    rc = request(dev, i->number, SET_PROTOCOL, PROTOCOL_BOOT);
    if (rc < 0) {
        usb_print(dev, "a keyboard without boot protocol", rc);
        return rc;
    }
    /* only changes are reported; a keyboard may refuse, and repeat itself */
    (void)request(dev, i->number, SET_IDLE, 0);
    k->pipe = usb_bus_of(dev->hc)->open(dev, &i->interrupt);
    if (k->pipe == NULL)
        return ERR_SPACE;       /* printed */
    k->next = usb_keyboards;
    usb_keyboards = k;
    key_poll_usb = usb_kbd_poll;
    debug("USB keyboard\n");
    return 0;
}
