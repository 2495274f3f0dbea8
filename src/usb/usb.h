/* SPDX-License-Identifier: MIT */
/*
 * USB: the contract between the core (usb.c, usb_post.c), the class drivers
 * (hubs, mass storage, keyboards) and the host-controller drivers (xhci.c,
 * ehci.c, uhci.c, each with its *_post.c).
 *
 * Order of calls, all in POST: usb_start() once for each controller, while
 * PCI is walked; it calls the driver's start(), which sets off what takes time
 * (a controller's reset) and does not wait for it.  usb_finish() calls, for
 * each controller (all EHCI before any UHCI, whatever their PCI order, so that
 * an EHCI has released what belongs to a companion), begin(), and then for each
 * root port in turn: port_reset(), attach(), SET_ADDRESS unless
 * addresses_itself, 8 bytes of the device descriptor, update(), the
 * configuration, open().  A device that fails is named in a message and left
 * out: detach().  There is never more than one device at address 0.
 *
 * Resident: struct usb_controller, usb_device and usb_pipe, in the high zone,
 * and the usb_ops with all they call.  POST only: usb_bus_ops with all they
 * call, in *_post.c.  Nothing is freed or allocated after POST, and devices
 * that come later are not noticed.
 *
 * No time is slept away: QEMU's ports need neither debouncing nor the 50 ms
 * of a reset nor recovery after it; they are for hc->physical only (100 ms
 * after begin() of all are the core's, as is the recovery; the length of a
 * port's reset is the driver's, where software times it).  Every wait is a
 * struct poll (block.h).
 * Everything that a device or controller answers is hostile: lengths that it
 * reports are cut to what was asked for.
 *
 * Universal Serial Bus Specification 2.0 (5, 8, 9, 11).
 */
#ifndef HW_USB_H
#define HW_USB_H

#include "disk/block.h"
#include "hw/pci.h"

/* As port speed IDs of xHCI (7.2.2.1.1). */
enum usb_speed { USB_FULL = 1, USB_LOW, USB_HIGH, USB_SUPER };

#define USB_DIR_IN          0x80u       /* endpoint address, request type */
#define USB_TYPE_MASK       0x03u       /* of an endpoint's attributes */
#define USB_CONTROL         0u
#define USB_BULK            2u
#define USB_INTERRUPT       3u

#define USB_CONTROL_MAX     1024u       /* bytes of one control transfer */
#define USB_BULK_MAX        65536u      /* bytes of one bulk() */
#define USB_REPORT_MAX      64u         /* bytes of one interrupt report */

/* Setup packet (9.3) */
struct usb_request {
    uint8_t type;               /* bmRequestType; USB_DIR_IN: data comes in */
    uint8_t request;
    uint16_t value, index, len;
} PACKED;
_Static_assert(sizeof(struct usb_request) == 8, "USB 2.0, 9.3");

/* An endpoint, as its descriptor says (bounds were checked). */
struct usb_endpoint {
    uint8_t address;            /* with USB_DIR_IN */
    uint8_t type;               /* USB_BULK, USB_INTERRUPT */
    uint8_t interval;           /* bInterval, as it is */
    uint16_t max_packet;        /* 8..1024 */
};

/* ---------------------------------------------------------------- resident */

/* First in the controller driver's own structure. */
struct usb_controller {
    const struct usb_ops *ops;
    uint8_t *base;              /* its registers, in memory or I/O ports */
    pci_bdf bdf;
    pci_bdf path_bdf;           /* function that QEMU's boot order names: bdf,
                                   or the EHCI whose companion this is (then
                                   path_ports: its ports before ours) */
    uint8_t path_ports;
    bool dead;                  /* given up: fail at once */
    bool physical;              /* not QEMU's, assigned from the host: POST
                                   waits as the specification demands */
};

/*
 * A device; the core allocates it and fills it in, but for priv.
 *
 * Transaction translator: tt_hub is the nearest high-speed hub above a low-
 * or full-speed device, or NULL (the device hangs, over full-speed hubs at
 * most, on a root port of its own speed, or is fast itself); tt_port is the
 * port of that hub through which one gets to the device.
 */
