/* SPDX-License-Identifier: MIT */
/*
 * Finding the units of USB mass storage devices.  POST only.
 */
#include "usb/usb_msc.h"

#include <string.h>

#include "core/alloc.h"
#include "disk/scsi.h"
#include "fw/bootorder.h"
#include "usb/usb_std.h"

#define SUBCLASS_ATAPI      0x02u       /* the same commands as SCSI's here */
#define SUBCLASS_SCSI       0x06u
#define PROTOCOL_BULK_ONLY  0x50u
#define LUN_LAST            15u
#define MAX_LUN_TYPE                                                       \
    (USB_DIR_IN | USB_REQ_CLASS | USB_REQ_TO_INTERFACE)

_Static_assert(1 + SCSI_FIRST <= USB_AHEAD_MAX, "ask_ahead()");

/*
 * The path for the boot order.  QEMU names its own devices, and those that
 * are the host's without their units.
 */
static const char *unit_path(const struct usb_device *dev, unsigned lun)
{
    char path[USB_PATH_SIZE + 1] = "/";

    (void)usb_path(dev, "usb-host", path + 1, USB_PATH_SIZE);
    if (bootorder_find(dev->hc->path_bdf, path) < 0) {
        (void)usb_path(dev, "storage", path + 1, USB_PATH_SIZE);
        return drive_text("%s/channel@0/disk@0,%x", path + 1, lun);
    }
    return drive_text("%s", path + 1);
}

static int add_lun(struct usb_msc *m, unsigned lun)
{
    struct usb_drive *u = malloc_high(sizeof(*u), 8);
    int rc;

    if (u == NULL)
        return ERR_SPACE;       /* the allocator has said it */
    u->msc = m;
    u->lun = (uint8_t)lun;
    u->d.ops = &usb_msc_ops;
    u->d.bdf = m->dev->hc->path_bdf;
    u->d.path = unit_path(m->dev, lun);
    u->d.description = u->d.path;       /* until it says what it is */
    rc = scsi_identify(&u->d, "USB MSC");
    if (rc == 0)
        drive_register(&u->d);
    else
        free_zone(u);
    return rc;
}

/* What is asked of the first unit. */
static void ask_ahead(const struct usb_msc *m)
{
    struct usb_ahead *a = usb_ahead_list(m->dev);
    unsigned n = 0;

    if (a == NULL)
        return;
    usb_ahead_request(&a[n++], MAX_LUN_TYPE, USB_MSC_MAX_LUN, 0,
                      m->interface, 1);
    for (unsigned i = 0; i < SCSI_FIRST; i++, n++) {
        struct usb_cbw cbw;

        usb_msc_wrap(&cbw, 0, m->tag + n, scsi_first[i].cdb,
                     scsi_first[i].len, false);
        memcpy(a[n].order, &cbw, sizeof(cbw));
        a[n].out = m->out;
        a[n].in = m->in;
        a[n].len = scsi_first[i].len;
    }
    usb_bus_of(m->dev->hc)->ahead(m->dev->hc, a, n);
}

int usb_msc_start(struct usb_device *dev, const struct usb_interface *i)
{
    const struct usb_bus_ops *ops = usb_bus_of(dev->hc);
    uint8_t last[4] ALIGNED(4);
    unsigned units = 0;
    struct usb_msc *m;

    if (i->protocol != PROTOCOL_BULK_ONLY || i->subclass < SUBCLASS_ATAPI ||
        i->subclass > SUBCLASS_SCSI || i->in.address == 0 ||
        i->out.address == 0) {
        usb_print(dev, "storage of a kind that is not supported (UAS?)",
                  ERR_ABSENT);
        return ERR_ABSENT;
    }
    m = malloc_high(sizeof(*m), 4);
    if (m == NULL)
        return ERR_SPACE;       /* the allocator has said it */
    m->dev = dev;
    m->interface = i->number;
    m->in = ops->open(dev, &i->in);
    m->out = m->in != NULL ? ops->open(dev, &i->out) : NULL;
    if (m->out == NULL)
        return ERR_SPACE;       /* printed */
    ask_ahead(m);
    /* a device with one unit may stall this (3.2) */
    if (usb_control(dev, MAX_LUN_TYPE, USB_MSC_MAX_LUN, 0, i->number, last, 1,
                    1) < 0 ||
        last[0] > LUN_LAST)
        last[0] = 0;
    for (unsigned lun = 0; lun <= last[0] && !usb_late(); lun++) {
        int rc = add_lun(m, lun);

        units += rc == 0;
        if (rc == ERR_TIMEOUT)
            break;              /* the others will not be any better */
    }
    return units != 0 ? 0 : ERR_ABSENT;
}
