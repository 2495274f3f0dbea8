/* SPDX-License-Identifier: MIT */
/*
 * USB keyboards in the boot protocol: reports become the scan codes of set 1
 * that a PC's keyboard sends.  usb_kbd.c is resident; usb_kbd_post.c finds
 * the keyboards.
 *
 * Device Class Definition for HID 1.11, appendix B.1 and F; HID Usage Tables
 * 1.12, 10.
 */
#ifndef HW_USB_KBD_H
#define HW_USB_KBD_H

#include "usb/usb.h"

#define USB_KBD_REPORT      8u          /* bytes: modifiers, 0, six keys */
#define USB_KBD_KEYS        2u          /* offset */

struct usb_kbd {
    struct usb_kbd *next;
    struct usb_pipe *pipe;
    uint8_t last[USB_KBD_REPORT];
    uint8_t repeat;             /* the usage of the key that repeats, or 0 */
    struct deadline again;
};

extern struct usb_kbd *usb_keyboards;

/* Take what the keyboards have sent, and repeat a key that is held. */
void usb_kbd_poll(void);

#endif
