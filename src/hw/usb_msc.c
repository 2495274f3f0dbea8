/* SPDX-License-Identifier: MIT */
/*
 * USB mass storage at run time: one command.  Resident.
 */
#include "hw/usb_msc.h"

#include "hw/usb_std.h"
#include "print.h"
#include "scsi.h"

#define DATA_TIMEOUT_MS     20000u      /* a sector that is hard to read */
#define TIMEOUT_MS          5000u       /* all else */

/* 5.3.4: reset recovery.  A device that fails even that is given up. */
static void reset(struct usb_msc *m)
{
    int rc = usb_control(m->dev, USB_REQ_CLASS | USB_REQ_TO_INTERFACE,
                         USB_MSC_RESET, 0, m->interface, NULL, 0, 0);

    if (rc >= 0)
        rc = usb_clear_halt(m->in);
    if (rc >= 0)
        rc = usb_clear_halt(m->out);
    m->dead = rc < 0;
}

/* A bulk transfer; after a stall the pipe is made usable again. */
static int move(struct usb_pipe *pipe, void *buf, uint32_t len,
                uint32_t timeout_ms)
{
    int rc = pipe->dev->hc->ops->bulk(pipe, buf, len, timeout_ms);

    if (rc == ERR_DEVICE && usb_clear_halt(pipe) < 0)
        return ERR_FORMAT;
    return rc;
}

/* The status; a stall before it is the device's right, once (6.7.2). */
static int read_status(struct usb_msc *m, struct usb_csw *csw,
                       uint32_t timeout_ms)
{
    int rc = move(m->in, csw, sizeof(*csw), timeout_ms);

    if (rc == ERR_DEVICE)
        rc = move(m->in, csw, sizeof(*csw), timeout_ms);
    if (rc < 0)
        return rc;
    return rc == sizeof(*csw) && csw->signature == USB_CSW_SIGNATURE &&
        csw->tag == m->tag && csw->status <= USB_CSW_FAILED ? 0 : ERR_FORMAT;
}

static uint8_t cdb_len(uint8_t opcode)
{
    static const uint8_t len[] = { 6, 10, 10, 16, 16, 12, 12, 12 };

    return len[opcode >> 5];
}

/* Command, data, status.  The bytes moved, or an error. */
static int exchange(struct usb_drive *u, const uint8_t cdb[16], void *buf,
                    uint32_t len, bool write, struct usb_csw *csw)
{
    struct usb_msc *m = u->msc;
    struct usb_cbw cbw = {
        .signature = USB_CBW_SIGNATURE,
        .tag = ++m->tag,
        .len = len,
        .flags = write ? 0 : USB_DIR_IN,
        .lun = u->lun,
        .cdb_len = cdb_len(cdb[0]),
    };
    uint32_t timeout = len >= SECTOR_SIZE ? DATA_TIMEOUT_MS : TIMEOUT_MS;
    int moved = 0, rc;

    for (unsigned i = 0; i < cbw.cdb_len; i++)
        cbw.cdb[i] = cdb[i];
    rc = m->dev->hc->ops->bulk(m->out, &cbw, sizeof(cbw), TIMEOUT_MS);
    if (rc != sizeof(cbw))
        return rc < 0 ? rc : ERR_FORMAT;
    if (len != 0) {
        moved = move(write ? m->out : m->in, buf, len, timeout);
        if (moved == ERR_DEVICE)
            moved = 0;          /* stalled: the status tells why */
        if (moved < 0)
            return moved;
    }
    rc = read_status(m, csw, timeout);
    return rc < 0 ? rc : moved;
}

static int usb_msc_packet(struct drive *d, const uint8_t cdb[16], void *buf,
                          uint32_t len, bool write)
{
    struct usb_drive *u = (struct usb_drive *)d;
    struct usb_csw csw;
    int rc;

    if (u->msc->dead)
        return ERR_TIMEOUT;
    rc = exchange(u, cdb, buf, len, write, &csw);
    if (rc < 0) {
        debug("%s: %s, reset\n", d->description,
              rc == ERR_TIMEOUT ? "does not answer" : "transfer failed");
        reset(u->msc);
        if (u->msc->dead)
            debug("%s: does not come back after a reset, given up\n",
                  d->description);
        return ERR_TIMEOUT;
    }
    if (csw.status == USB_CSW_FAILED)
        return ERR_DEVICE;
    if (csw.residue < len && (uint32_t)rc > len - csw.residue)
        return (int)(len - csw.residue);
    return rc;
}

const struct drive_ops usb_msc_ops = {
    .name = "USB",
    .edd_interface = "USB     ",
    .max_count = USB_BULK_MAX / CD_SECTOR_SIZE,
    .align = 1,
    .rw = scsi_rw,
    .packet = usb_msc_packet,
};
