/* SPDX-License-Identifier: MIT */
/*
 * The USB core and its class drivers on the host, on top of a controller
 * whose devices the includer makes up: fake_control(), fake_bulk() and
 * fake_report() answer, with what struct usb_ops says.  For test_usb.c and
 * fuzz/fuzz_usb.c; everything they call is replaced here.
 */
#ifndef USB_HOST_H
#define USB_HOST_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "boot/boot.h"
#include "lib/print.h"
#include "disk/scsi.h"
#include "services/services.h"

#include "../../src/usb/usb.c"
#include "../../src/usb/usb_desc_post.c"
#include "../../src/usb/usb_post.c"
#include "../../src/usb/usb_hub_post.c"
#include "../../src/usb/usb_msc.c"
#include "../../src/usb/usb_msc_post.c"
#include "../../src/usb/usb_kbd.c"
#include "../../src/usb/usb_kbd_post.c"
#include "../../src/disk/scsi.c"
#include "../../src/disk/scsi_post.c"

/* What the includer has. */
static int fake_control(struct usb_device *dev,
                        const struct usb_request *request, void *data);
static int fake_bulk(struct usb_pipe *pipe, void *buf, uint32_t len);
static int fake_report(struct usb_pipe *pipe, void *buf, uint32_t cap);
static int fake_port_reset(unsigned port);      /* 1..FAKE_PORTS */
#define FAKE_PORTS          2u

/* What happened. */
static char said[16384];
static struct drive *found[128];
static unsigned found_count, attached, detached, opened, polls;
static uint8_t codes[256];
static unsigned code_count;
static void *blocks[4096];
static unsigned block_count;

/* ---------------------------------------------------------- replacements */

void (*key_poll_usb)(void);

void key_scancode(uint8_t code)
{
    codes[code_count++ % sizeof(codes)] = code;
}

static void say(const char *fmt, va_list ap)
{
    size_t len = strlen(said);

    vsnprintf(said + len, sizeof(said) - len, fmt, ap);
}

void print(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say(fmt, ap);
    va_end(ap);
}

void debug(const char *fmt, ...)
{
    char text[256];
    va_list ap;

    va_start(ap, fmt);          /* formatted, so that sanitizers see it */
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
}

int format(char *buf, size_t cap, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(buf, cap, fmt, ap);
    va_end(ap);
    return n;
}

static void *get(uint32_t size)
{
    if (block_count == ARRAY_SIZE(blocks))
        return NULL;
    return blocks[block_count++] = calloc(1, size);
}

void *malloc_high(uint32_t size, uint32_t align)
{
    (void)align;
    return get(size);
}

void *malloc_temp(uint32_t size, uint32_t align)
{
    (void)align;
    return get(size);
}

void free_zone(void *p)
{
    for (unsigned i = 0; i < block_count; i++)
        if (blocks[i] == p && p != NULL) {
            free(p);
            blocks[i] = blocks[--block_count];
            return;
        }
}

const char *drive_text(const char *fmt, ...)
{
    char *text = get(128);
    va_list ap;

    if (text == NULL)
        return "";
    va_start(ap, fmt);
    vsnprintf(text, 128, fmt, ap);
    va_end(ap);
    return text;
}

void drive_register(struct drive *d)
{
    if (found_count < ARRAY_SIZE(found))
        found[found_count++] = d;
}

int bootorder_find(pci_bdf bdf, const char *suffix)
{
    (void)bdf;
    return strstr(suffix, "usb-host@2") != NULL ? 1 : ERR_ABSENT;
}

uint16_t pci_read16(pci_bdf bdf, uint32_t reg)
{
    (void)bdf;
    (void)reg;
    return VENDOR_QEMU;
}

void pci_set16(pci_bdf bdf, uint32_t reg, uint16_t clear, uint16_t set)
{
    (void)bdf;
    (void)reg;
    (void)clear;
    (void)set;
}

/* Time is what polling takes. */
bool poll_again(struct poll *p)
{
    polls++;
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
    attached++;
    return 0;
}

static void hc_detach(struct usb_device *dev)
{
    (void)dev;
    detached++;
}

static struct usb_pipe *hc_open(struct usb_device *dev,
                                const struct usb_endpoint *ep)
{
    struct usb_pipe *pipe = get(sizeof(*pipe));

    if (pipe == NULL)
        return NULL;
    pipe->dev = dev;
    pipe->ep = *ep;
    opened++;
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

uint32_t pci_bar(pci_bdf bdf, unsigned n, bool *is_io)
{
    (void)bdf;
    *is_io = false;
    return n == xhci_bus_ops.bar ? 0xfe000000u : 0;
}

/* All of POST, from a clean state. */
static void usb_run(void)
{
    struct pci_device pci = { .prog_if = PROG_IF_XHCI };

    while (block_count != 0)
        free(blocks[--block_count]);
    buses = NULL;
    search_over = false;
    devices = 0;
    usb_keyboards = NULL;
    key_poll_usb = NULL;
    said[0] = '\0';
    found_count = attached = detached = opened = polls = code_count = 0;
    usb_start(&pci);
    usb_finish();
}

#endif
