/* SPDX-License-Identifier: MIT */
/*
 * USB mass storage at run time: one command.  Resident.
 */
#include "usb/usb_msc.h"

#include "disk/scsi.h"
#include "lib/print.h"
#include "usb/usb_std.h"

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

static int bulk(struct usb_transfer *t, uint32_t timeout_ms)
{
    t->moved = t->pipe->dev->hc->ops->bulk(t->pipe, t->buf, t->len,
                                           timeout_ms);
    return t->moved;
}

/* Command, data, status, as usb_ops.command, but all of it. */
static unsigned run(struct usb_transfer t[3], uint32_t timeout_ms)
{
    const struct usb_ops *ops = t[0].pipe->dev->hc->ops;
    unsigned done = ops->command != NULL ? ops->command(t, timeout_ms) : 0;

    for (; done < 3 && t[done].moved >= 0; done++)
        if ((done != 1 || t[1].len != 0) &&
            bulk(&t[done], done == 0 ? TIMEOUT_MS : timeout_ms) < 0)
            break;
    return done;
}

static uint8_t cdb_len(uint8_t opcode)
{
    static const uint8_t len[] = { 6, 10, 10, 16, 16, 12, 12, 12 };

    return len[opcode >> 5];
}

void usb_msc_wrap(struct usb_cbw *cbw, uint8_t lun, uint32_t tag,
                  const uint8_t cdb[16], uint32_t len, bool write)
{
    *cbw = (struct usb_cbw){
        .signature = USB_CBW_SIGNATURE,
        .tag = tag,
        .len = len,
        .flags = write ? 0 : USB_DIR_IN,
        .lun = lun,
        .cdb_len = cdb_len(cdb[0]),
    };
    for (unsigned i = 0; i < cbw->cdb_len; i++)
        cbw->cdb[i] = cdb[i];
}

/* Is that the status of this command? */
static bool good_status(const struct usb_msc *m, const struct usb_transfer *t)
{
    const struct usb_csw *csw = t->buf;

    return t->moved == sizeof(*csw) && csw->signature == USB_CSW_SIGNATURE &&
        csw->tag == m->tag && csw->status <= USB_CSW_FAILED;
}

/*
 * Command, data, status.  The bytes moved, or an error.  Data may stall: the
 * status tells why; and then, once, the status (6.7.2).
 */
static int exchange(struct usb_drive *u, const uint8_t cdb[16], void *buf,
                    uint32_t len, bool write, struct usb_csw *csw)
{
    struct usb_msc *m = u->msc;
    struct usb_cbw cbw;
    struct usb_transfer t[3] = {
        { m->out, &cbw, sizeof(cbw), 0 },
        { write ? m->out : m->in, buf, len, 0 },
        { m->in, csw, sizeof(*csw), 0 },
    };
    uint32_t timeout = len >= SECTOR_SIZE ? DATA_TIMEOUT_MS : TIMEOUT_MS;
    unsigned done;

    usb_msc_wrap(&cbw, u->lun, ++m->tag, cdb, len, write);
    done = run(t, timeout);
    if (done == 0 || t[0].moved != sizeof(cbw))
        return t[0].moved < 0 ? t[0].moved : ERR_FORMAT;
    if (done == 1) {
        if (t[1].moved != ERR_DEVICE || usb_clear_halt(t[1].pipe) < 0)
            return t[1].moved;
        t[1].moved = 0;
        done = bulk(&t[2], timeout) < 0 ? 2 : 3;
    }
    if (done == 2 && t[2].moved == ERR_DEVICE &&
        usb_clear_halt(t[2].pipe) >= 0)
        (void)bulk(&t[2], timeout);     /* looked at below */
    if (t[2].moved < 0)
        return t[2].moved;
    return good_status(m, &t[2]) ? t[1].moved : ERR_FORMAT;
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
