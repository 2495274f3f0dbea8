/* SPDX-License-Identifier: MIT */
/*
 * xHCI at run time: commands, transfers, what comes on the event ring.
 * Resident.
 */
#include "usb/xhci.h"

#include <string.h>

#include "lib/io.h"
#include "lib/print.h"

#define MAX_TRB             0x10000u    /* and no TRB crosses 64 KiB */
#define EVENTS_AT_ONCE      16u         /* given back to the controller */

static struct xhci *host_of(const struct xhci_pipe *p)
{
    return (struct xhci *)p->pipe.dev->hc;
}

/* ----------------------------------------------------------------- rings */

void xhci_ring_reset(struct xhci_ring *ring)
{
    memset(ring->trb, 0, XHCI_RING * sizeof(*ring->trb));
    ring->trb[XHCI_RING - 1].address = xhci_address(ring->trb);
    ring->index = 0;
    ring->cycle = 1;
}

/* Append a TRB; returns its index. */
static uint8_t push(struct xhci_ring *ring, uint32_t address,
                    uint32_t address_high, uint32_t status, uint32_t control)
{
    uint8_t index = ring->index++;
    struct xhci_trb *trb = &ring->trb[index];

    trb->address = address;
    trb->address_high = address_high;
    trb->status = status;
    barrier();
    trb->control = control | ring->cycle;
    if (ring->index == XHCI_RING - 1) {
        barrier();
        trb[1].control = XHCI_TYPE(XHCI_LINK) | XHCI_TOGGLE |
            (control & XHCI_CHAIN) | ring->cycle;
        ring->index = 0;
        ring->cycle ^= 1;
    }
    barrier();
    return index;
}

/* ---------------------------------------------------------------- events */

/*
 * A transfer event.  A short data stage is followed by the event of its
 * status stage; every other event of a TRB in the transfer ends it.
 */
static void transfer_event(struct xhci *x, const struct xhci_trb *e)
{
    struct xhci_pipe *p = x->pipes;
    uint32_t offset, left, got;
    uint8_t at;

    while (p != NULL && (p->slot != XHCI_SLOT_OF(e->control) ||
                         p->number != XHCI_EP_OF(e->control)))
        p = p->next;
    if (p == NULL || !p->pending)
        return;
    offset = e->address - xhci_address(p->ring.trb);
    at = (uint8_t)(offset / sizeof(*e));
    if (offset >= XHCI_RING * sizeof(*e) ||
        ((at - p->first) & (XHCI_RING - 1)) >
        ((p->last - p->first) & (XHCI_RING - 1)))
        return;                 /* of an earlier transfer */
    p->code = (uint8_t)XHCI_CODE(e->status);
    if (at == p->last || p->number != 1 || p->code != XHCI_CODE_SHORT)
        p->pending = false;
    if (p->number == 1 && at == p->last)
        return;                 /* moved stands since the data stage */
    left = e->status & XHCI_LEFT;
    got = at == p->last ? p->len : p->len - p->last_len;
    p->moved = left < got ? got - left : 0;
}

/* Take what the controller has put on its event ring, at most all of it.  It
 * needs to be told only now and then how far that is. */
static void take_events(struct xhci *x)
{
    for (unsigned n = 0; n < XHCI_EVENTS; n++) {
        const volatile struct xhci_trb *slot = &x->mem->events[x->event];
        struct xhci_trb e;

        if ((slot->control & XHCI_CYCLE) != x->event_cycle)
            break;
        barrier();
        e = *slot;
        if (XHCI_TYPE_OF(e.control) == XHCI_EVENT_TRANSFER) {
            transfer_event(x, &e);
        } else if (XHCI_TYPE_OF(e.control) == XHCI_EVENT_COMMAND) {
            x->answer = e;
            x->command_done = true;
        }
        if (++x->event == XHCI_EVENTS) {
            x->event = 0;
            x->event_cycle ^= 1;
        }
        if (x->event % EVENTS_AT_ONCE == 0)
            mmio_write32(x->run + XHCI_ERDP, XHCI_ERDP_BUSY |
                         xhci_address(&x->mem->events[x->event]));
    }
}

/* -------------------------------------------------------------- commands */

int xhci_command(struct xhci *x, uint32_t control, unsigned slot,
                 uint32_t address)
{
    struct poll wait = poll_start(XHCI_COMMAND_MS);
    uint32_t at = xhci_address(&x->commands.trb[x->commands.index]);

    if (x->hc.dead)
        return ERR_TIMEOUT;
    x->command_done = false;
    (void)push(&x->commands, address, 0, 0, control | XHCI_SLOT(slot));
    mmio_write32(x->doorbells, 0);
    for (;;) {
        take_events(x);
        if (x->command_done)
            break;
        if (!poll_again(&wait)) {
            usb_give_up(&x->hc, "does not answer a command");
            return ERR_TIMEOUT;
        }
    }
    if (x->answer.address != at ||
        XHCI_CODE(x->answer.status) != XHCI_CODE_SUCCESS) {
        debug(USB_WHO ": command %u of slot %u fails, code %u\n",
              USB_WHO_ARGS(&x->hc), XHCI_TYPE_OF(control), slot,
              XHCI_CODE(x->answer.status));
        return ERR_DEVICE;
    }
    return (int)XHCI_SLOT_OF(x->answer.control);
}

