/* SPDX-License-Identifier: MIT */
/*
 * xHCI controllers: reset, ports, slots and endpoints.  POST only.
 *
 * An OS may take the controller over at any time (it resets it): no
 * interrupts are enabled, and no SMI.
 */
#include "usb/xhci.h"

#include <string.h>

#include "core/alloc.h"
#include "lib/io.h"
#include "lib/print.h"
#include "usb/usb_std.h"

#define EXT_MAX             64u         /* capabilities looked at */
#define PAGE                4096u
#define CONTEXTS            33u         /* of an input context */
#define ADD(n)              (1u << (n)) /* in input contexts' second word */

/* Slot context, xHCI 6.2.2: fields of its words 0, 1 and 2 */
#define SLOT0_SPEED(n)      ((uint32_t)(n) << 20)
#define SLOT0_ENTRIES(n)    ((uint32_t)(n) << 27)
#define SLOT1_ROOT_PORT(n)  ((uint32_t)(n) << 16)
#define SLOT1_PORTS(n)      ((uint32_t)(n) << 24)
#define SLOT2_TT_PORT(n)    ((uint32_t)(n) << 8)
#define SLOT2_TT_THINK(n)   ((uint32_t)(n) << 16)

/* Endpoint context, 6.2.3: fields of its words 0, 1 and 4 */
#define EP0_INTERVAL(n)     ((uint32_t)(n) << 16)
#define EP1_CERR_3          (3u << 1)
#define EP1_TYPE(n)         ((uint32_t)(n) << 3)
#define EP_TYPE_CONTROL     4u          /* IN: +4 to the type of descriptors */
#define EP1_MAX_PACKET(n)   ((uint32_t)(n) << 16)
#define EP4_AVERAGE(n)      (n)         /* length of a transfer block */
#define EP4_MAX_ESIT(n)     ((uint32_t)(n) << 16)
#define BULK_AVERAGE        1024u

static struct xhci *host(struct usb_controller *hc)
{
    return (struct xhci *)hc;
}

static uint32_t op_read(const struct xhci *x, uint32_t reg)
{
    return mmio_read32(x->op + reg);
}

static void op_write(struct xhci *x, uint32_t reg, uint32_t v)
{
    mmio_write32(x->op + reg, v);
}

/* Wait for the masked bits of an operational register. */
static int wait_bits(const struct xhci *x, uint32_t reg, uint32_t mask,
                     uint32_t want)
{
    return poll_bits(x->op + reg, mask, want, USB_HC_TIMEOUT_MS);
}

/* ------------------------------------------------------------- controller */

/* What a protocol capability says. */
static void note_protocol(struct xhci *x, unsigned n, uint32_t head,
                          uint32_t ports)
{
    if (n < XHCI_PROTOCOLS)
        x->protocol[n] = (struct xhci_protocol){
            (uint8_t)(head >> 24), (uint8_t)ports, (uint8_t)(ports >> 8),
        };
}

/* Firmware of the host may own a controller that was assigned to us; and which
 * ports there are. */
static void walk_capabilities(struct xhci *x, uint32_t at)
{
    unsigned protocols = 0;

    for (unsigned i = 0; i < EXT_MAX && at != 0; i++) {
        uint8_t *cap = x->hc.base + at;
        uint32_t head = mmio_read32(cap), step = XHCI_EXT_NEXT(head);

        if (XHCI_EXT_ID(head) == XHCI_EXT_LEGACY) {
            mmio_write32(cap, 0);
            mmio_write32(cap + XHCI_LEGACY_SMI, 7u << 29);
        } else if (XHCI_EXT_ID(head) == XHCI_EXT_PROTOCOL) {
            note_protocol(x, protocols++, head,
                          mmio_read32(cap + XHCI_PROTOCOL_PORTS));
        }
        at = step != 0 ? at + step : 0;
    }
}

static int xhci_start(struct usb_controller *hc)
{
    struct xhci *x = host(hc);
    const uint8_t *base = hc->base;
    uint32_t params = mmio_read32(base + XHCI_HCCPARAMS1);

    x->op = hc->base + mmio_read8(base + XHCI_CAPLENGTH);
    x->run = hc->base + ALIGN_DOWN(mmio_read32(base + XHCI_RTSOFF), 32u);
    x->doorbells =
        (volatile uint32_t *)(hc->base +
                              ALIGN_DOWN(mmio_read32(base + XHCI_DBOFF), 4u));
    x->context_size = params & XHCI_HCC_CSZ ? 64 : 32;
    x->port_power = params & XHCI_HCC_PPC;
    walk_capabilities(x, XHCI_HCC_XECP(params));
    op_write(x, XHCI_USBCMD, 0);
    if (wait_bits(x, XHCI_USBSTS, XHCI_STS_HALTED, XHCI_STS_HALTED) < 0)
        return usb_ignore(hc, "does not stop");
    op_write(x, XHCI_USBCMD, XHCI_CMD_RESET);
    return 0;
}

