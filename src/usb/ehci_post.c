/* SPDX-License-Identifier: MIT */
/*
 * EHCI controllers: reset, ports, pipes.  POST only.
 *
 * An OS may take the controller over at any time (it resets it): no
 * interrupts are enabled, no SMI, and the semaphore is not held, for without
 * an SMI handler nobody would give it back (5.1).
 */
#include "usb/ehci.h"

#include "core/alloc.h"
#include "lib/io.h"
#include "lib/print.h"
#include "usb/usb_std.h"

#define RESET_US            50000u      /* of a physical port */
#define EXT_MAX             16u         /* capabilities looked at */
#define EXT_FIRST           0x40u

static struct ehci *host(struct usb_controller *hc)
{
    return (struct ehci *)hc;
}

static uint32_t op_read(const struct ehci *e, uint32_t reg)
{
    return mmio_read32(e->op + reg);
}

static void op_write(struct ehci *e, uint32_t reg, uint32_t v)
{
    mmio_write32(e->op + reg, v);
}

/* Wait for the masked bits of an operational register. */
static int wait_bits(const struct ehci *e, uint32_t reg, uint32_t mask,
                     uint32_t want)
{
    return poll_bits(e->op + reg, mask, want, USB_HC_TIMEOUT_MS);
}

/* ------------------------------------------------------------- controller */

/*
 * The system that ran before may own it, or firmware of the host if it was
 * assigned to us: nobody does any more, and nobody gets SMIs.
 */
static void disown(const struct ehci *e)
{
    pci_bdf bdf = e->hc.bdf;
    uint32_t at = EHCI_EECP(mmio_read32(e->hc.base + EHCI_HCCPARAMS)), head;

    for (unsigned i = 0; i < EXT_MAX && at >= EXT_FIRST; i++) {
        head = pci_read32(bdf, at);
        if (EHCI_EXT_ID(head) == EHCI_EXT_LEGACY) {
            pci_write32(bdf, at, head & ~EHCI_LEGACY_OWNERS);
            pci_write32(bdf, at + EHCI_LEGACY_CTLSTS, EHCI_LEGACY_EVENTS);
        }
        at = EHCI_EXT_NEXT(head);
    }
}

static int ehci_start(struct usb_controller *hc)
{
    struct ehci *e = host(hc);

    e->params = mmio_read32(hc->base + EHCI_HCSPARAMS);
    if (e->params == ~0u)
        return usb_ignore(hc, "its registers cannot be read");
    e->op = hc->base + mmio_read8(hc->base + EHCI_CAPLENGTH);
    disown(e);
    op_write(e, EHCI_USBINTR, 0);
    op_write(e, EHCI_USBCMD, 0);
    if (wait_bits(e, EHCI_USBSTS, EHCI_STS_HALTED, EHCI_STS_HALTED) < 0)
        return usb_ignore(hc, "does not stop");
    op_write(e, EHCI_USBCMD, EHCI_CMD_RESET);
    return 0;
}

static int ehci_begin(struct usb_controller *hc)
{
    struct ehci *e = host(hc);
    unsigned ports = EHCI_PORTS(e->params);

    if (wait_bits(e, EHCI_USBCMD, EHCI_CMD_RESET, 0) < 0)
        return usb_ignore(hc, "is not ready within 2 s after its reset");
    e->mem = malloc_high(sizeof(*e->mem), EHCI_MEM_ALIGN);
    if (e->mem == NULL)
        return usb_ignore(hc, "no memory");
    e->mem->qh.link = ehci_address(&e->mem->qh) | EHCI_TYPE_QH;
    op_write(e, EHCI_SEGMENT, 0);
    op_write(e, EHCI_ASYNCLIST, ehci_address(&e->mem->qh));
    ehci_command(e, EHCI_CMD_ITC_8 | EHCI_CMD_RUN);
    if (wait_bits(e, EHCI_USBSTS, EHCI_STS_HALTED, 0) < 0)
        return usb_ignore(hc, "does not run");
    op_write(e, EHCI_CONFIGFLAG, 1);    /* all ports are ours */
    for (unsigned n = 1; e->params & EHCI_PPC && n <= ports; n++)
        op_write(e, EHCI_PORTSC(n), EHCI_PORT_POWER);
    return (int)ports;
}

/* ------------------------------------------------------------------ ports */