struct usb_device {
    struct usb_controller *hc;
    struct usb_device *hub;     /* its hub, or NULL: on a root port */
    struct usb_device *tt_hub;
    void *priv;                 /* the controller driver's; attach() sets it */
    uint32_t route;             /* xHCI route string: 4 bits for each tier */
    uint8_t root_port;          /* 1.. */
    uint8_t port;               /* of hub, or root_port; 1.. */
    uint8_t tt_port;
    uint8_t speed;              /* enum usb_speed */
    uint8_t depth;              /* hubs above it: 0..5 */
    uint8_t address;            /* 0 until it has one */
    uint16_t max_packet0;       /* until update(): 8, 64 or 512, by speed */
    uint8_t hub_ports;          /* of a hub, once known; otherwise 0 */
    uint8_t tt_think;           /* wHubCharacteristics 6:5 */
    bool tt_multi;              /* a hub with one translator for each port */
};

/* An open endpoint but 0; first in the controller driver's own structure. */
struct usb_pipe {
    struct usb_device *dev;
    struct usb_endpoint ep;
};

/* A bulk transfer of a sequence; moved: the bytes, or an error. */
struct usb_transfer {
    struct usb_pipe *pipe;
    void *buf;
    uint32_t len;
    int moved;
};

/*
 * What a controller does, in POST and later.  All bounded; with the
 * controller dead, ERR_TIMEOUT at once.  Transfers return the number of
 * bytes moved (fewer than asked for is no error), or
 *   ERR_DEVICE   the device stalled (endpoint 0: the next setup clears it;
 *                others: see reset_pipe())
 *   ERR_FORMAT   babble, CRC, no such device: an error of the bus
 *   ERR_TIMEOUT  not finished within timeout_ms.
 * Whatever is returned, the controller does not touch the buffer any more:
 * when a transfer cannot be stopped, the driver says so, takes bus mastering
 * from the controller and sets dead.  After ERR_FORMAT and ERR_TIMEOUT the
 * pipe is used again only after reset_pipe().
 * Buffers lie anywhere below 4 GiB, with any alignment.
 */
struct usb_ops {
    const char *name;           /* "xHCI" */

    /* data: request->len bytes, at most USB_CONTROL_MAX. */
    int (*control)(struct usb_device *dev, const struct usb_request *request,
                   void *data, uint32_t timeout_ms);

    /* len: at most USB_BULK_MAX; 0 sends an empty packet. */
    int (*bulk)(struct usb_pipe *pipe, void *buf, uint32_t len,
                uint32_t timeout_ms);

    /*
     * NULL, or as many as possible of command, data (of any length, 0 as
     * well) and status at once, where one after another would wait for a frame
     * each.  How many were carried out; the next one's moved is the error that
     * it ended with, or left alone: it has not begun.
     */
    unsigned (*command)(struct usb_transfer t[3], uint32_t timeout_ms);

    /*
     * Has an interrupt endpoint a report?  The transfer was set off by
     * open() and is set off again by this.  Does not wait, and asks memory
     * only while there is none: an operating system may own the registers.
     * At most cap bytes are copied.  Returns how many; 0: none yet; an error
     * when the endpoint has failed: nothing was set off again until
     * reset_pipe().
     */
    int (*report)(struct usb_pipe *pipe, void *buf, uint32_t cap);

    /*
     * Make a pipe usable after an error: toggle back to DATA0, queues empty;
     * an interrupt endpoint's transfer is set off again.  The device's side
     * was done by the core (CLEAR_FEATURE ENDPOINT_HALT).
     */
    int (*reset_pipe)(struct usb_pipe *pipe);
};

/*
 * Control transfer of the core's default time-out.  As ops->control(), but
 * ERR_FORMAT when an IN transfer is shorter than min.
 */
int usb_control(struct usb_device *dev, uint8_t type, uint8_t request,
                uint16_t value, uint16_t index, void *data, uint16_t len,
                uint16_t min);

/* It may write to memory at any time from now on: not any more.  what went
 * wrong is told. */
void usb_give_up(struct usb_controller *hc, const char *what);

/* CLEAR_FEATURE(ENDPOINT_HALT), then reset_pipe(). */
int usb_clear_halt(struct usb_pipe *pipe);

/* --------------------------------------------------------------- POST only */

/* Until a controller has stopped, run or is reset: the specifications say
 * microseconds to 50 ms, but a host of QEMU may be busy. */
#define USB_HC_TIMEOUT_MS   2000u

/*
 * A request or a command that will most likely be asked for next: so many of
 * these are done in one frame, where each would wait for one of its own.
 */
