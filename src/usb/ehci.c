/* SPDX-License-Identifier: MIT */
/*
 * EHCI at run time: transfers.  Resident.
 */
#include "usb/ehci.h"

#include <string.h>

#include "lib/io.h"

#define PAGE                4096u
#define STOP_TIMEOUT_MS     2000u       /* 4.8.1 hopes for a few frames; a busy
                                           host of QEMU takes longer */
#define LATE_LOOKS          4u

static struct ehci *host_of(const struct usb_device *dev)
{
    return (struct ehci *)dev->hc;
}

void ehci_command(struct ehci *e, uint32_t command)
{
    e->command = command;
    mmio_write32(e->op + EHCI_USBCMD, command);
}

void ehci_name_endpoint(struct ehci_qh *qh, const struct usb_device *dev,
                        unsigned number, unsigned max_packet)
{
    qh->endpoint = dev->address | EHCI_QH_NUMBER(number) |
        EHCI_QH_SPEED(dev->speed - USB_FULL) | EHCI_QH_PACKET(max_packet);
    qh->split = EHCI_QH_MULT_1;
    if (dev->tt_hub != NULL)
        qh->split |= EHCI_QH_HUB(dev->tt_hub->address) |
            EHCI_QH_PORT(dev->tt_port);
}

static void fill(struct ehci_qtd *qtd, const struct ehci_qtd *next,
                 const struct ehci_qtd *alt, uint32_t token, const void *buf,
                 uint32_t len)
{
    uint32_t at = ehci_address(buf);

    qtd->next = next != NULL ? ehci_address(next) : EHCI_END;
    qtd->alt = alt != NULL ? ehci_address(alt) : EHCI_END;
    qtd->page[0] = at;
    for (unsigned i = 1; i < 5; i++)
        qtd->page[i] = ALIGN_DOWN(at, PAGE) + i * PAGE;
    barrier();
    qtd->token = EHCI_TD_ACTIVE | EHCI_TD_TRIES_3 | EHCI_TD_BYTES(len) |
        token;
}

static int result(uint32_t token)
{
    if (!(token & EHCI_TD_HALTED))
        return 0;
    return (token & (EHCI_TD_BUFFER | EHCI_TD_BABBLE)) ||
        EHCI_TD_TRIES(token) == 0 ? ERR_FORMAT : ERR_DEVICE;
}

/* Are the first count qTDs through?  1, 0 or the error that ended them. */
static int look(const struct ehci_mem *mem, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        const struct ehci_qtd *qtd = &mem->qtd[i];
        uint32_t token = qtd->token;

        if (token & EHCI_TD_ACTIVE)
            return 0;
        if (token & EHCI_TD_HALTED)
            return result(token);
        if (EHCI_TD_LEFT(token) != 0 && qtd->alt == ehci_address(&mem->stop))
            break;              /* short */
    }
    return 1;
}

/* Switch the asynchronous schedule off; afterwards all memory is ours. */
static void stop(struct ehci *e)
{
    struct poll wait = poll_start(STOP_TIMEOUT_MS);

    ehci_command(e, e->command & ~EHCI_CMD_ASYNC);
    while (mmio_read32(e->op + EHCI_USBSTS) & EHCI_STS_ASYNC)
        if (!poll_again(&wait)) {
            usb_give_up(&e->hc, "does not stop a transfer");
            return;
        }
}

/* Wait until the controller has worked several times. */
static int wait_frames(const struct ehci *e)
{
    for (unsigned n = 0; n < LATE_LOOKS; n++) {
        struct poll wait = poll_start(STOP_TIMEOUT_MS);
        uint32_t index = mmio_read32(e->op + EHCI_FRINDEX);

        while (mmio_read32(e->op + EHCI_FRINDEX) == index)
            if (!poll_again(&wait))
                return ERR_TIMEOUT;
    }
    return 0;
}

/* Run the first count qTDs; mem->qh names the endpoint.  0 or an error. */
static int run(struct ehci *e, unsigned count, uint32_t flags,
               uint32_t toggle, uint32_t timeout_ms)
{
    struct poll wait = poll_start(timeout_ms);
    struct ehci_qh *qh = &e->mem->qh;
    bool late = false;
    int rc;

    qh->endpoint |= EHCI_QH_HEAD | flags;
    qh->current = 0;
    qh->next = ehci_address(e->mem->qtd);
    qh->alt = EHCI_END;
    qh->token = toggle;
    barrier();
    ehci_command(e, e->command | EHCI_CMD_ASYNC);
    for (;;) {
        rc = look(e->mem, count);
        if (rc != 0)
            break;
        if (poll_again(&wait))
            continue;
        /* it was perhaps the controller that had no time */
        if (late || wait_frames(e) < 0) {
            rc = ERR_TIMEOUT;
            break;
        }
        late = true;
    }
    stop(e);
    return rc < 0 ? rc : 0;
}

