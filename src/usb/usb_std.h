/* SPDX-License-Identifier: MIT */
/*
 * Requests and descriptors that all devices know, and the walk over a
 * configuration's descriptors (USB 2.0, 9.4 to 9.6).  usb_desc_post.c is also
 * built on the host, by tests.
 */
#ifndef HW_USB_STD_H
#define HW_USB_STD_H

#include "lib/cursor.h"
#include "usb/usb.h"

#define PCI_CLASS_USB       0x0c03u
#define PROG_IF_UHCI        0x00u
#define PROG_IF_EHCI        0x20u
#define PROG_IF_XHCI        0x30u

/* bmRequestType */
#define USB_REQ_STANDARD    0x00u
#define USB_REQ_CLASS       0x20u
#define USB_REQ_TO_DEVICE   0x00u
#define USB_REQ_TO_INTERFACE 0x01u
#define USB_REQ_TO_ENDPOINT 0x02u
#define USB_REQ_TO_OTHER    0x03u       /* a port of a hub */

/* bRequest */
#define USB_GET_STATUS      0u
#define USB_CLEAR_FEATURE   1u
#define USB_ENDPOINT_HALT   0u          /* feature */
#define USB_SET_FEATURE     3u
#define USB_SET_ADDRESS     5u
#define USB_GET_DESCRIPTOR  6u
#define USB_SET_CONFIGURATION 9u

#define USB_DESC_DEVICE     1u
#define USB_DESC_CONFIG     2u
#define USB_DESC_INTERFACE  4u
#define USB_DESC_ENDPOINT   5u

/* The device descriptor's first bytes, all that is read of it */
#define USB_DEVICE_CLASS    4u
#define USB_DEVICE_PROTOCOL 6u
#define USB_DEVICE_PACKET   7u          /* super speed: a power of two */
#define USB_DEVICE_HEAD     8u

/* Classes */
#define USB_CLASS_HID       0x03u
#define USB_CLASS_STORAGE   0x08u
#define USB_CLASS_HUB       0x09u

/*
 * An interface in its first setting.  Of its endpoints the first of each kind
 * counts; address 0: it has none.
 */
struct usb_interface {
    uint8_t number, class, subclass, protocol;
    struct usb_endpoint in, out;        /* bulk */
    struct usb_endpoint interrupt;      /* IN */
};

/*
 * Begin to read a configuration of len bytes, as it came.  The value for
 * SET_CONFIGURATION, or ERR_FORMAT.
 */
int usb_config_open(struct rd *r, const void *config, size_t len);

/* The next interface; false: there is none, or what follows is damaged. */
bool usb_config_next(struct rd *r, struct usb_interface *i);

/* ------------------------------------------------------------------------
 * The class drivers.  POST only.  All print what is wrong, once.
 */

/*
 * Where QEMU's boot order sees it: "hub@1/" and name "@2".  What of it fits in
 * buf; the length the whole has.
 */
#define USB_PATH_SIZE       80u
size_t usb_path(const struct usb_device *dev, const char *name, char *buf,
                size_t cap);

/* Say what is wrong with a device that is not used: what, or that it does not
 * answer if rc is ERR_TIMEOUT. */
void usb_print(const struct usb_device *dev, const char *what, int rc);

/* Start what an interface of a configured device is. */
int usb_hub_start(struct usb_device *dev);
int usb_msc_start(struct usb_device *dev, const struct usb_interface *i);
int usb_kbd_start(struct usb_device *dev, const struct usb_interface *i);

/*
 * Something hangs on this port (of hub; NULL: of the controller), its port
 * enabled: find out what, and start it.  An error: not usable, printed.
 */
int usb_new_device(struct usb_controller *hc, struct usb_device *hub,
                   unsigned port, enum usb_speed speed);

/*
 * The search for devices, from the first usb_start() to usb_finish().  All is
 * zero before; a test that searches again clears it.
 */
#define USB_DEVICES_MAX     48u
struct usb_search {
    struct bus *buses;
    struct deadline end;
    bool over;                  /* enough was found, or it took too long */
    unsigned devices;
    struct usb_ahead *ahead;    /* NULL until it is needed */
};
extern struct usb_search usb_search;

/* Is it time to stop looking for devices?  Printed then. */
bool usb_enough(void);
/* ... and for the parts of those that there are. */
bool usb_late(void);

const struct usb_bus_ops *usb_bus_of(const struct usb_controller *hc);

/* A list of USB_AHEAD_MAX for usb_bus_ops.ahead; NULL: there is nothing to be
 * won, or no memory. */
struct usb_ahead *usb_ahead_list(struct usb_device *dev);

/* A request for such a list. */
void usb_ahead_request(struct usb_ahead *a, uint8_t type, uint8_t request,
                       uint16_t value, uint16_t index, uint8_t len);

#endif