#define USB_AHEAD_MAX       6u          /* of them */
#define USB_AHEAD_DATA      192u        /* bytes that come in, at most */
#define USB_AHEAD_STATUS    13u         /* of a command (BOT 5.2) */
struct usb_ahead {
    struct usb_device *dev;
    struct usb_pipe *out, *in;  /* NULL: a request */
    uint8_t order[31];          /* that, or a command's wrapper (BOT 5.1) */
    uint8_t len;                /* bytes that come in */
    /* The driver's: */
    uint16_t packet;            /* max_packet0 that it was done with */
    uint8_t count[3];           /* packets of each stage */
    uint8_t done;               /* stages carried out */
    int moved[3];
    uint8_t data[USB_AHEAD_DATA], status[USB_AHEAD_STATUS];
};
_Static_assert(USB_AHEAD_DATA <= UINT8_MAX, "len");

/* What a controller driver does in POST. */
struct usb_bus_ops {
    const struct usb_ops *ops;
    uint8_t prog_if;            /* PCI programming interface */
    uint8_t bar;                /* of the registers */
    bool io;                    /* they are I/O ports */
    uint16_t size;              /* of the driver's own structure */

    /* SET_ADDRESS is the controller's (xHCI): attach() sets dev->address. */
    bool addresses_itself;
    bool last;                  /* UHCI: after all other kinds */

    /* The registers can be reached: stop the controller, take it from the
     * system that ran before, set off its reset.  0 or an error, which was
     * printed. */
    int (*start)(struct usb_controller *hc);

    /*
     * Wait for the reset that start() set off, make queues, run, power the
     * ports.  The number of root ports, or an error, which was printed.
     */
    int (*begin)(struct usb_controller *hc);

    /*
     * Reset and enable a root port, 1 up to begin()'s number.  Its
     * enum usb_speed; ERR_ABSENT: nothing there, or it was handed to the
     * companion; other errors: the core prints them.
     */
    int (*port_reset)(struct usb_controller *hc, unsigned port);
    /* Disable it again, for the device failed. */
    void (*port_disable)(struct usb_controller *hc, unsigned port);

    /* The number that QEMU's boot order gives to a root port; NULL: the
     * same. */
    unsigned (*port_name)(struct usb_controller *hc, unsigned port);

    /* A new device, at address 0.  Makes endpoint 0 work. */
    int (*attach)(struct usb_device *dev);

    /*
     * NULL, or do these at once, up to the first that fails or is answered
     * shorter than asked for.  The next calls of control() and command() get
     * the results as long as they ask just this in this order; with the first
     * that does not, the rest is forgotten, as it is with the next list
     * (count 0: none).  What has failed is asked for again, but for time-outs
     * and commands: these end as they would have.  The list stays until then.
     * Before commands there are no requests but those for data.
     */
    void (*ahead)(struct usb_controller *hc, struct usb_ahead *list,
                  unsigned count);

    /* The device is not used: release what hardware holds (xHCI: a slot) and
     * its memory; pipes that were opened are never used again, and dev is
     * freed behind this.  NULL: nothing to do. */
    void (*detach)(struct usb_device *dev);

    /* max_packet0, or hub_ports with tt_*, are known now.  NULL: all of the
     * device is looked up at each transfer. */
    int (*update)(struct usb_device *dev);

    /* Open a bulk or interrupt endpoint (after SET_CONFIGURATION).  NULL: no
     * room, no memory or not possible (a period, for example); printed. */
    struct usb_pipe *(*open)(struct usb_device *dev,
                             const struct usb_endpoint *ep);
};

extern const struct usb_bus_ops xhci_bus_ops, ehci_bus_ops, uhci_bus_ops;

/* Say why a controller is not used.  ERR_DEVICE. */
int usb_ignore(const struct usb_controller *hc, const char *why);

/* "xHCI PCI:00:04.0", for messages: print(USB_WHO ": ...", USB_WHO_ARGS(hc)) */
#define USB_WHO             "%s PCI:%02x:%02x.%x"
#define USB_WHO_ARGS(hc)    (hc)->ops->name, PCI_BUS((hc)->bdf),            \
                            PCI_DEV((hc)->bdf), PCI_FN((hc)->bdf)

/* What the rest of POST calls. */
void usb_start(struct pci_device *pci);     /* class 0C03h */
void usb_finish(void);

#endif