static int xhci_begin(struct usb_controller *hc)
{
    struct xhci *x = host(hc);
    uint32_t params = mmio_read32(hc->base + XHCI_HCSPARAMS1);
    uint32_t pads = XHCI_SCRATCHPADS(mmio_read32(hc->base + XHCI_HCSPARAMS2));
    uint64_t *list;

    if (wait_bits(x, XHCI_USBCMD, XHCI_CMD_RESET, 0) < 0 ||
        wait_bits(x, XHCI_USBSTS, XHCI_STS_NOT_READY, 0) < 0)
        return usb_ignore(hc, "is not ready within 2 s after its reset");
    if (!(op_read(x, XHCI_PAGESIZE) & 1))
        return usb_ignore(hc, "has no pages of 4 KiB");
    x->mem = malloc_high(sizeof(*x->mem), XHCI_MEM_ALIGN);
    if (x->mem == NULL)
        return usb_ignore(hc, "no memory");
    if (pads != 0) {
        list = malloc_high(pads * sizeof(*list), PAGE);
        for (uint32_t i = 0; list != NULL && i < pads; i++) {
            list[i] = xhci_address(malloc_high(PAGE, PAGE));
            if (list[i] == 0)
                list = NULL;
        }
        if (list == NULL)
            return usb_ignore(hc, "no memory for its scratchpads");
        x->mem->contexts[0] = xhci_address(list);
    }
    x->slots = XHCI_SLOTS(params) < XHCI_SLOTS_MAX
        ? (uint8_t)XHCI_SLOTS(params) : XHCI_SLOTS_MAX;
    x->commands.trb = x->mem->commands;
    xhci_ring_reset(&x->commands);
    x->event_cycle = 1;
    x->mem->segment[0] = xhci_address(x->mem->events);
    x->mem->segment[2] = XHCI_EVENTS;
    op_write(x, XHCI_CONFIG, x->slots);
    op_write(x, XHCI_DCBAAP, xhci_address(x->mem->contexts));
    op_write(x, XHCI_DCBAAP + 4, 0);
    op_write(x, XHCI_CRCR, xhci_address(x->commands.trb) | XHCI_CYCLE);
    op_write(x, XHCI_CRCR + 4, 0);
    mmio_write32(x->run + XHCI_ERSTSZ, 1);
    mmio_write32(x->run + XHCI_ERDP, xhci_address(x->mem->events));
    mmio_write32(x->run + XHCI_ERDP + 4, 0);
    mmio_write32(x->run + XHCI_ERSTBA, xhci_address(x->mem->segment));
    mmio_write32(x->run + XHCI_ERSTBA + 4, 0);
    op_write(x, XHCI_USBCMD, XHCI_CMD_RUN);
    if (wait_bits(x, XHCI_USBSTS, XHCI_STS_HALTED, 0) < 0)
        return usb_ignore(hc, "does not run");
    for (unsigned n = 1; x->port_power && n <= XHCI_PORTS(params); n++)
        op_write(x, XHCI_PORTSC(n), XHCI_PORT_POWER);
    return (int)XHCI_PORTS(params);
}

/* ------------------------------------------------------------------ ports */

/*
 * Of which protocol a port is: its major revision, or 0; *index: its number
 * among the ports of that protocol, from 1.
 */
static unsigned protocol(const struct xhci *x, unsigned port,
                         unsigned *index)
{
    for (unsigned i = 0; i < XHCI_PROTOCOLS; i++) {
        const struct xhci_protocol *p = &x->protocol[i];

        *index = port - p->first + 1;           /* wraps if it is below */
        if (*index >= 1 && *index <= p->count)
            return p->major;
    }
    *index = port;
    return 0;
}

/* Ports of both protocols have the same numbers on the outside. */
static unsigned xhci_port_name(struct usb_controller *hc, unsigned port)
{
    unsigned index;

    (void)protocol(host(hc), port, &index);
    return index;
}

