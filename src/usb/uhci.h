/* SPDX-License-Identifier: MIT */
/*
 * UHCI controllers (USB 1), alone or as companions of an EHCI: registers, and
 * the one queue through which all control and bulk transfers go, one at a
 * time.  uhci.c is resident and moves data; uhci_post.c starts controllers
 * and opens devices.
 *
 * Universal Host Controller Interface 1.1 (2 registers, 3 data structures, 5
 * legacy support).
 */
#ifndef HW_UHCI_H
#define HW_UHCI_H

#include "usb/usb.h"

#define UHCI_BAR            4u          /* I/O ports */
#define UHCI_LEGSUP         0xc0u       /* configuration space, 16 bits */
#define UHCI_LEGSUP_QUIET   0xaf00u     /* no SMI, events W1C, PIRQ on */

/* Registers, 16 bits each but for the base */
#define UHCI_USBCMD         0x00u
#define UHCI_CMD_RUN        (1u << 0)
#define UHCI_CMD_RESET      (1u << 1)
#define UHCI_CMD_CONFIGURED (1u << 6)
#define UHCI_CMD_MAX_64     (1u << 7)   /* packets at the end of a frame */
#define UHCI_USBSTS         0x02u
#define UHCI_STS_HALTED     (1u << 5)
#define UHCI_USBINTR        0x04u
#define UHCI_FRNUM          0x06u
#define UHCI_FRBASEADD      0x08u       /* 32 bits */
#define UHCI_PORTSC(n)      (0x10u + 2u * ((n) - 1))
#define UHCI_PORT_CONNECT   (1u << 0)
#define UHCI_PORT_ENABLED   (1u << 2)
#define UHCI_PORT_CHANGES   0x0au       /* W1C */
#define UHCI_PORT_LOW_SPEED (1u << 8)
#define UHCI_PORT_RESET     (1u << 9)
#define UHCI_PORTS          2u

/* Links */
#define UHCI_END            1u
#define UHCI_TYPE_QH        2u
#define UHCI_DEPTH          4u          /* go on with the same queue */

struct uhci_td {
    uint32_t link;
    volatile uint32_t status;
    uint32_t token, buffer;
};
_Static_assert(sizeof(struct uhci_td) == 16, "UHCI 3.2");
#define UHCI_TD_SHORT_STOPS (1u << 29)
#define UHCI_TD_TRIES_3     (3u << 27)
#define UHCI_TD_LOW_SPEED   (1u << 26)
#define UHCI_TD_ACTIVE      (1u << 23)
#define UHCI_TD_STALLED     (1u << 22)
#define UHCI_TD_CRC         (1u << 18)  /* or no answer */
#define UHCI_TD_ERRORS      0x00760000u /* with STALLED, without NAK */
#define UHCI_TD_DONE(v)     (((v) + 1) & 0x7ffu)    /* bytes */
#define UHCI_PID_OUT        0xe1u       /* token */
#define UHCI_PID_IN         0x69u
#define UHCI_PID_SETUP      0x2du
#define UHCI_TD_ADDRESS(n)  ((uint32_t)(n) << 8)
#define UHCI_TD_NUMBER(n)   ((uint32_t)(n) << 15)
#define UHCI_TD_DATA1       (1u << 19)
#define UHCI_TD_BYTES(n)    (((n) - 1u) << 21)
#define UHCI_TD_LEN(token)  ((((token) >> 21) + 1) & 0x7ffu)

struct uhci_qh {
    uint32_t link;
    volatile uint32_t element;
    uint32_t unused[2];
};

#define UHCI_FRAMES         1024u
#define UHCI_FRAME_STEP     8u          /* keyboards: every 8 ms */
#define UHCI_TDS            256u        /* 13 frames of bulk data */
#define UHCI_PACKET_MAX     64u

/* What the controller reads and writes. */
struct uhci_mem {
    uint32_t frames[UHCI_FRAMES];
    struct uhci_td td[UHCI_TDS];
    struct uhci_qh qh;          /* the last one of each frame */
    struct uhci_qh ahead[USB_AHEAD_MAX];        /* behind it, in POST */
};
#define UHCI_MEM_ALIGN      4096u

struct uhci {
    struct usb_controller hc;   /* first: found by a cast */
    uint16_t io;
    bool busy;                  /* a transfer is on its way */
    struct uhci_mem *mem;       /* NULL until there is a device */
};

struct uhci_pipe {
    struct usb_pipe pipe;       /* first */
    bool toggle;                /* of the next packet */
    /* Interrupt endpoints: */
    struct uhci_qh qh ALIGNED(16);
    struct uhci_td td;
    uint8_t report[USB_REPORT_MAX];
};

extern const struct usb_ops uhci_ops;

/* As usb_ops has them */
int uhci_control(struct usb_device *dev, const struct usb_request *request,
                 void *data, uint32_t timeout_ms);
unsigned uhci_command(struct usb_transfer t[3], uint32_t timeout_ms);

/* TDs for a request on endpoint 0, or for a bulk transfer behind so many
 * packets of its pipe that wait; how many. */
unsigned uhci_put_request(struct uhci_td *td, const struct usb_device *dev,
                          const struct usb_request *request, uint8_t *data);
unsigned uhci_put(struct uhci_td *td, const struct usb_pipe *pipe,
                  unsigned waiting, uint8_t *buf, uint32_t len);

/*
 * Wait for the end of count TDs, which are one queue; after a short packet go
 * on with the last one if that is a status (of a control transfer, or of a
 * command, where it has the toggle that is next) and the queue is u->mem->qh.
 * 0 or an error; *used: how many packets were moved, but for those left out.
 */
enum uhci_rest { REST_NONE, REST_STATUS, REST_NEXT_TOGGLE };
int uhci_watch(struct uhci *u, struct uhci_td *td, unsigned count,
               enum uhci_rest rest, unsigned *used, uint32_t timeout_ms);

/*
 * Take back TDs that were not executed.  They stay in the queue, inactive,
 * until the controller has seen that: QEMU lets go of a packet only then.
 */
void uhci_cancel(struct uhci *u, struct uhci_td *td, unsigned count);

/* What TDs that were run have moved; the toggle of their pipe, if there is
 * one, follows. */
int uhci_settle(struct usb_pipe *pipe, const struct uhci_td *td,
                unsigned count);

/* POST only: usb_bus_ops.ahead */
void uhci_ahead(struct usb_controller *hc, struct usb_ahead *list,
                unsigned count);

static inline uint32_t uhci_address(const void *p)
{
    return (uint32_t)(uintptr_t)p;
}

/* Set off an interrupt endpoint's transfer: its queue is idle. */
void uhci_arm(struct uhci_pipe *p);

#endif
