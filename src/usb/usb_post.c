/* SPDX-License-Identifier: MIT */
/*
 * Finding the devices on all USB controllers.  POST only.
 */
#include "usb/usb_std.h"

#include <string.h>

#include "core/alloc.h"
#include "lib/print.h"

/* What hostile devices and hubs can cost at most, with USB_DEVICES_MAX */
#define SEARCH_TIMEOUT_MS   30000u

/* For physical buses only */
#define SETTLE_US           100000u     /* 7.1.7.3: debouncing */
#define RECOVERY_US         10000u      /* 7.1.7.5: after a port's reset */

#define CONFIG_FIRST        64u         /* bytes, before the length is known:
                                           all there is of most devices */
#define CONFIG_USUAL        1u          /* the value of the only one */
#define LAST_ADDRESS        127u
#define DEPTH_MAX           5u

struct bus {
    struct bus *next;
    struct usb_controller *hc;
    const struct usb_bus_ops *ops;
    int ports;
    uint8_t last_address;
};

struct usb_search usb_search;

static struct bus *bus_of(const struct usb_controller *hc)
{
    struct bus *b = usb_search.buses;

    while (b->hc != hc)         /* all controllers are there */
        b = b->next;
    return b;
}

const struct usb_bus_ops *usb_bus_of(const struct usb_controller *hc)
{
    return bus_of(hc)->ops;
}

/* Says so, once. */
static bool enough(void)
{
    if (!usb_search.over)
        print("USB: %u devices or %u s are enough, the rest is ignored\n",
              USB_DEVICES_MAX, SEARCH_TIMEOUT_MS / 1000);
    usb_search.over = true;
    return true;
}

bool usb_late(void)
{
    return timer_seen(&usb_search.end) && enough();
}

bool usb_enough(void)
{
    return usb_late() || (usb_search.devices >= USB_DEVICES_MAX && enough());
}

int usb_ignore(const struct usb_controller *hc, const char *why)
{
    print(USB_WHO ": %s, controller ignored\n", USB_WHO_ARGS(hc), why);
    return ERR_DEVICE;
}

static void start(struct pci_device *pci, const struct usb_bus_ops *ops)
{
    struct bus **at = &usb_search.buses;
    struct bus *b = malloc_temp(sizeof(*b), 4);
    struct usb_controller *hc = malloc_high(ops->size, 8);
    bool io;

    if (b == NULL || hc == NULL)
        return;                 /* the allocator has said it */
    hc->ops = ops->ops;
    hc->bdf = hc->path_bdf = pci->bdf;
    hc->physical = pci_read16(pci->bdf, PCI_SUBSYS_VENDOR) != PCI_VENDOR_VIRTIO;
    hc->base = (uint8_t *)(uintptr_t)pci_bar(pci, ops->bar, &io);
    if (hc->base == NULL || io != ops->io) {
        (void)usb_ignore(hc, "registers not below 4 GiB");
        return;
    }
    pci_enable(pci, PCI_COMMAND_MASTER |
                    (io ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY));
    if (ops->start(hc) < 0)
        return;
    pci->have_driver = true;
    b->hc = hc;
    b->ops = ops;
    while (*at != NULL && (!(*at)->ops->last || ops->last))
        at = &(*at)->next;
    b->next = *at;
    *at = b;
}

void usb_start(struct pci_device *pci)
{
    static const struct usb_bus_ops *const kinds[] = {
        &xhci_bus_ops, &ehci_bus_ops, &uhci_bus_ops,
    };

    for (unsigned i = 0; i < ARRAY_SIZE(kinds); i++)
        if (kinds[i]->prog_if == pci->prog_if)
            start(pci, kinds[i]);
}

/* ---------------------------------------------------------------- names */

/* The number that people and QEMU give to a device's port. */
static unsigned port_number(const struct usb_device *dev)
{
    const struct usb_bus_ops *ops = usb_bus_of(dev->hc);

    return dev->hub == NULL && ops->port_name != NULL
        ? ops->port_name(dev->hc, dev->port) : dev->port;
}

size_t usb_path(const struct usb_device *dev, const char *name, char *buf,
                size_t cap)
{
    size_t len = dev->hub == NULL ? 0 : usb_path(dev->hub, "hub", buf, cap);

    if (dev->hub != NULL && len < cap)
        len += (size_t)format(buf + len, cap - len, "/");
    if (len < cap)
        len += (size_t)format(buf + len, cap - len, "%s@%x", name,
                              port_number(dev));
    return len;
}

void usb_print(const struct usb_device *dev, const char *what, int rc)
{
    char path[USB_PATH_SIZE];

    (void)usb_path(dev, "device", path, sizeof(path));
    print(USB_WHO " %s: %s, ignored\n", USB_WHO_ARGS(dev->hc), path,
          rc == ERR_TIMEOUT ? "does not answer" : what);
}

