/* SPDX-License-Identifier: MIT */
/*
 * The USB core and its class drivers on the host, on top of a controller
 * whose devices the program makes up: fake_control(), fake_bulk(),
 * fake_report() and fake_port_reset() answer, with what struct usb_ops says.
 */
#ifndef USB_HOST_H
#define USB_HOST_H

#include "disk/block.h"
#include "usb/usb.h"

/* What the program has. */
int fake_control(struct usb_device *dev, const struct usb_request *request,
                 void *data);
int fake_bulk(struct usb_pipe *pipe, void *buf, uint32_t len);
int fake_report(struct usb_pipe *pipe, void *buf, uint32_t cap);
int fake_port_reset(unsigned port);     /* 1..FAKE_PORTS */
#define FAKE_PORTS          2u

/* What happened since usb_run() began: drives that were registered, devices
 * attached and given up, scan codes (the last 256). */
struct usb_happened {
    struct drive *drive[128];
    unsigned drives, attached, detached;
    uint8_t code[256];
    unsigned codes;
};
extern struct usb_happened usb_happened;

/* All of POST, from a clean state; messages as host.h says. */
void usb_run(void);

#endif
