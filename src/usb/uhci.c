/* SPDX-License-Identifier: MIT */
/*
 * UHCI at run time: transfers.  Resident.
 */
#include "usb/uhci.h"

#include <string.h>

#include "lib/io.h"

#define FRAMES_TIMEOUT_MS   2000u       /* they take 1 ms each; more on a busy
                                           host of QEMU */
#define LATE_FRAMES         16u

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

static int wait_frames(struct uhci *u, unsigned count)
{
    for (; count != 0; count--) {
        struct poll wait = poll_start(FRAMES_TIMEOUT_MS);
        uint16_t frame = inw(u->io + UHCI_FRNUM);

        while (inw(u->io + UHCI_FRNUM) == frame)
            if (!poll_again(&wait))
                return ERR_TIMEOUT;
    }
    return 0;
}

void uhci_cancel(struct uhci *u, struct uhci_td *td, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        td[i].status &= ~UHCI_TD_ACTIVE;
    if (wait_frames(u, 2) < 0)
        usb_give_up(&u->hc, "does not stop a transfer");
}

int uhci_watch(struct uhci *u, struct uhci_td *td, unsigned count,
               enum uhci_rest rest, unsigned *used, uint32_t timeout_ms)
{
    struct poll wait = poll_start(timeout_ms);
    struct uhci_td *last = &td[count - 1];
    bool late = false;
    unsigned i = 0;
    int rc = 0;

    while (i < count) {
        if (td[i].status & UHCI_TD_ACTIVE) {
            if (poll_again(&wait))
                continue;
            /* it was perhaps the controller that had no time */
            if (!late && wait_frames(u, LATE_FRAMES) == 0) {
                late = true;
                continue;
            }
            uhci_cancel(u, td, count);
            rc = ERR_TIMEOUT;
            break;
        }
        rc = result(td[i].status);
        if (rc < 0)
            break;
        i++;
        if ((td[i - 1].status & UHCI_TD_SHORT_STOPS) &&
            (uint32_t)rc < UHCI_TD_LEN(td[i - 1].token)) {
            if (rest == REST_NONE || i >= count)
                break;
            if (rest == REST_NEXT_TOGGLE)
                last->token = (last->token & ~UHCI_TD_DATA1) |
                    (~td[i - 1].token & UHCI_TD_DATA1);
            i = count - 1;
            u->mem->qh.element = uhci_address(last);
        }
    }
    *used = i;
    return rc < 0 ? rc : 0;
}

/* Run the first count TDs, as uhci_watch(). */
static int run(struct uhci *u, unsigned count, enum uhci_rest rest,
               unsigned *used, uint32_t timeout_ms)
{
    struct uhci_td *td = u->mem->td;
    struct uhci_qh *qh = &u->mem->qh;
    int rc;

    td[count - 1].link = UHCI_END;
    barrier();
    qh->element = uhci_address(td);
    /* what is left of a frame is ours, in a circle (bandwidth reclamation) */
    qh->link = uhci_address(qh) | UHCI_TYPE_QH;
    rc = uhci_watch(u, td, count, rest, used, timeout_ms);
    qh->link = UHCI_END;
    qh->element = UHCI_END;
    return rc;
}

int uhci_settle(struct usb_pipe *pipe, const struct uhci_td *td,
                unsigned count)
{
    int sum = 0, rc;

    for (; count != 0 && !(td->status & UHCI_TD_ACTIVE); count--, td++) {
        rc = result(td->status);
        if (rc < 0)
            break;
        sum += rc;
        if (pipe != NULL)
            ((struct uhci_pipe *)pipe)->toggle =
                !(td->token & UHCI_TD_DATA1);
    }
    return sum;
}

unsigned uhci_put_request(struct uhci_td *td, const struct usb_device *dev,
                          const struct usb_request *request, uint8_t *data)
{
    bool in = request->type & USB_DIR_IN;
    uint32_t at = 0, part;
    unsigned n = 0;

    fill(&td[n++], dev, UHCI_PID_SETUP, false, request, sizeof(*request));
    for (; at < request->len; at += part, n++) {
        part = request->len - at;
        if (part > dev->max_packet0)
            part = dev->max_packet0;
        fill(&td[n], dev, in ? UHCI_PID_IN : UHCI_PID_OUT, n & 1, data + at,
             part);
    }
    /* behind the last of the data comes the status anyway */
    td[n - 1].status &= ~UHCI_TD_SHORT_STOPS;
    fill(&td[n++], dev,
         in && request->len != 0 ? UHCI_PID_OUT : UHCI_PID_IN, true, NULL, 0);
    return n;
}

