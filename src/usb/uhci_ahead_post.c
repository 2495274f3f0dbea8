/* SPDX-License-Identifier: MIT */
/*
 * What will be asked of a device is asked before, many requests and commands
 * in one frame of a UHCI.  POST only.
 *
 * While there are results that nobody has asked for, the controller's
 * operations are those here; what was not foreseen goes to the driver's own.
 *
 * An empty packet ends a frame of QEMU's, which counts it as 2048 bytes of the
 * 1280 that a frame has.  So a request for data is not ended by a status: the
 * next setup packet does that (USB 2.0, 8.5.3).  And the status of one without
 * data has room for more than comes: a short packet, which ends a queue, but
 * not the frame (UHCI 1.1, 3.4.2).
 */
#include "usb/uhci.h"

#include <string.h>

#include "lib/io.h"
#include "usb/usb_std.h"

#define TIMEOUT_MS          1000u       /* as usb_control() has */
#define EMPTY_ROOM          8u          /* bytes, for a status that is empty */

#define PACKETS(bytes)      (((bytes) + 7u) / 8u)   /* of the least size */
#define COMMAND_PACKETS     (PACKETS(31) + PACKETS(USB_AHEAD_DATA) + \
                             PACKETS(USB_AHEAD_STATUS))
#define LONGEST_LIST        (COMMAND_PACKETS * USB_AHEAD_MAX)

_Static_assert(LONGEST_LIST <= UHCI_TDS, "a TD for each packet");

static struct usb_ops ops;
static struct usb_ahead *next;
static unsigned left;           /* that have results, from next on */

static void forget(struct usb_controller *hc)
{
    left = 0;
    hc->ops = &uhci_ops;
}

/* The result for order, if that is what was foreseen. */
static struct usb_ahead *take(struct usb_device *dev, bool command,
                              const void *order, uint32_t len,
                              uint32_t data_len)
{
    struct usb_ahead *a = next;

    if (left == 0 || a->dev != dev || (a->out != NULL) != command ||
        memcmp(a->order, order, len) != 0 || a->len != data_len) {
        forget(dev->hc);
        return NULL;
    }
    next++;
    if (--left == 0)
        forget(dev->hc);
    return a;
}

/*
 * A packet as long as the device's are was perhaps not the last one: the host
 * did not know then how long they are, and stopped.
 */
static bool maybe_cut(const struct usb_ahead *a)
{
    return a->moved[0] < a->len && a->packet != a->dev->max_packet0 &&
        a->moved[0] == a->dev->max_packet0;
}

static int ahead_control(struct usb_device *dev,
                         const struct usb_request *request, void *data,
                         uint32_t timeout_ms)
{
    bool in = request->type & USB_DIR_IN;
    struct usb_ahead *a = take(dev, false, request, sizeof(*request),
                               in ? request->len : 0);

    if (a == NULL || maybe_cut(a)) {
        forget(dev->hc);
        return uhci_control(dev, request, data, timeout_ms);
    }
    if (a->moved[0] > 0)
        memcpy(data, a->data, (size_t)a->moved[0]);
    return a->moved[0];
}

static unsigned ahead_command(struct usb_transfer t[3], uint32_t timeout_ms)
{
    struct usb_ahead *a = NULL;

    if (t[0].len == sizeof(a->order) && t[1].pipe != t[0].pipe)
        a = take(t[0].pipe->dev, true, t[0].buf, t[0].len, t[1].len);
    if (a == NULL) {
        forget(t[0].pipe->dev->hc);
        return uhci_command(t, timeout_ms);
    }
    for (unsigned i = 0; i < 3 && i <= a->done; i++)
        t[i].moved = a->moved[i];
    if (a->done >= 2)
        memcpy(t[1].buf, a->data, (size_t)a->moved[1]);
    if (a->done == 3)
        memcpy(t[2].buf, a->status, (size_t)a->moved[2]);
    return a->done;
}

/* Which packets of its two pipes wait before those of the next command */
struct waiting { unsigned out, in; };

/* TDs for one of the list; how many. */
static unsigned put(struct uhci_td *td, struct usb_ahead *a,
                    const struct usb_device *as, struct waiting *w)
{
    unsigned n;

    memset(a->count, 0, sizeof(a->count));
    memset(a->moved, 0, sizeof(a->moved));
    a->done = 0;
    a->packet = as->max_packet0;
    if (a->out == NULL) {
        a->count[0] = (uint8_t)uhci_put_request(
            td, as, (const struct usb_request *)a->order, a->data);
        a->count[0] -= a->len != 0;     /* without the status */
        return a->count[0];
    }
    a->count[0] = (uint8_t)uhci_put(td, a->out, w->out, a->order,
                                    sizeof(a->order));
    n = a->count[0];
    a->count[1] = (uint8_t)uhci_put(td + n, a->in, w->in, a->data, a->len);
    n += a->count[1];
    a->count[2] = (uint8_t)uhci_put(td + n, a->in, w->in + a->count[1],
                                    a->status, sizeof(a->status));
    w->out += a->count[0];
    w->in += a->count[1] + a->count[2];
    return n + a->count[2];
}

static int moved(struct usb_pipe *pipe, const struct uhci_td *td,
                 unsigned count, int cap)
{
    int n = uhci_settle(pipe, td, count);

    return n < cap ? n : cap;
}

