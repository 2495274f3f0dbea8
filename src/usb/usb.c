/* SPDX-License-Identifier: MIT */
/*
 * What USB's core needs after POST: requests on endpoint 0.  Resident.
 */
#include "usb/usb.h"

#include "lib/print.h"
#include "usb/usb_std.h"

/* 9.2.6.4 grants 500 ms to a request with data. */
#define CONTROL_TIMEOUT_MS  1000u

int usb_control(struct usb_device *dev, uint8_t type, uint8_t request,
                uint16_t value, uint16_t index, void *data, uint16_t len,
                uint16_t min)
{
    struct usb_request r = { type, request, value, index, len };
    int rc = dev->hc->ops->control(dev, &r, data, CONTROL_TIMEOUT_MS);

    return rc >= 0 && (type & USB_DIR_IN) && rc < min ? ERR_FORMAT : rc;
}

void usb_give_up(struct usb_controller *hc, const char *what)
{
    pci_set16(hc->bdf, PCI_COMMAND, PCI_COMMAND_MASTER, 0);
    hc->dead = true;
    debug(USB_WHO ": %s, controller given up\n", USB_WHO_ARGS(hc), what);
}

int usb_clear_halt(struct usb_pipe *pipe)
{
    int rc = usb_control(pipe->dev, USB_REQ_TO_ENDPOINT, USB_CLEAR_FEATURE,
                         USB_ENDPOINT_HALT, pipe->ep.address, NULL, 0, 0);

    return rc < 0 ? rc : pipe->dev->hc->ops->reset_pipe(pipe);
}