/* -------------------------------------------------------------- a device */

static int give_up(const struct usb_device *dev, const char *what, int rc)
{
    usb_print(dev, what, rc);
    return rc;
}

struct usb_ahead *usb_ahead_list(struct usb_device *dev)
{
    if (usb_bus_of(dev->hc)->ahead == NULL || dev->hc->physical)
        return NULL;
    if (usb_search.ahead == NULL)
        usb_search.ahead = malloc_temp(USB_AHEAD_MAX *
                                       sizeof(*usb_search.ahead), 4);
    for (unsigned i = 0; usb_search.ahead != NULL && i < USB_AHEAD_MAX; i++)
        usb_search.ahead[i].dev = dev;
    return usb_search.ahead;
}

void usb_ahead_request(struct usb_ahead *a, uint8_t type, uint8_t request,
                       uint16_t value, uint16_t index, uint8_t len)
{
    struct usb_request r = { type, request, value, index, len };

    memcpy(a->order, &r, sizeof(r));
    a->out = NULL;
    a->len = len;
}

/* What meet() and configure() ask of nearly every device. */
static void ask_ahead(struct usb_device *dev, uint8_t address)
{
    struct usb_ahead *a = usb_ahead_list(dev);

    if (a == NULL)
        return;
    usb_ahead_request(&a[0], USB_REQ_TO_DEVICE, USB_SET_ADDRESS, address, 0,
                      0);
    usb_ahead_request(&a[1], USB_DIR_IN, USB_GET_DESCRIPTOR,
                      USB_DESC_DEVICE << 8, 0, USB_DEVICE_HEAD);
    usb_ahead_request(&a[2], USB_DIR_IN, USB_GET_DESCRIPTOR,
                      USB_DESC_CONFIG << 8, 0, CONFIG_FIRST);
    usb_ahead_request(&a[3], USB_REQ_TO_DEVICE, USB_SET_CONFIGURATION,
                      CONFIG_USUAL, 0, 0);
    usb_bus_of(dev->hc)->ahead(dev->hc, a, 4);
}

/* An address, and how long its packets are. */
static int meet(struct usb_device *dev, uint8_t head[USB_DEVICE_HEAD])
{
    struct bus *b = bus_of(dev->hc);
    unsigned packet;
    int rc;

    rc = b->ops->attach(dev);
    if (rc < 0)
        return rc;
    if (!b->ops->addresses_itself) {
        if (b->last_address == LAST_ADDRESS)
            return ERR_SPACE;
        ask_ahead(dev, ++b->last_address);
        rc = usb_control(dev, USB_REQ_TO_DEVICE, USB_SET_ADDRESS,
                         b->last_address, 0, NULL, 0, 0);
        if (rc < 0)
            return rc;
        dev->address = b->last_address;
    }
    if (dev->hc->physical)
        timer_delay_us(RECOVERY_US);
    rc = usb_control(dev, USB_DIR_IN, USB_GET_DESCRIPTOR,
                     USB_DESC_DEVICE << 8, 0, head, USB_DEVICE_HEAD,
                     USB_DEVICE_HEAD);
    if (rc < 0)
        return rc;
    packet = head[USB_DEVICE_PACKET];
    if (dev->speed == USB_SUPER)
        packet = packet == 9 ? 512 : 0;
    if (packet != 8 && packet != 16 && packet != 32 && packet != 64 &&
        packet != 512)
        return ERR_FORMAT;
    if (packet == dev->max_packet0)
        return 0;
    dev->max_packet0 = (uint16_t)packet;
    return b->ops->update != NULL ? b->ops->update(dev) : 0;
}

/* The first configuration, at most USB_CONTROL_MAX bytes; how many came. */
static int read_config(struct usb_device *dev, uint8_t *config)
{
    unsigned total;
    int rc = usb_control(dev, USB_DIR_IN, USB_GET_DESCRIPTOR,
                         USB_DESC_CONFIG << 8, 0, config, CONFIG_FIRST, 9);

    if (rc < 0)
        return rc;
    total = config[2] | config[3] << 8;
    if (total <= CONFIG_FIRST || rc < (int)CONFIG_FIRST)
        return rc;
    if (total > USB_CONTROL_MAX)
        total = USB_CONTROL_MAX;
    return usb_control(dev, USB_DIR_IN, USB_GET_DESCRIPTOR,
                       USB_DESC_CONFIG << 8, 0, config, (uint16_t)total, 9);
}

