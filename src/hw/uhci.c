/* SPDX-License-Identifier: MIT */
/*
 * UHCI at run time: transfers.  Resident.
 */
#include "hw/uhci.h"

#include <string.h>

#include "io.h"

#define FRAMES_TIMEOUT_MS   2000u       /* they take 1 ms each; more on a busy
                                           host of QEMU */

static struct uhci *host_of(const struct usb_device *dev)
{
    return (struct uhci *)dev->hc;
}

static void fill(struct uhci_td *td, const struct usb_device *dev,
                 uint32_t token, bool toggle, const void *buf, uint32_t len)
{
    td->link = uhci_address(td + 1) | UHCI_DEPTH;
    td->token = token | UHCI_TD_ADDRESS(dev->address) | UHCI_TD_BYTES(len) |
        (toggle ? UHCI_TD_DATA1 : 0);
    td->buffer = uhci_address(buf);
    barrier();
    td->status = UHCI_TD_ACTIVE | UHCI_TD_TRIES_3 |
        (dev->speed == USB_LOW ? UHCI_TD_LOW_SPEED : 0) |
        ((token & 0xff) == UHCI_PID_IN ? UHCI_TD_SHORT_STOPS : 0);
}

/* The bytes that a TD which is through has moved, or an error. */
static int result(uint32_t status)
{
    uint32_t errors = status & UHCI_TD_ERRORS;

    if (errors != 0)
        return errors == UHCI_TD_STALLED ? ERR_DEVICE : ERR_FORMAT;
    return (int)UHCI_TD_DONE(status);
}

static int wait_frame(struct uhci *u)
{
    struct poll wait = poll_start(FRAMES_TIMEOUT_MS);
    uint16_t frame = inw(u->io + UHCI_FRNUM);

    while (inw(u->io + UHCI_FRNUM) == frame)
        if (!poll_again(&wait))
            return ERR_TIMEOUT;
    return 0;
}

/*
 * Take back TDs that were not executed.  They stay in the queue, inactive,
 * until the controller has seen that: QEMU lets go of a packet only then.
 */
static void cancel(struct uhci *u, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        u->mem->td[i].status &= ~UHCI_TD_ACTIVE;
    if (wait_frame(u) < 0 || wait_frame(u) < 0)
        usb_give_up(&u->hc, "does not stop a transfer");
}

/*
 * Run the first count TDs; after a short packet goes on with the last one if
 * that is a control transfer's status.  The bytes moved, or an error; *used:
 * how many packets.
 */
static int run(struct uhci *u, unsigned count, bool control, unsigned *used,
               uint32_t timeout_ms)
{
    struct poll wait = poll_start(timeout_ms);
    struct uhci_td *td = u->mem->td;
    struct uhci_qh *qh = &u->mem->qh;
    int moved = 0, rc = 0;
    unsigned i = 0;

    td[count - 1].link = UHCI_END;
    barrier();
    qh->element = uhci_address(td);
    /* what is left of a frame is ours, in a circle (bandwidth reclamation) */
    qh->link = uhci_address(qh) | UHCI_TYPE_QH;
    while (i < count) {
        if (td[i].status & UHCI_TD_ACTIVE) {
            if (poll_again(&wait))
                continue;
            cancel(u, count);
            rc = ERR_TIMEOUT;
            break;
        }
        rc = result(td[i].status);
        if (rc < 0)
            break;
        moved += rc;
        i++;
        if ((uint32_t)rc < UHCI_TD_LEN(td[i - 1].token)) {
            if (!control || i >= count)
                break;
            i = count - 1;
            qh->element = uhci_address(&td[i]);
        }
    }
    qh->link = UHCI_END;
    qh->element = UHCI_END;
    *used = i;
    return rc < 0 ? rc : moved;
}