static int xhci_port_reset(struct usb_controller *hc, unsigned port)
{
    struct xhci *x = host(hc);
    uint32_t reg = XHCI_PORTSC(port), speed, v = op_read(x, reg);
    bool usb3;
    unsigned index;

    if (!(v & XHCI_PORT_CONNECT))
        return ERR_ABSENT;
    usb3 = protocol(x, port, &index) == 3;
    /* USB 3 devices enable themselves; those that did not get a push. */
    if (!usb3 || !(v & XHCI_PORT_ENABLED)) {
        op_write(x, reg, XHCI_PORT_POWER |
                 (usb3 ? XHCI_PORT_WARM : XHCI_PORT_RESET));
        if (wait_bits(x, reg, XHCI_PORT_RESET, 0) < 0 ||
            wait_bits(x, reg, XHCI_PORT_ENABLED, XHCI_PORT_ENABLED) < 0)
            return ERR_TIMEOUT;
        v = op_read(x, reg);
    }
    op_write(x, reg, XHCI_PORT_POWER | XHCI_PORT_CHANGES);
    speed = XHCI_PORT_SPEED(v);
    return speed == 0 || speed > USB_SUPER ? USB_SUPER : (int)speed;
}

static void xhci_port_disable(struct usb_controller *hc, unsigned port)
{
    op_write(host(hc), XHCI_PORTSC(port),
             XHCI_PORT_POWER | XHCI_PORT_ENABLED);
}

/* --------------------------------------------------------------- contexts */

/*
 * An input context is built, given to a command, and not needed any more.
 * Context 0 is the slot's (behind the control context, which tells what of
 * it counts).
 */
static uint32_t *context_of(const struct xhci *x, uint32_t *input,
                            unsigned n)
{
    return input + (n + 1) * x->context_size / sizeof(*input);
}

static void fill_slot(const struct xhci *x, const struct usb_device *dev,
                      uint32_t *input, unsigned entries)
{
    uint32_t *slot = context_of(x, input, 0);

    slot[0] = dev->route | SLOT0_SPEED(dev->speed) | SLOT0_ENTRIES(entries);
    slot[1] = SLOT1_ROOT_PORT(dev->root_port);
    if (dev->hub_ports != 0) {
        slot[0] |= XHCI_SLOT_HUB | (dev->tt_multi ? XHCI_SLOT_MTT : 0);
        slot[1] |= SLOT1_PORTS(dev->hub_ports);
        slot[2] |= SLOT2_TT_THINK(dev->tt_think);
    }
    if (dev->tt_hub != NULL) {
        const struct xhci_pipe *hub = dev->tt_hub->priv;

        slot[0] |= dev->tt_hub->tt_multi ? XHCI_SLOT_MTT : 0;
        slot[2] |= hub->slot | SLOT2_TT_PORT(dev->tt_port);
    }
}

/* 6.2.3.6: 2^n units of 125 us between polls */
static unsigned interval_of(const struct usb_device *dev,
                            const struct usb_endpoint *ep)
{
    unsigned n = 3;

    if (ep->type != USB_INTERRUPT)
        return 0;
    if (dev->speed == USB_HIGH || dev->speed == USB_SUPER)
        return ep->interval == 0 ? 0 : ep->interval > 16 ? 15
                                                          : ep->interval - 1u;
    while (n < 10 && (2u << (n - 3)) <= ep->interval)
        n++;
    return n;
}

static void fill_endpoint(const struct xhci *x, const struct xhci_pipe *p,
                          uint32_t *input, unsigned type,
                          unsigned max_packet)
{
    uint32_t *ep = context_of(x, input, p->number);
    bool interrupt = p->pipe.ep.type == USB_INTERRUPT;

    ep[0] = EP0_INTERVAL(interval_of(p->pipe.dev, &p->pipe.ep));
    ep[1] = EP1_CERR_3 | EP1_TYPE(type) | EP1_MAX_PACKET(max_packet);
    ep[2] = xhci_address(p->ring.trb) | XHCI_CYCLE;
    ep[4] = interrupt ? EP4_AVERAGE(max_packet) | EP4_MAX_ESIT(max_packet)
                      : EP4_AVERAGE(BULK_AVERAGE);
}

/* A command with an input context; fill made it. */
static int input_command(struct xhci *x, unsigned type, unsigned slot,
                         uint32_t *input, uint32_t add)
{
    int rc;

    input[1] = add;
    rc = xhci_command(x, XHCI_TYPE(type), slot, xhci_address(input));
    free_zone(input);
    return rc;
}

static uint32_t *new_input(const struct xhci *x)
{
    return malloc_temp(CONTEXTS * x->context_size, PAGE);
}

/* ---------------------------------------------------------------- devices */

static struct xhci_pipe *new_pipe(struct usb_device *dev, unsigned slot,
                                  unsigned number)
{
    struct xhci *x = host(dev->hc);
    struct xhci_pipe *p = malloc_high(sizeof(*p), XHCI_PIPE_ALIGN);

    if (p == NULL)
        return NULL;
    p->ring.trb = p->trbs;
    xhci_ring_reset(&p->ring);
    p->pipe.dev = dev;
    p->slot = (uint8_t)slot;
    p->number = (uint8_t)number;
    p->next = x->pipes;
    x->pipes = p;
    return p;
}