/* Stop an endpoint whatever its state is, and empty its ring. */
static void recover(struct xhci_pipe *p)
{
    struct xhci *x = host_of(p);
    const volatile uint32_t *context =
        (const volatile uint32_t *)(uintptr_t)(x->mem->contexts[p->slot] +
                                               p->number * x->context_size);

    p->pending = false;
    /* Twice, for it may halt between our look and the command. */
    for (unsigned tries = 0; tries < 2; tries++) {
        uint32_t state = *context & XHCI_EP_STATE;

        if (state == XHCI_EP_RUNNING || state == XHCI_EP_HALTED)
            (void)xhci_command(x, XHCI_TYPE(state == XHCI_EP_HALTED
                ? XHCI_RESET_ENDPOINT : XHCI_STOP_ENDPOINT) |
                XHCI_EP(p->number), p->slot, 0);
        xhci_ring_reset(&p->ring);
        if (xhci_command(x, XHCI_TYPE(XHCI_SET_DEQUEUE) |
                         XHCI_EP(p->number), p->slot,
                         xhci_address(p->ring.trb) | XHCI_CYCLE) >= 0)
            return;
    }
    if (!x->hc.dead)
        usb_give_up(&x->hc, "does not stop a transfer");
}

/* -------------------------------------------------------------- transfers */

/* The TRBs first..last are on the ring: ring the bell. */
static void start(struct xhci_pipe *p, uint8_t first, uint8_t last,
                  uint32_t len, uint32_t last_len)
{
    p->first = first;
    p->last = last;
    p->len = p->moved = len;
    p->last_len = last_len;
    p->code = 0;
    p->pending = true;
    host_of(p)->doorbells[p->slot] = p->number;
}

static int result(const struct xhci_pipe *p)
{
    if (p->code == XHCI_CODE_SUCCESS || p->code == XHCI_CODE_SHORT)
        return (int)p->moved;
    return p->code == XHCI_CODE_STALL ? ERR_DEVICE : ERR_FORMAT;
}

/* Wait for the transfer's end; leaves an idle endpoint. */
static int finish(struct xhci_pipe *p, uint32_t timeout_ms)
{
    struct poll wait = poll_start(timeout_ms);
    int rc = 0;

    for (;;) {
        take_events(host_of(p));
        if (!p->pending)
            break;
        if (!poll_again(&wait)) {
            rc = ERR_TIMEOUT;
            break;
        }
    }
    if (rc == 0)
        rc = result(p);
    if (rc < 0)
        recover(p);
    return rc;
}

static int xhci_control(struct usb_device *dev,
                        const struct usb_request *request, void *data,
                        uint32_t timeout_ms)
{
    struct xhci_pipe *p = dev->priv;
    bool in = request->type & USB_DIR_IN;
    uint32_t setup[2];
    uint8_t first, last;

    if (dev->hc->dead)
        return ERR_TIMEOUT;
    memcpy(setup, request, sizeof(setup));
    first = push(&p->ring, setup[0], setup[1], sizeof(setup),
                 XHCI_TYPE(XHCI_SETUP) | XHCI_IDT |
                 (request->len == 0 ? 0 : in ? XHCI_SETUP_IN
                                             : XHCI_SETUP_OUT));
    if (request->len != 0)
        (void)push(&p->ring, xhci_address(data), 0, request->len,
                   XHCI_TYPE(XHCI_DATA) | XHCI_ISP | (in ? XHCI_DIR_IN : 0));
    last = push(&p->ring, 0, 0, 0, XHCI_TYPE(XHCI_STATUS) | XHCI_IOC |
                (in && request->len != 0 ? 0 : XHCI_DIR_IN));
    start(p, first, last, request->len, 0);
    return finish(p, timeout_ms);
}

static int xhci_bulk(struct usb_pipe *pipe, void *buf, uint32_t len,
                     uint32_t timeout_ms)
{
    struct xhci_pipe *p = (struct xhci_pipe *)pipe;
    uint32_t at = xhci_address(buf);
    uint32_t part = MAX_TRB - at % MAX_TRB;
    uint8_t first = p->ring.index, last;

    if (pipe->dev->hc->dead)
        return ERR_TIMEOUT;
    if (part < len)
        (void)push(&p->ring, at, 0, XHCI_MORE_TO_COME | part,
                   XHCI_TYPE(XHCI_NORMAL) | XHCI_ISP | XHCI_CHAIN);
    else
        part = 0;
    last = push(&p->ring, at + part, 0, len - part,
                XHCI_TYPE(XHCI_NORMAL) | XHCI_ISP | XHCI_IOC);
    start(p, first, last, len, len - part);
    return finish(p, timeout_ms);
}

void xhci_arm(struct xhci_pipe *p)
{
    uint32_t len = p->pipe.ep.max_packet;
    uint8_t at;

    if (len > sizeof(p->report))
        len = sizeof(p->report);
    at = push(&p->ring, xhci_address(p->report), 0, len,
              XHCI_TYPE(XHCI_NORMAL) | XHCI_ISP | XHCI_IOC);
    start(p, at, at, len, len);
}

static int xhci_report(struct usb_pipe *pipe, void *buf, uint32_t cap)
{
    struct xhci_pipe *p = (struct xhci_pipe *)pipe;
    int rc;

    if (pipe->dev->hc->dead)
        return ERR_TIMEOUT;
    take_events(host_of(p));
    if (p->pending)
        return 0;
    rc = result(p);
    if (rc < 0)
        return rc;
    if ((uint32_t)rc > cap)
        rc = (int)cap;
    memcpy(buf, p->report, (size_t)rc);
    xhci_arm(p);
    return rc;
}

static int xhci_reset_pipe(struct usb_pipe *pipe)
{
    struct xhci_pipe *p = (struct xhci_pipe *)pipe;

    recover(p);
    if (pipe->dev->hc->dead)
        return ERR_TIMEOUT;
    if (pipe->ep.type == USB_INTERRUPT)
        xhci_arm(p);
    return 0;
}

const struct usb_ops xhci_ops = {
    .name = "xHCI",
    .control = xhci_control,
    .bulk = xhci_bulk,
    .report = xhci_report,
    .reset_pipe = xhci_reset_pipe,
};
