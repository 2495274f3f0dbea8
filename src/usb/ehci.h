/* SPDX-License-Identifier: MIT */
/*
 * EHCI controllers (USB 2): registers, and the one queue head through which
 * all control and bulk transfers go, one at a time.  ehci.c is resident and
 * moves data; ehci_post.c starts controllers and opens devices.
 *
 * The asynchronous schedule runs only while a transfer does, so that nothing
 * which the controller may have read ahead ever changes.  Full- and low-speed
 * devices are the companions' (uhci.h), or hang behind a high-speed hub.
 *
 * Enhanced Host Controller Interface for USB 1.0 (2 registers, 3 data
 * structures, 4 operation, appendix B for 64-bit controllers).
 */
#ifndef HW_EHCI_H
#define HW_EHCI_H

#include "usb/usb.h"

/* Capability registers */
#define EHCI_CAPLENGTH      0x00u       /* 8 bits */
#define EHCI_HCSPARAMS      0x04u       /* 32 bits, as all others */
#define EHCI_PORTS(v)       ((v) & 0xfu)
#define EHCI_PPC            (1u << 4)   /* ports' power can be switched */
#define EHCI_PER_COMPANION(v) ((v) >> 8 & 0xfu)     /* ports of each */
#define EHCI_COMPANIONS(v)  ((v) >> 12 & 0xfu)
#define EHCI_HCCPARAMS      0x08u
#define EHCI_EECP(v)        ((v) >> 8 & 0xffu)

/* Extended capabilities, in configuration space: 7:0 ID, 15:8 next */
#define EHCI_EXT_ID(v)      ((v) & 0xffu)
#define EHCI_EXT_NEXT(v)    ((v) >> 8 & 0xffu)
#define EHCI_EXT_LEGACY     1u
#define EHCI_LEGACY_OWNERS  0x01010000u /* semaphores of BIOS and OS */
#define EHCI_LEGACY_CTLSTS  4u          /* offset: 15:0 SMIs, 31:29 W1C */
#define EHCI_LEGACY_EVENTS  (7u << 29)

/* Operational registers, from CAPLENGTH on */
#define EHCI_USBCMD         0x00u
#define EHCI_CMD_RUN        (1u << 0)
#define EHCI_CMD_RESET      (1u << 1)
#define EHCI_CMD_PERIODIC   (1u << 4)
#define EHCI_CMD_ASYNC      (1u << 5)
#define EHCI_CMD_ITC_8      (8u << 16)  /* the default */
#define EHCI_USBSTS         0x04u
#define EHCI_STS_HALTED     (1u << 12)
#define EHCI_STS_ASYNC      (1u << 15)
#define EHCI_USBINTR        0x08u
#define EHCI_FRINDEX        0x0cu
#define EHCI_SEGMENT        0x10u
#define EHCI_PERIODICLIST   0x14u
#define EHCI_ASYNCLIST      0x18u
#define EHCI_CONFIGFLAG     0x40u
#define EHCI_PORTSC(n)      (0x44u + 4u * ((n) - 1))
#define EHCI_PORT_CONNECT   (1u << 0)
#define EHCI_PORT_ENABLED   (1u << 2)
#define EHCI_PORT_CHANGES   0x2au       /* W1C */
#define EHCI_PORT_RESET     (1u << 8)
#define EHCI_PORT_LINES     (3u << 10)
#define EHCI_PORT_LINE_K    (1u << 10)  /* a low-speed device */
#define EHCI_PORT_POWER     (1u << 12)
#define EHCI_PORT_OWNER     (1u << 13)  /* the companion's */

/* Links */
#define EHCI_END            1u
#define EHCI_TYPE_QH        2u

/* Queue element transfer descriptor: at most 5 pages */
struct ehci_qtd {
    uint32_t next, alt;         /* alt: after a short packet */
    volatile uint32_t token;
    uint32_t page[5], page_high[5];
    uint32_t unused[3];
};
_Static_assert(sizeof(struct ehci_qtd) == 64, "EHCI 3.5");
#define EHCI_QTD_BYTES      0x4000u     /* 4 pages, so with any offset */
#define EHCI_TD_ACTIVE      (1u << 7)
#define EHCI_TD_HALTED      (1u << 6)
#define EHCI_TD_BUFFER      (1u << 5)   /* memory too slow */
#define EHCI_TD_BABBLE      (1u << 4)
#define EHCI_TD_OUT         (0u << 8)
#define EHCI_TD_IN          (1u << 8)
#define EHCI_TD_SETUP       (2u << 8)
#define EHCI_TD_TRIES_3     (3u << 10)
#define EHCI_TD_TRIES(v)    ((v) >> 10 & 3u)
#define EHCI_TD_BYTES(n)    ((uint32_t)(n) << 16)
#define EHCI_TD_LEFT(v)     ((v) >> 16 & 0x7fffu)
#define EHCI_TD_DATA1       (1u << 31)

