/* SPDX-License-Identifier: MIT */
/*
 * xHCI controllers (USB 3): registers, rings, and one transfer at a time on
 * each endpoint.  xhci.c is resident and moves data; xhci_post.c starts
 * controllers and opens devices.
 *
 * eXtensible Host Controller Interface for USB 1.2 (4.6 commands, 5
 * registers, 6 data structures, 7 capabilities).
 */
#ifndef HW_XHCI_H
#define HW_XHCI_H

#include "usb/usb.h"

/* Capability registers, 32 bits each */
#define XHCI_CAPLENGTH      0x00u       /* 7:0 */
#define XHCI_HCSPARAMS1     0x04u
#define XHCI_SLOTS(v)       ((v) & 0xffu)
#define XHCI_PORTS(v)       ((v) >> 24)
#define XHCI_HCSPARAMS2     0x08u
#define XHCI_SCRATCHPADS(v) (((v) >> 16 & 0x3e0u) | (v) >> 27)
#define XHCI_HCCPARAMS1     0x10u
#define XHCI_HCC_CSZ        (1u << 2)   /* contexts of 64 bytes */
#define XHCI_HCC_PPC        (1u << 3)   /* ports' power can be switched */
#define XHCI_HCC_XECP(v)    ((v) >> 16 << 2)
#define XHCI_DBOFF          0x14u
#define XHCI_RTSOFF         0x18u

/* Extended capabilities: 7:0 ID, 15:8 next, in units of 4 bytes */
#define XHCI_EXT_ID(v)      ((v) & 0xffu)
#define XHCI_EXT_NEXT(v)    (((v) >> 8 & 0xffu) << 2)
#define XHCI_EXT_LEGACY     1u
#define XHCI_LEGACY_SMI     4u          /* offset: 15:0 enables, 31:29 W1C */
#define XHCI_EXT_PROTOCOL   2u          /* 31:24 major revision */
#define XHCI_PROTOCOL_PORTS 8u          /* offset: 7:0 first, 15:8 count */

/* Operational registers, from CAPLENGTH on */
#define XHCI_USBCMD         0x00u
#define XHCI_CMD_RUN        (1u << 0)
#define XHCI_CMD_RESET      (1u << 1)
#define XHCI_USBSTS         0x04u
#define XHCI_STS_HALTED     (1u << 0)
#define XHCI_STS_NOT_READY  (1u << 11)
#define XHCI_PAGESIZE       0x08u       /* bit 0: 4 KiB */
#define XHCI_CRCR           0x18u       /* 64 bits; bit 0 cycle */
#define XHCI_DCBAAP         0x30u       /* 64 bits */
#define XHCI_CONFIG         0x38u       /* 7:0 slots enabled */
#define XHCI_PORTSC(n)      (0x400u + 0x10u * ((n) - 1))
#define XHCI_PORT_CONNECT   (1u << 0)
#define XHCI_PORT_ENABLED   (1u << 1)   /* W1C: disables */
#define XHCI_PORT_RESET     (1u << 4)
#define XHCI_PORT_POWER     (1u << 9)
#define XHCI_PORT_SPEED(v)  ((v) >> 10 & 0xfu)
#define XHCI_PORT_CHANGES   0x00fe0000u /* W1C */
#define XHCI_PORT_WARM      (1u << 31)  /* warm reset, USB 3 */

/* Interrupter 0, from RTSOFF on */
#define XHCI_ERSTSZ         0x28u
#define XHCI_ERSTBA         0x30u
#define XHCI_ERDP           0x38u
#define XHCI_ERDP_BUSY      (1u << 3)   /* W1C */

struct xhci_trb {
    uint32_t address, address_high;
    uint32_t status;            /* length; in events: 31:24 code, 23:0 left */
    uint32_t control;           /* bit 0 cycle, 15:10 type */
};
_Static_assert(sizeof(struct xhci_trb) == 16, "xHCI 4.11.1");
#define XHCI_MORE_TO_COME   (31u << 17) /* TD size: 31 packets or more */
#define XHCI_LEFT           0xffffffu
#define XHCI_CODE(status)   ((status) >> 24)
#define XHCI_CODE_SUCCESS   1u
#define XHCI_CODE_STALL     6u
#define XHCI_CODE_SHORT     13u
#define XHCI_CYCLE          (1u << 0)
#define XHCI_TOGGLE         (1u << 1)   /* of a link */
#define XHCI_ISP            (1u << 2)   /* event on a short packet */
#define XHCI_CHAIN          (1u << 4)
#define XHCI_IOC            (1u << 5)   /* event on completion */
#define XHCI_IDT            (1u << 6)   /* data are in the TRB */
#define XHCI_DIR_IN         (1u << 16)
#define XHCI_SETUP_OUT      (2u << 16)  /* kind of data stage */
#define XHCI_SETUP_IN       (3u << 16)
#define XHCI_TYPE(n)        ((uint32_t)(n) << 10)
#define XHCI_TYPE_OF(v)     ((v) >> 10 & 0x3fu)
#define XHCI_SLOT(n)        ((uint32_t)(n) << 24)
#define XHCI_SLOT_OF(v)     ((v) >> 24)
#define XHCI_EP(n)          ((uint32_t)(n) << 16)
#define XHCI_EP_OF(v)       ((v) >> 16 & 0x1fu)

