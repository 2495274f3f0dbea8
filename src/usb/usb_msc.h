/* SPDX-License-Identifier: MIT */
/*
 * USB mass storage: SCSI commands by the Bulk-Only Transport.  usb_msc.c is
 * resident and moves data; usb_msc_post.c finds the units.
 *
 * Mass Storage Class Bulk-Only Transport 1.0.
 */
#ifndef HW_USB_MSC_H
#define HW_USB_MSC_H

#include "usb/usb.h"

/* Command block wrapper (5.1) */
struct usb_cbw {
    uint32_t signature, tag, len;
    uint8_t flags;              /* USB_DIR_IN: data come in */
    uint8_t lun, cdb_len;
    uint8_t cdb[16];
} PACKED;
_Static_assert(sizeof(struct usb_cbw) == 31, "BOT 5.1");
#define USB_CBW_SIGNATURE   0x43425355u

/* Command status wrapper (5.2) */
struct usb_csw {
    uint32_t signature, tag, residue;
    uint8_t status;
} PACKED;
_Static_assert(sizeof(struct usb_csw) == 13, "BOT 5.2");
#define USB_CSW_SIGNATURE   0x53425355u
#define USB_CSW_FAILED      1u          /* ask for the sense data */

#define USB_MSC_RESET       0xffu       /* requests */
#define USB_MSC_MAX_LUN     0xfeu

/* A device: all its units share one pair of pipes. */
struct usb_msc {
    struct usb_device *dev;
    struct usb_pipe *in, *out;
    uint32_t tag;
    uint8_t interface;
    bool dead;                  /* does not come back after a reset */
};

struct usb_drive {
    struct drive d;             /* first: found from the drive by a cast */
    struct usb_msc *msc;
    uint8_t lun;
};

extern const struct drive_ops usb_msc_ops;

/* Wrap a command for len bytes of data. */
void usb_msc_wrap(struct usb_cbw *cbw, uint8_t lun, uint32_t tag,
                  const uint8_t cdb[16], uint32_t len, bool write);

#endif