int uhci_control(struct usb_device *dev, const struct usb_request *request,
                 void *data, uint32_t timeout_ms)
{
    struct uhci *u = host_of(dev);
    unsigned n, used;
    int rc;

    if (dev->hc->dead || u->busy)
        return ERR_TIMEOUT;
    if ((request->len + 7u) / 8 + 2 > UHCI_TDS)
        return ERR_PARAM;
    u->busy = true;
    n = uhci_put_request(u->mem->td, dev, request, data);
    rc = run(u, n, REST_STATUS, &used, timeout_ms);
    u->busy = false;
    return rc < 0 ? rc : uhci_settle(NULL, &u->mem->td[1], n - 2);
}

unsigned uhci_put(struct uhci_td *td, const struct usb_pipe *pipe,
                  unsigned waiting, uint8_t *buf, uint32_t len)
{
    const struct uhci_pipe *p = (const struct uhci_pipe *)pipe;
    const struct usb_endpoint *ep = &pipe->ep;
    uint32_t at = 0, part;
    unsigned n = 0;

    do {
        part = len - at < ep->max_packet ? len - at : ep->max_packet;
        fill(&td[n], pipe->dev,
             (ep->address & USB_DIR_IN ? UHCI_PID_IN : UHCI_PID_OUT) |
             UHCI_TD_NUMBER(ep->address & 0xfu),
             p->toggle ^ ((waiting + n) & 1), buf + at, part);
        at += part;
        n++;
    } while (at < len);
    return n;
}

/* One run of a bulk transfer, which is as long as there are TDs. */
static int bulk_part(struct uhci_pipe *p, uint8_t *buf, uint32_t len,
                     uint32_t timeout_ms)
{
    struct uhci *u = host_of(p->pipe.dev);
    struct uhci_td *td = u->mem->td;
    unsigned n = uhci_put(td, &p->pipe, 0, buf, len), used;
    int rc = run(u, n, REST_NONE, &used, timeout_ms);
    int moved = uhci_settle(&p->pipe, td, n);

    return rc < 0 ? rc : moved;
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

/*
 * Behind data that may be late, the status is not queued: QEMU (7.2) forgets
 * it if the command fails while it waits.
 */
unsigned uhci_command(struct usb_transfer t[3], uint32_t timeout_ms)
{
    struct uhci *u = host_of(t[0].pipe->dev);
    struct uhci_td *td = u->mem->td;
    bool write = t[1].pipe == t[0].pipe, all = t[1].len < SECTOR_SIZE;
    unsigned n[3] = { 1, 0, 0 }, used, done = all ? 3 : 2;
    int rc;

    if (u->hc.dead || u->busy ||
        t[1].len > (UHCI_TDS - 2) * t[1].pipe->ep.max_packet)
        return 0;
    u->busy = true;
    (void)uhci_put(td, t[0].pipe, 0, t[0].buf, t[0].len);
    if (t[1].len != 0)
        n[1] = uhci_put(td + 1, t[1].pipe, write, t[1].buf, t[1].len);
    if (all)
        n[2] = uhci_put(td + 1 + n[1], t[2].pipe, write ? 0 : n[1], t[2].buf,
                        t[2].len);
    rc = run(u, 1 + n[1] + n[2], all ? REST_NEXT_TOGGLE : REST_NONE, &used,
             timeout_ms);
    if (rc < 0) {
        done = used == 0 ? 0 : used <= n[1] ? 1 : 2;
        t[done].moved = rc;
    }
    for (unsigned i = 0; i < done; td += n[i++])
        t[i].moved = uhci_settle(t[i].pipe, td, n[i]);
    u->busy = false;
    return done;
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
    .command = uhci_command,
    .report = uhci_report,
    .reset_pipe = uhci_reset_pipe,
};
