/* SPDX-License-Identifier: MIT */
/*
 * USB keyboards at run time: polled while somebody looks for keys.  Resident.
 */
#include "usb/usb_kbd.h"

#include <string.h>

#include "services/services.h"

#define FIRST_REPEAT_MS     500u        /* as a PC's keyboard, by default */
#define NEXT_REPEAT_MS      92u
#define REPORTS_MAX         8u          /* of a keyboard in one poll */

#define CODE_E0             0xe0u
#define CODE_RELEASE        0x80u
#define EXTENDED            0x80u       /* in the tables: E0h goes first */
#define CODE_BREAK          (EXTENDED | 0x46u)  /* Pause with Ctrl */
#define CODE_SYSREQ         0x54u       /* Print with Alt */
#define USAGE_FIRST         0x04u       /* below: no key, or too many */
#define USAGE_PRINT         0x46u
#define USAGE_PAUSE         0x48u
#define MODIFIERS           8u          /* bits of a report's first byte */
#define MODIFIERS_CTRL      0x11u
#define MODIFIERS_ALT       0x44u

/* Scan code by usage, from USAGE_FIRST on; 0: none. */
static const uint8_t scan_codes[] = {
    0x1e, 0x30, 0x2e, 0x20, 0x12, 0x21, 0x22, 0x23,     /* a-h */
    0x17, 0x24, 0x25, 0x26, 0x32, 0x31, 0x18, 0x19,     /* i-p */
    0x10, 0x13, 0x1f, 0x14, 0x16, 0x2f, 0x11, 0x2d,     /* q-x */
    0x15, 0x2c,                                         /* y z */
    0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a, 0x0b, /* 1-0 */
    0x1c, 0x01, 0x0e, 0x0f, 0x39,       /* Enter Esc Backspace Tab Space */
    0x0c, 0x0d, 0x1a, 0x1b, 0x2b, 0x2b, /* - = [ ] \ and its like */
    0x27, 0x28, 0x29, 0x33, 0x34, 0x35, 0x3a,   /* ; ' ` , . / Caps */
    0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x40, 0x41, 0x42, 0x43, 0x44, /* F1-F10 */
    0x57, 0x58,                                         /* F11 F12 */
    EXTENDED | 0x37, 0x46, 0,           /* Print, Scroll, Pause: see there */
    EXTENDED | 0x52, EXTENDED | 0x47, EXTENDED | 0x49,  /* Ins Home PgUp */
    EXTENDED | 0x53, EXTENDED | 0x4f, EXTENDED | 0x51,  /* Del End PgDn */
    EXTENDED | 0x4d, EXTENDED | 0x4b, EXTENDED | 0x50,  /* right left down */
    EXTENDED | 0x48, 0x45,                              /* up, Num */
    EXTENDED | 0x35, 0x37, 0x4a, 0x4e, EXTENDED | 0x1c, /* pad / * - + Enter */
    0x4f, 0x50, 0x51, 0x4b, 0x4c, 0x4d, 0x47, 0x48, 0x49, 0x52, 0x53,
    0x56, EXTENDED | 0x5d,                              /* <>, menu */
};

/* Left Ctrl, Shift, Alt, GUI; the same on the right */
static const uint8_t modifier_codes[MODIFIERS] = {
    0x1d, 0x2a, 0x38, EXTENDED | 0x5b,
    EXTENDED | 0x1d, 0x36, EXTENDED | 0x38, EXTENDED | 0x5c,
};

struct usb_kbd *usb_keyboards;

static void send(uint8_t code, bool release)
{
    if (code == 0)
        return;
    if (code & EXTENDED)
        key_scancode(CODE_E0);
    key_scancode((code & (uint8_t)~EXTENDED) | (release ? CODE_RELEASE : 0));
}

/* A key, while these modifiers are held. */
static void send_usage(uint8_t usage, uint8_t modifiers, bool release)
{
    static const uint8_t pause[] = { 0xe1, 0x1d, 0x45, 0xe1, 0x9d, 0xc5 };
    unsigned i = usage - USAGE_FIRST;

    if (usage == USAGE_PAUSE && (modifiers & MODIFIERS_CTRL))
        send(CODE_BREAK, release);
    else if (usage == USAGE_PAUSE)
        for (unsigned n = 0; n < sizeof(pause) && !release; n++)
            key_scancode(pause[n]);
    else if (usage == USAGE_PRINT && (modifiers & MODIFIERS_ALT))
        send(CODE_SYSREQ, release);
    else if (i < sizeof(scan_codes))
        send(scan_codes[i], release);
}

static bool holds(const uint8_t report[USB_KBD_REPORT], uint8_t usage)
{
    for (unsigned i = USB_KBD_KEYS; i < USB_KBD_REPORT; i++)
        if (report[i] == usage)
            return true;
    return false;
}

/*
 * What is different from the last report.  That is noted before a key is sent:
 * programs that hang on INT 15h AH=4Fh may look for keys themselves.
 */
static void take_report(struct usb_kbd *k,
                        const uint8_t report[USB_KBD_REPORT])
{
    uint8_t changed = report[0] ^ k->last[0];
    uint8_t last[USB_KBD_REPORT];

    if (report[USB_KBD_KEYS] != 0 && report[USB_KBD_KEYS] < USAGE_FIRST)
        return;                 /* too many keys at once: it cannot tell */
    memcpy(last, k->last, sizeof(last));
    memcpy(k->last, report, sizeof(k->last));
    if (!holds(report, k->repeat))
        k->repeat = 0;
    for (unsigned i = 0; i < MODIFIERS; i++)
        if (changed & 1u << i)
            send(modifier_codes[i], !(report[0] & 1u << i));
    for (unsigned i = USB_KBD_KEYS; i < USB_KBD_REPORT; i++)
        if (last[i] != 0 && !holds(report, last[i]))
            send_usage(last[i], last[0], true);
    for (unsigned i = USB_KBD_KEYS; i < USB_KBD_REPORT; i++)
        if (report[i] != 0 && !holds(last, report[i])) {
            k->repeat = report[i];
            k->again = timer_deadline_ms(FIRST_REPEAT_MS);
            send_usage(report[i], report[0], false);
        }
}

static void poll(struct usb_kbd *k)
{
    const struct usb_ops *ops = k->pipe->dev->hc->ops;
    uint8_t report[USB_KBD_REPORT];
    int rc;

    for (unsigned n = 0; n < REPORTS_MAX; n++) {
        rc = ops->report(k->pipe, report, sizeof(report));
        if (rc == 0)
            break;
        if (rc == (int)sizeof(report))
            take_report(k, report);
        if (rc < 0 && (rc != ERR_DEVICE || usb_clear_halt(k->pipe) < 0)) {
            k->pipe = NULL;     /* unplugged, or broken */
            return;
        }
    }
    if (k->repeat != 0 && timer_expired(&k->again)) {
        k->again = timer_deadline_ms(NEXT_REPEAT_MS);
        send_usage(k->repeat, k->last[0], false);
    }
}

void usb_kbd_poll(void)
{
    for (struct usb_kbd *k = usb_keyboards; k != NULL; k = k->next)
        if (k->pipe != NULL)
            poll(k);
}