static int ehci_control(struct usb_device *dev,
                        const struct usb_request *request, void *data,
                        uint32_t timeout_ms)
{
    struct ehci *e = host_of(dev);
    struct ehci_qtd *qtd = e->mem->qtd, *status = qtd + 1;
    bool in = request->type & USB_DIR_IN;
    uint32_t flags = EHCI_QH_TOGGLE_TD;
    int rc;

    if (dev->hc->dead || e->busy)
        return ERR_TIMEOUT;
    e->busy = true;
    if (request->len != 0)
        fill(status++, qtd + 2, qtd + 2, EHCI_TD_DATA1 |
             (in ? EHCI_TD_IN : EHCI_TD_OUT), data, request->len);
    fill(status, NULL, NULL, EHCI_TD_DATA1 |
         (in && request->len != 0 ? EHCI_TD_OUT : EHCI_TD_IN), NULL, 0);
    fill(qtd, qtd + 1, NULL, EHCI_TD_SETUP, request, sizeof(*request));
    ehci_name_endpoint(&e->mem->qh, dev, 0, dev->max_packet0);
    if (dev->speed != USB_HIGH)
        flags |= EHCI_QH_CONTROL;
    rc = run(e, (unsigned)(status - qtd) + 1, flags, 0, timeout_ms);
    e->busy = false;
    if (rc < 0)
        return rc;
    return request->len == 0 ? 0
        : request->len - (int)EHCI_TD_LEFT(qtd[1].token);
}

static int ehci_bulk(struct usb_pipe *pipe, void *buf, uint32_t len,
                     uint32_t timeout_ms)
{
    struct ehci_pipe *p = (struct ehci_pipe *)pipe;
    struct ehci *e = host_of(pipe->dev);
    struct ehci_qtd *qtd = e->mem->qtd;
    unsigned count = 0;
    uint32_t at = 0;
    int rc;

    if (pipe->dev->hc->dead || e->busy)
        return ERR_TIMEOUT;
    e->busy = true;
    do {
        uint32_t part = len - at < EHCI_QTD_BYTES ? len - at
                                                  : EHCI_QTD_BYTES;

        fill(&qtd[count], at + part < len ? &qtd[count + 1] : NULL,
             &e->mem->stop,
             pipe->ep.address & USB_DIR_IN ? EHCI_TD_IN : EHCI_TD_OUT,
             (uint8_t *)buf + at, part);
        count++;
        at += part;
    } while (at < len);
    ehci_name_endpoint(&e->mem->qh, pipe->dev, pipe->ep.address & 0xfu,
                       pipe->ep.max_packet);
    rc = run(e, count, 0, p->toggle, timeout_ms);
    p->toggle = e->mem->qh.token & EHCI_TD_DATA1;
    e->busy = false;
    if (rc < 0)
        return rc;
    /* those behind a short one have all of theirs left */
    while (count-- > 0)
        len -= EHCI_TD_LEFT(qtd[count].token);
    return (int)len;
}

static uint32_t report_len(const struct ehci_pipe *p)
{
    return p->pipe.ep.max_packet < USB_REPORT_MAX ? p->pipe.ep.max_packet
                                                  : USB_REPORT_MAX;
}

void ehci_arm(struct ehci_pipe *p)
{
    fill(&p->qtd, NULL, NULL, EHCI_TD_IN, p->report, report_len(p));
    barrier();
    p->qh.next = ehci_address(&p->qtd);
}

static int ehci_report(struct usb_pipe *pipe, void *buf, uint32_t cap)
{
    struct ehci_pipe *p = (struct ehci_pipe *)pipe;
    uint32_t token = p->qtd.token, len;

    if (pipe->dev->hc->dead)
        return ERR_TIMEOUT;
    if (token & EHCI_TD_ACTIVE)
        return 0;
    if (token & EHCI_TD_HALTED)
        return result(token);
    len = report_len(p) - EHCI_TD_LEFT(token);
    if (len > cap)
        len = cap;
    memcpy(buf, p->report, len);
    ehci_arm(p);
    return (int)len;
}

static int ehci_reset_pipe(struct usb_pipe *pipe)
{
    struct ehci_pipe *p = (struct ehci_pipe *)pipe;

    p->toggle = 0;
    if (pipe->ep.type == USB_INTERRUPT && !(p->qtd.token & EHCI_TD_ACTIVE)) {
        p->qh.next = EHCI_END;
        p->qh.token = 0;
        barrier();
        ehci_arm(p);
    }
    return pipe->dev->hc->dead ? ERR_TIMEOUT : 0;
}

const struct usb_ops ehci_ops = {
    .name = "EHCI",
    .control = ehci_control,
    .bulk = ehci_bulk,
    .report = ehci_report,
    .reset_pipe = ehci_reset_pipe,
};
