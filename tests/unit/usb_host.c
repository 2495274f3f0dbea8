/* SPDX-License-Identifier: MIT */
/*
 * What USB calls of the rest of the firmware, and a controller, as usb_host.h
 * says.
 */
#include "usb_host.h"

#include <stdlib.h>
#include <string.h>

#include "boot/boot.h"
#include "core/alloc.h"
#include "host.h"
#include "services/services.h"
#include "usb/usb_kbd.h"
#include "usb/usb_std.h"

#define VENDOR_QEMU         0x1af4u     /* as subsystem vendor */

struct usb_happened usb_happened;

/* ---------------------------------------------------------- replacements */

void (*key_poll_usb)(void);

void key_scancode(uint8_t code)
{
    usb_happened.code[usb_happened.codes++ % sizeof(usb_happened.code)] = code;
}

void drive_register(struct drive *d)
{
    if (usb_happened.drives < ARRAY_SIZE(usb_happened.drive))
        usb_happened.drive[usb_happened.drives++] = d;
}

int bootorder_find(pci_bdf bdf, const char *suffix)
{
    (void)bdf;
    return strstr(suffix, "usb-host@2") != NULL ? 1 : ERR_ABSENT;
}

uint16_t pci_read16(pci_bdf bdf, uint32_t reg)
{
    (void)bdf, (void)reg;
    return VENDOR_QEMU;
}

/* Time is what polling takes. */
bool poll_again(struct poll *p)
{
    return p->spins++ < 3;
}

/* ... and what asking for it takes: one each. */
static uint64_t asked;

struct deadline timer_deadline_ms(uint32_t ms)
{
    return (struct deadline){ asked + ms };
}

bool timer_expired(const struct deadline *d)
{
    return asked++ >= d->end;
}

struct deadline timer_deadline_seen_ms(uint32_t ms)
{
    return timer_deadline_ms(ms);
}

bool timer_seen(const struct deadline *d)
{
    return timer_expired(d);
}

bool drives_enough(bool one)
{
    (void)one;                  /* USB has bounds of its own */
    return false;
}

void timer_delay_us(uint32_t us)
{
    (void)us;
    abort();                    /* QEMU's buses wait for nothing */
}

/* ---------------------------------------------------------- the controller */

static int hc_control(struct usb_device *dev,
                      const struct usb_request *request, void *data,
                      uint32_t timeout_ms)
{
    (void)timeout_ms;
    if (request->len > USB_CONTROL_MAX)
        abort();
    return fake_control(dev, request, data);
}

static int hc_bulk(struct usb_pipe *pipe, void *buf, uint32_t len,
                   uint32_t timeout_ms)
{
    (void)timeout_ms;
    if (len > USB_BULK_MAX)
        abort();
    return fake_bulk(pipe, buf, len);
}

static int hc_reset_pipe(struct usb_pipe *pipe)
{
    (void)pipe;
    return 0;
}

static const struct usb_ops hc_ops = {
    .name = "fake",
    .control = hc_control,
    .bulk = hc_bulk,
    .report = fake_report,
    .reset_pipe = hc_reset_pipe,
};

static int hc_begin(struct usb_controller *hc)
{
    (void)hc;
    return FAKE_PORTS;
}

static int hc_port_reset(struct usb_controller *hc, unsigned port)
{
    (void)hc;
    return fake_port_reset(port);
}

static void hc_port_disable(struct usb_controller *hc, unsigned port)
{
    (void)hc;
    (void)port;
}

static int hc_attach(struct usb_device *dev)
{
    (void)dev;
    usb_happened.attached++;
    return 0;
}

static void hc_detach(struct usb_device *dev)
{
    (void)dev;
    usb_happened.detached++;
}

static struct usb_pipe *hc_open(struct usb_device *dev,
                                const struct usb_endpoint *ep)
{
    struct usb_pipe *pipe = malloc_high(sizeof(*pipe), 1);

    if (pipe == NULL)
        return NULL;
    pipe->dev = dev;
    pipe->ep = *ep;
    return pipe;
}

static int hc_start(struct usb_controller *hc)
{
    return hc->base == NULL ? ERR_DEVICE : 0;
}

/* The one controller says that it is an xHCI. */
const struct usb_bus_ops xhci_bus_ops = {
    .ops = &hc_ops,
    .prog_if = PROG_IF_XHCI,
    .size = sizeof(struct usb_controller),
    .start = hc_start,
    .begin = hc_begin,
    .port_reset = hc_port_reset,
    .port_disable = hc_port_disable,
    .attach = hc_attach,
    .detach = hc_detach,
    .open = hc_open,
};
const struct usb_bus_ops ehci_bus_ops = { .prog_if = PROG_IF_EHCI };
const struct usb_bus_ops uhci_bus_ops = { .prog_if = PROG_IF_UHCI };

uint32_t pci_bar(const struct pci_device *d, unsigned n, bool *is_io)
{
    (void)d;
    *is_io = false;
    return n == xhci_bus_ops.bar ? 0xfe000000u : 0;
}

void usb_run(void)
{
    struct pci_device pci = { .prog_if = PROG_IF_XHCI };

    host_reset();
    usb_search = (struct usb_search){ 0 };
    usb_keyboards = NULL;
    key_poll_usb = NULL;
    usb_happened = (struct usb_happened){ 0 };
    usb_start(&pci);
    usb_finish();
}
