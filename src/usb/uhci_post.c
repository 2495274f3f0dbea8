/* SPDX-License-Identifier: MIT */
/*
 * UHCI controllers: reset, ports, pipes.  POST only.
 *
 * An OS may take the controller over at any time (it resets it): no
 * interrupts are enabled, and no SMI.
 */
#include "usb/uhci.h"

#include "core/alloc.h"
#include "lib/io.h"
#include "lib/print.h"
#include "usb/ehci.h"
#include "usb/usb_std.h"

#define PORT_RESET_US       50000u      /* of a physical port */
#define PORT_RECOVERY_US    10u

static struct uhci *host(struct usb_controller *hc)
{
    return (struct uhci *)hc;
}

/*
 * A companion's devices hang, for people and QEMU, on the EHCI, which is
 * another function of the same device.  Its ports go to the companions in the
 * order of their functions (EHCI 4.2).
 */
static void find_ehci(struct uhci *u)
{
    const struct pci_device *ehci = NULL;
    unsigned before = 0;
    uint32_t params;
    bool io;

    PCI_FOREACH(pci) {
        if (pci->class != PCI_CLASS_USB || (pci->bdf ^ u->hc.bdf) > 7)
            continue;
        if (pci->prog_if == PROG_IF_EHCI)
            ehci = pci;
        before += pci->prog_if == PROG_IF_UHCI && pci->bdf < u->hc.bdf;
    }
    if (ehci == NULL || !ehci->have_driver)
        return;
    params = mmio_read32((const uint8_t *)(uintptr_t)
                         pci_bar(ehci, 0, &io) + EHCI_HCSPARAMS);
    if (before >= EHCI_COMPANIONS(params))
        return;
    u->hc.path_bdf = ehci->bdf;
    u->hc.path_ports = (uint8_t)(before * EHCI_PER_COMPANION(params));
}

static int uhci_start(struct usb_controller *hc)
{
    struct uhci *u = host(hc);
    struct poll p = poll_start(USB_HC_TIMEOUT_MS);

    u->io = (uint16_t)(uintptr_t)hc->base;
    if (inw(u->io + UHCI_USBCMD) == 0xffffu)
        return usb_ignore(hc, "its registers cannot be read");
    pci_write16(hc->bdf, UHCI_LEGSUP, UHCI_LEGSUP_QUIET);
    outw(u->io + UHCI_USBINTR, 0);
    outw(u->io + UHCI_USBCMD, 0);
    while (!(inw(u->io + UHCI_USBSTS) & UHCI_STS_HALTED))
        if (!poll_again(&p))
            return usb_ignore(hc, "does not stop");
    outw(u->io + UHCI_USBCMD, UHCI_CMD_RESET);
    return 0;
}

static int uhci_begin(struct usb_controller *hc)
{
    struct uhci *u = host(hc);
    struct poll p = poll_start(USB_HC_TIMEOUT_MS);

    while (inw(u->io + UHCI_USBCMD) & UHCI_CMD_RESET)
        if (!poll_again(&p))
            return usb_ignore(hc, "is not ready within 2 s after its reset");
    find_ehci(u);
    return UHCI_PORTS;
}

/* ------------------------------------------------------------------ ports */

static int uhci_port_reset(struct usb_controller *hc, unsigned port)
{
    uint16_t reg = (uint16_t)(host(hc)->io + UHCI_PORTSC(port));
    struct poll p = poll_start(USB_HC_TIMEOUT_MS);

    if (!(inw(reg) & UHCI_PORT_CONNECT))
        return ERR_ABSENT;
    outw(reg, UHCI_PORT_RESET);
    if (hc->physical)
        timer_delay_us(PORT_RESET_US);
    outw(reg, 0);
    if (hc->physical)
        timer_delay_us(PORT_RECOVERY_US);
    /* a change of the connection that is not cleared keeps it disabled */
    do {
        outw(reg, UHCI_PORT_ENABLED | UHCI_PORT_CHANGES);
        if (inw(reg) & UHCI_PORT_ENABLED)
            return inw(reg) & UHCI_PORT_LOW_SPEED ? USB_LOW : USB_FULL;
    } while (poll_again(&p));
    return ERR_TIMEOUT;
}

static void uhci_port_disable(struct usb_controller *hc, unsigned port)
{
    outw((uint16_t)(host(hc)->io + UHCI_PORTSC(port)), 0);
}

static unsigned uhci_port_name(struct usb_controller *hc, unsigned port)
{
    return hc->path_ports + port;
}

/* ---------------------------------------------------------------- devices */

/* A device: the controller has to run from now on. */
static int uhci_attach(struct usb_device *dev)
{
    struct uhci *u = host(dev->hc);

    if (u->mem != NULL)
        return 0;
    u->mem = malloc_high(sizeof(*u->mem), UHCI_MEM_ALIGN);
    if (u->mem == NULL)
        return ERR_SPACE;       /* the allocator has said it */
    u->mem->qh.link = UHCI_END;
    u->mem->qh.element = UHCI_END;
    for (unsigned i = 0; i < UHCI_FRAMES; i++)
        u->mem->frames[i] = uhci_address(&u->mem->qh) | UHCI_TYPE_QH;
    outl(u->io + UHCI_FRBASEADD, uhci_address(u->mem->frames));
    outw(u->io + UHCI_FRNUM, 0);
    outw(u->io + UHCI_USBCMD,
         UHCI_CMD_MAX_64 | UHCI_CMD_CONFIGURED | UHCI_CMD_RUN);
    return 0;
}

static struct usb_pipe *uhci_open(struct usb_device *dev,
                                  const struct usb_endpoint *ep)
{
    struct uhci *u = host(dev->hc);
    struct uhci_pipe *p;

    if (ep->max_packet > UHCI_PACKET_MAX) {
        usb_print(dev, "has packets too large for its speed", ERR_FORMAT);
        return NULL;
    }
    p = malloc_high(sizeof(*p), 16);
    if (p == NULL)
        return NULL;            /* the allocator has said it */
    p->pipe.dev = dev;
    p->pipe.ep = *ep;
    if (ep->type != USB_INTERRUPT)
        return &p->pipe;
    uhci_arm(p);
    p->qh.link = u->mem->frames[0];
    barrier();
    for (unsigned i = 0; i < UHCI_FRAMES; i += UHCI_FRAME_STEP)
        u->mem->frames[i] = uhci_address(&p->qh) | UHCI_TYPE_QH;
    return &p->pipe;
}

const struct usb_bus_ops uhci_bus_ops = {
    .ops = &uhci_ops,
    .prog_if = PROG_IF_UHCI,
    .bar = UHCI_BAR,
    .io = true,
    .size = sizeof(struct uhci),
    .last = true,
    .start = uhci_start,
    .begin = uhci_begin,
    .port_reset = uhci_port_reset,
    .port_disable = uhci_port_disable,
    .port_name = uhci_port_name,
    .attach = uhci_attach,
    .ahead = uhci_ahead,
    .open = uhci_open,
};