static int uhci_control(struct usb_device *dev,
                        const struct usb_request *request, void *data,
                        uint32_t timeout_ms)
{
    struct uhci *u = host_of(dev);
    bool in = request->type & USB_DIR_IN;
    uint32_t at = 0, part;
    unsigned n = 0, used;
    int rc;

    if (dev->hc->dead || u->busy)
        return ERR_TIMEOUT;
    if ((request->len + 7u) / 8 + 2 > UHCI_TDS)
        return ERR_PARAM;
    u->busy = true;
    fill(&u->mem->td[n++], dev, UHCI_PID_SETUP, false, request,
         sizeof(*request));
    for (; at < request->len; at += part, n++) {
        part = request->len - at;
        if (part > dev->max_packet0)
            part = dev->max_packet0;
        fill(&u->mem->td[n], dev, in ? UHCI_PID_IN : UHCI_PID_OUT, n & 1,
             (uint8_t *)data + at, part);
    }
    fill(&u->mem->td[n++], dev,
         in && request->len != 0 ? UHCI_PID_OUT : UHCI_PID_IN, true, NULL, 0);
    rc = run(u, n, true, &used, timeout_ms);
    u->busy = false;
    return rc < 0 ? rc : rc - (int)sizeof(*request);
}

/* One run of a bulk transfer, which is as long as there are TDs. */
static int bulk_part(struct uhci_pipe *p, uint8_t *buf, uint32_t len,
                     uint32_t timeout_ms)
{
    const struct usb_endpoint *ep = &p->pipe.ep;
    struct uhci *u = host_of(p->pipe.dev);
    uint32_t at = 0, part;
    unsigned n = 0, used;
    int rc;

    do {
        part = len - at < ep->max_packet ? len - at : ep->max_packet;
        fill(&u->mem->td[n], p->pipe.dev,
             (ep->address & USB_DIR_IN ? UHCI_PID_IN : UHCI_PID_OUT) |
             UHCI_TD_NUMBER(ep->address & 0xfu), p->toggle ^ (n & 1),
             buf + at, part);
        at += part;
        n++;
    } while (at < len);
    rc = run(u, n, false, &used, timeout_ms);
    p->toggle ^= used & 1;
    return rc;
}

static int uhci_bulk(struct usb_pipe *pipe, void *buf, uint32_t len,
                     uint32_t timeout_ms)
{
    struct uhci_pipe *p = (struct uhci_pipe *)pipe;
    struct uhci *u = host_of(pipe->dev);
    uint32_t at = 0, part;
    int rc;

    if (pipe->dev->hc->dead || u->busy)
        return ERR_TIMEOUT;
    u->busy = true;
    do {
        part = UHCI_TDS * pipe->ep.max_packet;
        if (part > len - at)
            part = len - at;
        rc = bulk_part(p, (uint8_t *)buf + at, part, timeout_ms);
        if (rc > 0)
            at += (uint32_t)rc;
    } while (rc == (int)part && at < len);
    u->busy = false;
    return rc < 0 ? rc : (int)at;
}

void uhci_arm(struct uhci_pipe *p)
{
    const struct usb_endpoint *ep = &p->pipe.ep;

    fill(&p->td, p->pipe.dev,
         UHCI_PID_IN | UHCI_TD_NUMBER(ep->address & 0xfu), p->toggle,
         p->report, ep->max_packet);
    p->td.link = UHCI_END;
    barrier();
    p->qh.element = uhci_address(&p->td);
}

static int uhci_report(struct usb_pipe *pipe, void *buf, uint32_t cap)
{
    struct uhci_pipe *p = (struct uhci_pipe *)pipe;
    uint32_t status = p->td.status, len;
    int rc;

    if (pipe->dev->hc->dead)
        return ERR_TIMEOUT;
    if (status & UHCI_TD_ACTIVE)
        return 0;
    rc = result(status);
    if (rc < 0)
        return rc;
    len = (uint32_t)rc < cap ? (uint32_t)rc : cap;
    if (len > sizeof(p->report))
        len = sizeof(p->report);
    memcpy(buf, p->report, len);
    p->toggle = !p->toggle;
    uhci_arm(p);
    return (int)len;
}

static int uhci_reset_pipe(struct usb_pipe *pipe)
{
    struct uhci_pipe *p = (struct uhci_pipe *)pipe;

    p->toggle = false;
    if (pipe->ep.type == USB_INTERRUPT && !(p->td.status & UHCI_TD_ACTIVE))
        uhci_arm(p);
    return pipe->dev->hc->dead ? ERR_TIMEOUT : 0;
}

const struct usb_ops uhci_ops = {
    .name = "UHCI",
    .control = uhci_control,
    .bulk = uhci_bulk,
    .report = uhci_report,
    .reset_pipe = uhci_reset_pipe,
};