/* Start an interface.  0; ERR_ABSENT: of no use to us; others: printed. */
static int start_interface(struct usb_device *dev,
                           const struct usb_interface *i)
{
    switch (i->class) {
    case USB_CLASS_STORAGE:
        return usb_msc_start(dev, i);
    case USB_CLASS_HID:
        return usb_kbd_start(dev, i);
    }
    return ERR_ABSENT;
}

static int configure(struct usb_device *dev, bool hub, uint8_t *config)
{
    int len = read_config(dev, config), value, rc;
    bool used = false;
    struct usb_interface i;
    struct rd r;

    if (len < 0)
        return give_up(dev, "gives no configuration", len);
    value = usb_config_open(&r, config, (size_t)len);
    if (value < 0)
        return give_up(dev, "gives a broken configuration", value);
    rc = usb_control(dev, USB_REQ_TO_DEVICE, USB_SET_CONFIGURATION,
                     (uint16_t)value, 0, NULL, 0, 0);
    if (rc < 0)
        return give_up(dev, "refuses its configuration", rc);
    if (hub)
        return usb_hub_start(dev);
    while (!usb_late() && usb_config_next(&r, &i))
        used |= start_interface(dev, &i) == 0;
    return used ? 0 : ERR_ABSENT;
}

/* Where the device is, from where its hub is. */
static void place(struct usb_device *dev, struct usb_device *hub,
                  unsigned port)
{
    dev->port = (uint8_t)port;
    dev->hub = hub;
    if (hub == NULL) {
        dev->root_port = (uint8_t)port;
        return;
    }
    dev->depth = hub->depth + 1;
    dev->root_port = hub->root_port;
    dev->route = hub->route | port << (4 * hub->depth);
    if (dev->speed != USB_LOW && dev->speed != USB_FULL)
        return;
    if (hub->speed == USB_HIGH) {
        dev->tt_hub = hub;
        dev->tt_port = (uint8_t)port;
    } else {
        dev->tt_hub = hub->tt_hub;
        dev->tt_port = hub->tt_port;
    }
}

int usb_new_device(struct usb_controller *hc, struct usb_device *hub,
                   unsigned port, enum usb_speed speed)
{
    static const uint16_t first_packet[] = {
        [USB_FULL] = 64, [USB_LOW] = 8, [USB_HIGH] = 64, [USB_SUPER] = 512,
    };
    struct usb_device *dev = malloc_high(sizeof(*dev), 4);
    uint8_t *config = malloc_temp(USB_CONTROL_MAX, 4);
    uint8_t head[USB_DEVICE_HEAD] ALIGNED(4);
    int rc;

    usb_search.devices++;
    if (dev == NULL || config == NULL)
        return ERR_SPACE;       /* the allocator has said it */
    dev->hc = hc;
    dev->speed = (uint8_t)speed;
    place(dev, hub, port);
    dev->max_packet0 = first_packet[speed];
    if (hc->physical)
        timer_delay_us(RECOVERY_US);
    if (dev->depth > DEPTH_MAX) {
        rc = give_up(dev, "hangs on too many hubs", ERR_PARAM);
    } else {
        rc = meet(dev, head);
        if (rc < 0)
            (void)give_up(dev, "does not introduce itself properly", rc);
        else
            rc = configure(dev, head[USB_DEVICE_CLASS] == USB_CLASS_HUB,
                           config);
    }
    free_zone(config);
    if (usb_bus_of(hc)->ahead != NULL)
        usb_bus_of(hc)->ahead(hc, NULL, 0);
    if (rc < 0) {
        if (usb_bus_of(hc)->detach != NULL)
            usb_bus_of(hc)->detach(dev);
        free_zone(dev);
    }
    return rc;
}

/* ------------------------------------------------------------- all of them */

static void search_port(struct bus *b, unsigned port)
{
    int speed = b->ops->port_reset(b->hc, port);

    if (speed == ERR_ABSENT)
        return;
    if (speed < 0) {
        print(USB_WHO ": port %u cannot be reset, device ignored\n",
              USB_WHO_ARGS(b->hc), port);
        return;
    }
    if (usb_new_device(b->hc, NULL, port, (enum usb_speed)speed) < 0)
        b->ops->port_disable(b->hc, port);
}

void usb_finish(void)
{
    bool physical = false;

    for (struct bus *b = usb_search.buses; b != NULL; b = b->next) {
        b->ports = b->ops->begin(b->hc);
        physical |= b->hc->physical;
    }
    if (physical)
        timer_delay_us(SETTLE_US);
    usb_search.end = timer_deadline_seen_ms(SEARCH_TIMEOUT_MS);
    for (struct bus *b = usb_search.buses; b != NULL; b = b->next)
        for (int port = 1; port <= b->ports && !b->hc->dead; port++)
            if (!usb_enough())
                search_port(b, (unsigned)port);
}