/* Queue head */
struct ehci_qh {
    uint32_t link;
    uint32_t endpoint, split;
    uint32_t current;
    uint32_t next, alt;         /* from here on: the overlay */
    volatile uint32_t token;
    uint32_t page[5], page_high[5];
    uint32_t unused[7];
};
_Static_assert(sizeof(struct ehci_qh) == 96, "EHCI 3.6, 32-byte aligned");
#define EHCI_QH_NUMBER(n)   ((uint32_t)(n) << 8)
#define EHCI_QH_SPEED(n)    ((uint32_t)(n) << 12)   /* full, low, high */
#define EHCI_QH_TOGGLE_TD   (1u << 14)  /* the toggle comes from the qTD */
#define EHCI_QH_HEAD        (1u << 15)
#define EHCI_QH_PACKET(n)   ((uint32_t)(n) << 16)
#define EHCI_QH_CONTROL     (1u << 27)  /* full and low speed only */
#define EHCI_QH_START_0     (1u << 0)   /* in microframe 0 */
#define EHCI_QH_COMPLETE    (7u << 10)  /* in 2, 3 and 4 */
#define EHCI_QH_HUB(n)      ((uint32_t)(n) << 16)
#define EHCI_QH_PORT(n)     ((uint32_t)(n) << 23)
#define EHCI_QH_MULT_1      (1u << 30)

#define EHCI_QTDS           (USB_BULK_MAX / EHCI_QTD_BYTES)

/* What the controller reads and writes.  Crosses no page. */
struct ehci_mem {
    struct ehci_qtd qtd[EHCI_QTDS];
    struct ehci_qtd stop;       /* never active */
    struct ehci_qh qh;
};
#define EHCI_MEM_ALIGN      512u
_Static_assert(sizeof(struct ehci_mem) <= EHCI_MEM_ALIGN, "one page");

/* One in 8 entries of the periodic frame list is used: every 8 ms. */
#define EHCI_FRAMES         1024u
#define EHCI_FRAME_STEP     8u

struct ehci {
    struct usb_controller hc;   /* first: found by a cast */
    uint8_t *op;
    struct ehci_mem *mem;
    uint32_t *frames;           /* NULL until an interrupt pipe is open */
    uint32_t params;            /* EHCI_HCSPARAMS */
    uint32_t command;           /* EHCI_USBCMD, as it was written last */
    bool busy;                  /* a transfer is on its way */
};

struct ehci_pipe {
    struct usb_pipe pipe;       /* first */
    uint32_t toggle;            /* EHCI_TD_DATA1 or 0, bulk */
    uint32_t unused[4];
    /* Interrupt endpoints: */
    struct ehci_qh qh;
    struct ehci_qtd qtd;
    uint8_t report[USB_REPORT_MAX];
};
#define EHCI_PIPE_ALIGN     256u
_Static_assert(sizeof(struct ehci_pipe) <= EHCI_PIPE_ALIGN, "one page");
_Static_assert(offsetof(struct ehci_pipe, qh) % 32 == 0, "EHCI 3.6");
_Static_assert(offsetof(struct ehci_pipe, qtd) % 32 == 0, "EHCI 3.5");

extern const struct usb_ops ehci_ops;

static inline uint32_t ehci_address(const void *p)
{
    return (uint32_t)(uintptr_t)p;
}

/* Write EHCI_USBCMD; what it has is remembered and not read again. */
void ehci_command(struct ehci *e, uint32_t command);

/* The words of a queue head that say which endpoint it is for. */
void ehci_name_endpoint(struct ehci_qh *qh, const struct usb_device *dev,
                        unsigned number, unsigned max_packet);

/* Set off an interrupt endpoint's transfer: its queue is idle. */
void ehci_arm(struct ehci_pipe *p);

#endif