/* Not high speed: the companion's, if the port has one. */
static int release(struct ehci *e, unsigned port)
{
    uint32_t reg = EHCI_PORTSC(port);

    op_write(e, reg, EHCI_PORT_POWER | EHCI_PORT_OWNER);
    if (!(op_read(e, reg) & EHCI_PORT_OWNER))
        print(USB_WHO ": port %u: a device of low or full speed, which only "
              "a companion controller could serve, ignored\n",
              USB_WHO_ARGS(&e->hc), port);
    return ERR_ABSENT;
}

static int ehci_port_reset(struct usb_controller *hc, unsigned port)
{
    struct ehci *e = host(hc);
    uint32_t reg = EHCI_PORTSC(port), v = op_read(e, reg);

    if (!(v & EHCI_PORT_CONNECT))
        return ERR_ABSENT;
    if ((v & EHCI_PORT_LINES) == EHCI_PORT_LINE_K)
        return release(e, port);
    op_write(e, reg, EHCI_PORT_POWER | EHCI_PORT_RESET);
    if (hc->physical)
        timer_delay_us(RESET_US);
    op_write(e, reg, EHCI_PORT_POWER);
    if (wait_bits(e, reg, EHCI_PORT_RESET, 0) < 0)
        return ERR_TIMEOUT;
    v = op_read(e, reg);
    if (!(v & EHCI_PORT_CONNECT))
        return ERR_ABSENT;
    if (!(v & EHCI_PORT_ENABLED))
        return release(e, port);
    op_write(e, reg, EHCI_PORT_POWER | EHCI_PORT_ENABLED | EHCI_PORT_CHANGES);
    return USB_HIGH;
}

static void ehci_port_disable(struct usb_controller *hc, unsigned port)
{
    op_write(host(hc), EHCI_PORTSC(port), EHCI_PORT_POWER);
}

/* ---------------------------------------------------------------- devices */

static int ehci_attach(struct usb_device *dev)
{
    (void)dev;                  /* each transfer looks at the device */
    return 0;
}

/* Put it into the periodic schedule, which is made with the first one. */
static int schedule(struct ehci *e, struct ehci_pipe *p)
{
    if (e->frames == NULL) {
        e->frames = malloc_high_raw(EHCI_FRAMES * sizeof(*e->frames),
                                    EHCI_FRAMES * sizeof(*e->frames));
        if (e->frames == NULL)
            return ERR_SPACE;   /* the allocator has said it */
        for (unsigned i = 0; i < EHCI_FRAMES; i++)
            e->frames[i] = EHCI_END;
        op_write(e, EHCI_PERIODICLIST, ehci_address(e->frames));
        ehci_command(e, e->command | EHCI_CMD_PERIODIC);
    }
    p->qh.link = e->frames[0];
    barrier();
    for (unsigned i = 0; i < EHCI_FRAMES; i += EHCI_FRAME_STEP)
        e->frames[i] = ehci_address(&p->qh) | EHCI_TYPE_QH;
    return 0;
}

static struct usb_pipe *ehci_open(struct usb_device *dev,
                                  const struct usb_endpoint *ep)
{
    struct ehci_pipe *p;

    if (ep->type == USB_BULK && EHCI_QTD_BYTES % ep->max_packet != 0) {
        usb_print(dev, "has packets of an odd size", ERR_FORMAT);
        return NULL;
    }
    p = malloc_high(sizeof(*p), EHCI_PIPE_ALIGN);
    if (p == NULL)
        return NULL;            /* the allocator has said it */
    p->pipe.dev = dev;
    p->pipe.ep = *ep;
    if (ep->type != USB_INTERRUPT)
        return &p->pipe;
    ehci_name_endpoint(&p->qh, dev, ep->address & 0xfu, ep->max_packet);
    p->qh.split |= EHCI_QH_START_0;
    if (dev->tt_hub != NULL)
        p->qh.split |= EHCI_QH_COMPLETE;
    p->qh.alt = EHCI_END;
    ehci_arm(p);
    return schedule(host(dev->hc), p) < 0 ? NULL : &p->pipe;
}

const struct usb_bus_ops ehci_bus_ops = {
    .ops = &ehci_ops,
    .prog_if = PROG_IF_EHCI,
    .size = sizeof(struct ehci),
    .start = ehci_start,
    .begin = ehci_begin,
    .port_reset = ehci_port_reset,
    .port_disable = ehci_port_disable,
    .attach = ehci_attach,
    .open = ehci_open,
};