static void xhci_detach(struct usb_device *dev)
{
    struct xhci *x = host(dev->hc);
    struct xhci_pipe *ep0 = dev->priv;
    unsigned slot;

    if (ep0 == NULL)
        return;
    slot = ep0->slot;
    if (xhci_command(x, XHCI_TYPE(XHCI_DISABLE_SLOT), slot, 0) < 0)
        return;                 /* it may still use its memory */
    for (struct xhci_pipe **at = &x->pipes; *at != NULL; ) {
        struct xhci_pipe *p = *at;

        if (p->slot == slot) {
            *at = p->next;
            free_zone(p);
        } else {
            at = &p->next;
        }
    }
    free_zone((void *)(uintptr_t)x->mem->contexts[slot]);
    x->mem->contexts[slot] = 0;
}

static int xhci_attach(struct usb_device *dev)
{
    struct xhci *x = host(dev->hc);
    int slot = xhci_command(x, XHCI_TYPE(XHCI_ENABLE_SLOT), 0, 0);
    struct xhci_pipe *ep0;
    uint32_t *input;

    if (slot < 0)
        return slot;
    if (slot == 0 || slot > x->slots)
        return ERR_FORMAT;
    ep0 = new_pipe(dev, (unsigned)slot, 1);
    input = new_input(x);
    x->mem->contexts[slot] =
        xhci_address(malloc_high((CONTEXTS - 1) * x->context_size, PAGE));
    dev->priv = ep0;
    if (ep0 == NULL || input == NULL || x->mem->contexts[slot] == 0)
        return ERR_SPACE;
    fill_slot(x, dev, input, 1);
    fill_endpoint(x, ep0, input, EP_TYPE_CONTROL, dev->max_packet0);
    slot = input_command(x, XHCI_ADDRESS_DEVICE, ep0->slot, input,
                         ADD(0) | ADD(1));
    dev->address = ep0->slot;   /* for messages: the real one is hardware's */
    return slot < 0 ? slot : 0;
}

static int xhci_update(struct usb_device *dev)
{
    struct xhci *x = host(dev->hc);
    struct xhci_pipe *ep0 = dev->priv;
    uint32_t *input = new_input(x);
    int rc;

    if (input == NULL)
        return ERR_SPACE;
    fill_slot(x, dev, input, 1);
    fill_endpoint(x, ep0, input, EP_TYPE_CONTROL, dev->max_packet0);
    if (dev->hub_ports != 0)
        rc = input_command(x, XHCI_CONFIGURE_ENDPOINT, ep0->slot, input,
                           ADD(0));
    else
        rc = input_command(x, XHCI_EVALUATE_CONTEXT, ep0->slot, input,
                           ADD(1));
    return rc < 0 ? rc : 0;
}

/* Entries of the slot context: the highest endpoint that is open. */
static unsigned highest(const struct xhci *x, unsigned slot)
{
    unsigned n = 1;

    for (const struct xhci_pipe *p = x->pipes; p != NULL; p = p->next)
        if (p->slot == slot && p->number > n)
            n = p->number;
    return n;
}

static struct usb_pipe *xhci_open(struct usb_device *dev,
                                  const struct usb_endpoint *ep)
{
    struct xhci *x = host(dev->hc);
    unsigned slot = ((const struct xhci_pipe *)dev->priv)->slot;
    bool in = ep->address & USB_DIR_IN;
    uint32_t *input = new_input(x);
    struct xhci_pipe *p = new_pipe(dev, slot,
                                   (ep->address & 0xfu) * 2 + in);

    if (p == NULL || input == NULL)
        return NULL;            /* the allocator has said it */
    p->pipe.ep = *ep;
    fill_slot(x, dev, input, highest(x, slot));
    fill_endpoint(x, p, input, ep->type + (in ? 4 : 0), ep->max_packet);
    if (input_command(x, XHCI_CONFIGURE_ENDPOINT, slot, input,
                      ADD(0) | ADD(p->number)) < 0)
        return NULL;
    if (ep->type == USB_INTERRUPT)
        xhci_arm(p);
    return &p->pipe;
}

const struct usb_bus_ops xhci_bus_ops = {
    .ops = &xhci_ops,
    .prog_if = PROG_IF_XHCI,
    .size = sizeof(struct xhci),
    .addresses_itself = true,
    .start = xhci_start,
    .begin = xhci_begin,
    .port_reset = xhci_port_reset,
    .port_disable = xhci_port_disable,
    .port_name = xhci_port_name,
    .attach = xhci_attach,
    .detach = xhci_detach,
    .update = xhci_update,
    .open = xhci_open,
};