/*
 * Note what became of one whose TDs these are; used: how many of them, and
 * those behind, were through before the queue stopped with rc.  0 or more: how
 * many are left; an error: nothing behind this has begun.
 */
static int note(struct usb_ahead *a, const struct uhci_td *td, int used,
                int rc)
{
    struct usb_pipe *pipe[] = { a->out, a->in, a->in };
    int size[] = { sizeof(a->order), a->len, sizeof(a->status) };

    for (unsigned i = 0; i < 3; td += a->count[i++]) {
        bool whole = used >= a->count[i];

        if (a->out != NULL)
            a->moved[i] = moved(pipe[i], td, a->count[i], size[i]);
        if (!whole && (rc < 0 || used == 0 || a->out == NULL)) {
            a->moved[i] = rc;
            return ERR_DEVICE;
        }
        a->done++;
        used = whole ? used - a->count[i] : 0;
    }
    if (a->out == NULL)
        a->moved[0] = a->len == 0 ? 0
            : moved(NULL, td - a->count[0] + 1, a->count[0] - 1u, a->len);
    return used;
}

/* Has one got something that a call can be answered with? */
static bool has_result(const struct usb_ahead *a, int rc)
{
    if (a->out == NULL)
        return a->done == 3 || rc == ERR_TIMEOUT;
    return a->done != 0 || rc < 0;
}

/* The first ones of a list that make one queue: up to a request without data.
 * How many. */
static unsigned first_queue(const struct usb_ahead *list, unsigned count)
{
    unsigned n = 0;

    while (n < count && list[n].len != 0)
        n++;
    return n < count ? n + 1 : n;
}

/* That queue's TDs; how many. */
static unsigned fill(struct uhci *u, struct uhci_td *td, struct uhci_qh *qh,
                     struct usb_ahead *list, unsigned count,
                     const struct usb_device *as)
{
    struct usb_ahead *last = &list[count - 1];
    struct waiting w = { 0 };
    unsigned n = 0;

    for (unsigned i = 0; i < count; i++)
        n += put(td + n, &list[i], as, &w);
    td[n - 1].link = UHCI_END;
    if (last->len == 0) {
        /* shorter than asked for: the frame goes on with the next queue */
        td[n - 1].token &= ~UHCI_TD_BYTES(0);
        td[n - 1].token |= UHCI_TD_BYTES(EMPTY_ROOM);
        td[n - 1].buffer = uhci_address(last->status);
        td[n - 1].status |= UHCI_TD_SHORT_STOPS;
    }
    qh->element = uhci_address(td);
    qh->link = UHCI_END;
    if (qh != u->mem->ahead)
        qh[-1].link = uhci_address(qh) | UHCI_TYPE_QH;
    return n;
}

/* Wait for a queue, and note what became of its part of the list, which is at
 * next + left.  Did all of it succeed? */
static bool finish(struct uhci *u, struct uhci_td *td, unsigned tds,
                   unsigned count)
{
    unsigned used;
    int rc = uhci_watch(u, td, tds, REST_NONE, &used, TIMEOUT_MS);
    int rest = (int)used;

    while (count-- != 0) {
        struct usb_ahead *a = &next[left];

        rest = note(a, td, rest, rc);
        if (rest < 0 && !has_result(a, rc))
            return false;
        left++;
        if (rest < 0)
            return false;
        td += a->count[0] + a->count[1] + a->count[2];
    }
    return true;
}

/* All of a list, whose memory is u's. */
static void run(struct uhci *u, struct usb_ahead *list, unsigned count)
{
    struct usb_device as = *list->dev;
    struct uhci_td *td = u->mem->td;
    unsigned items[USB_AHEAD_MAX], tds[USB_AHEAD_MAX], queues = 0, all = 0;
    unsigned i = 0;

    for (unsigned at = 0; at < count; at += items[queues++]) {
        const struct usb_ahead *last;

        items[queues] = first_queue(&list[at], count - at);
        tds[queues] = fill(u, td + all, &u->mem->ahead[queues], &list[at],
                           items[queues], &as);
        all += tds[queues];
        last = &list[at + items[queues] - 1];
        if (last->out == NULL && last->order[1] == USB_SET_ADDRESS)
            as.address = last->order[2];
    }
    barrier();
    u->mem->qh.link = uhci_address(u->mem->ahead) | UHCI_TYPE_QH;
    for (bool good = true; i < queues && good; i++) {
        good = finish(u, td, tds[i], items[i]);
        td += tds[i];
        all -= tds[i];
    }
    if (all != 0)               /* behind one that has stopped itself */
        uhci_cancel(u, td, all);
    u->mem->qh.link = UHCI_END;
}

void uhci_ahead(struct usb_controller *hc, struct usb_ahead *list,
                unsigned count)
{
    struct uhci *u = (struct uhci *)hc;

    forget(hc);
    if (count == 0 || hc->dead || u->busy)
        return;
    next = list;
    u->busy = true;
    run(u, list, count);
    u->busy = false;
    if (left == 0)
        return;
    ops = uhci_ops;
    ops.control = ahead_control;
    ops.command = ahead_command;
    hc->ops = &ops;
}