enum xhci_type {
    XHCI_NORMAL = 1, XHCI_SETUP, XHCI_DATA, XHCI_STATUS, XHCI_LINK = 6,
    XHCI_ENABLE_SLOT = 9, XHCI_DISABLE_SLOT, XHCI_ADDRESS_DEVICE,
    XHCI_CONFIGURE_ENDPOINT, XHCI_EVALUATE_CONTEXT, XHCI_RESET_ENDPOINT,
    XHCI_STOP_ENDPOINT, XHCI_SET_DEQUEUE,
    XHCI_EVENT_TRANSFER = 32, XHCI_EVENT_COMMAND,
};

/* Slot context (6.2.2) */
#define XHCI_SLOT_MTT       (1u << 25)
#define XHCI_SLOT_HUB       (1u << 26)
/* Endpoint context (6.2.3) */
#define XHCI_EP_STATE       0x7u
#define XHCI_EP_RUNNING     1u
#define XHCI_EP_HALTED      2u

#define XHCI_RING           16u         /* TRBs, a power of two; link last */
#define XHCI_EVENTS         64u
#define XHCI_PROTOCOLS      8u          /* that are looked at */
#define XHCI_SLOTS_MAX      63u
#define XHCI_COMMAND_MS     2000u

struct xhci_ring { struct xhci_trb *trb; uint8_t index, cycle; };

/* What a controller reads and writes.  No ring crosses 64 KiB. */
struct xhci_mem {
    uint64_t contexts[XHCI_SLOTS_MAX + 1];      /* DCBAA */
    struct xhci_trb commands[XHCI_RING];
    struct xhci_trb events[XHCI_EVENTS];
    uint32_t segment[4];        /* the event ring's only one */
};
#define XHCI_MEM_ALIGN      2048u
_Static_assert(sizeof(struct xhci_mem) <= XHCI_MEM_ALIGN, "64 KiB");

struct xhci {
    struct usb_controller hc;   /* first: found by a cast */
    uint8_t *op, *run;
    volatile uint32_t *doorbells;
    struct xhci_mem *mem;
    struct xhci_ring commands;
    struct xhci_pipe *pipes;    /* all that are open */
    uint8_t event, event_cycle; /* the next one */
    uint8_t context_size;       /* 32 or 64 */
    uint8_t slots;              /* enabled */
    bool port_power;            /* has to be switched on */
    /* Major revision, first port, number of ports; 0: none */
    struct xhci_protocol { uint8_t major, first, count; }
    protocol[XHCI_PROTOCOLS];
    bool command_done;
    struct xhci_trb answer;     /* the event of the last command */
};

/* An endpoint, 0 included (there pipe.ep is empty). */
struct xhci_pipe {
    struct usb_pipe pipe;       /* first */
    struct xhci_pipe *next;
    struct xhci_ring ring;
    uint8_t slot, number;       /* number: "device context index" */
    /* The transfer under way, or the last one: */
    bool pending;
    uint8_t first, last;        /* its TRBs */
    uint8_t code;
    uint32_t last_len;          /* bytes of the last TRB */
    uint32_t len, moved;
    uint8_t report[USB_REPORT_MAX];     /* interrupt endpoints */
    struct xhci_trb trbs[XHCI_RING] ALIGNED(16);
};
#define XHCI_PIPE_ALIGN     512u
_Static_assert(sizeof(struct xhci_pipe) <= XHCI_PIPE_ALIGN, "64 KiB");

extern const struct usb_ops xhci_ops;

static inline uint32_t xhci_address(const void *p)
{
    return (uint32_t)(uintptr_t)p;
}

/*
 * Run a command on slot; control: type, flags and endpoint.  The slot that
 * the answer names, or an error.  No answer: the controller is given up.
 */
int xhci_command(struct xhci *x, uint32_t control, unsigned slot,
                 uint32_t address);

/* An empty ring at trb. */
void xhci_ring_reset(struct xhci_ring *ring);

/* Set off an interrupt endpoint's transfer. */
void xhci_arm(struct xhci_pipe *p);

#endif
