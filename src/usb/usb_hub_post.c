/* SPDX-License-Identifier: MIT */
/*
 * Hubs: power their ports, and look what hangs there.  POST only; nobody
 * listens to a hub afterwards.
 *
 * USB 2.0, 11.23 and 11.24; USB 3.2, 10.15 and 10.16.
 */
#include "usb/usb_std.h"

#define DESC_HUB            0x29u
#define DESC_HUB_SUPER      0x2au
#define DESC_LEN            7u          /* what is read of it */
#define DESC_PORTS          2u
#define DESC_FLAGS          3u          /* 6:5 think time */
#define DESC_POWER_GOOD     5u          /* units of 2 ms */
#define SET_HUB_DEPTH       12u
#define PROTOCOL_MULTI_TT   2u

#define PORT_ENABLE         1u          /* features */
#define PORT_RESET          4u
#define PORT_POWER          8u
#define C_PORT_CONNECTION   16u
#define C_PORT_RESET        20u

#define STATUS_CONNECTED    (1u << 0)   /* wPortStatus */
#define STATUS_ENABLED      (1u << 1)
#define STATUS_RESET        (1u << 4)
#define STATUS_LOW_SPEED    (1u << 9)
#define STATUS_HIGH_SPEED   (1u << 10)

#define PORTS_MAX           15u         /* a route has four bits for it */
#define RESET_TIMEOUT_MS    500u
#define SETTLE_US           100000u

static int port_feature(struct usb_device *hub, uint8_t request,
                        unsigned feature, unsigned port)
{
    return usb_control(hub, USB_REQ_CLASS | USB_REQ_TO_OTHER, request,
                       (uint16_t)feature, (uint16_t)port, NULL, 0, 0);
}

/* wPortStatus, or an error. */
static int port_status(struct usb_device *hub, unsigned port)
{
    uint8_t status[4] ALIGNED(4);
    int rc = usb_control(hub, USB_DIR_IN | USB_REQ_CLASS | USB_REQ_TO_OTHER,
                         USB_GET_STATUS, 0, (uint16_t)port, status,
                         sizeof(status), sizeof(status));

    return rc < 0 ? rc : status[0] | status[1] << 8;
}

/* Reset a port with a device; enum usb_speed or an error. */
static int port_reset(struct usb_device *hub, unsigned port)
{
    struct poll p = poll_start(RESET_TIMEOUT_MS);
    int rc = port_feature(hub, USB_SET_FEATURE, PORT_RESET, port);

    while (rc >= 0) {
        rc = port_status(hub, port);
        if (rc < 0 || !(rc & STATUS_RESET))
            break;
        if (!poll_again(&p))
            rc = ERR_TIMEOUT;
    }
    if (rc < 0)
        return rc;
    /* changes that nobody waits for: no error if they cannot be cleared */
    (void)port_feature(hub, USB_CLEAR_FEATURE, C_PORT_RESET, port);
    (void)port_feature(hub, USB_CLEAR_FEATURE, C_PORT_CONNECTION, port);
    if (!(rc & STATUS_ENABLED))
        return ERR_DEVICE;
    if (hub->speed == USB_SUPER)
        return USB_SUPER;
    return rc & STATUS_LOW_SPEED ? USB_LOW
        : rc & STATUS_HIGH_SPEED ? USB_HIGH : USB_FULL;
}

static void search_hub_port(struct usb_device *hub, unsigned port)
{
    int rc = port_status(hub, port);

    if (rc >= 0 && !(rc & STATUS_CONNECTED))
        return;
    if (rc >= 0)
        rc = port_reset(hub, port);
    if (rc < 0) {
        usb_print(hub, "a port of this hub cannot be reset; its device is",
                  rc);
        return;
    }
    /* what failed was printed; its port stays off, out of the way */
    if (usb_new_device(hub->hc, hub, port, (enum usb_speed)rc) < 0)
        (void)port_feature(hub, USB_CLEAR_FEATURE, PORT_ENABLE, port);
}

/* What the controller must know of a hub. */
static int introduce(struct usb_device *dev, uint8_t desc[DESC_LEN])
{
    bool super = dev->speed == USB_SUPER;
    const struct usb_bus_ops *ops = usb_bus_of(dev->hc);
    int rc = usb_control(dev, USB_DIR_IN | USB_REQ_CLASS, USB_GET_DESCRIPTOR,
                         (super ? DESC_HUB_SUPER : DESC_HUB) << 8, 0, desc,
                         DESC_LEN, DESC_LEN);

    if (rc < 0)
        return rc;
    dev->hub_ports = desc[DESC_PORTS] < PORTS_MAX ? desc[DESC_PORTS]
                                                  : PORTS_MAX;
    if (dev->hub_ports == 0)
        return ERR_FORMAT;
    dev->tt_think = desc[DESC_FLAGS] >> 5 & 3;
    if (super) {
        rc = usb_control(dev, USB_REQ_CLASS, SET_HUB_DEPTH, dev->depth, 0,
                         NULL, 0, 0);
        if (rc < 0)
            return rc;
    }
    return ops->update != NULL ? ops->update(dev) : 0;
}

int usb_hub_start(struct usb_device *dev)
{
    uint8_t desc[DESC_LEN + 1] ALIGNED(4);
    int rc = introduce(dev, desc);

    if (rc < 0) {
        usb_print(dev, "this hub does not work; all behind it", rc);
        return rc;
    }
    for (unsigned port = 1; port <= dev->hub_ports; port++)
        /* ports without a switch may refuse */
        (void)port_feature(dev, USB_SET_FEATURE, PORT_POWER, port);
    if (dev->hc->physical)
        timer_delay_us(SETTLE_US + desc[DESC_POWER_GOOD] * 2000u);
    for (unsigned port = 1; port <= dev->hub_ports; port++)
        if (!dev->hc->dead && !usb_enough())
            search_hub_port(dev, port);
    return 0;
}
