/* SPDX-License-Identifier: MIT */
/*
 * PCI: finding all functions and numbering the buses.  Every bus is looked at
 * once; its bridges get consecutive numbers, depth first, so that the list is
 * in bus order.
 *
 * PCI Local Bus 3.0, 3.2.2.3; PCI-to-PCI Bridge 1.2, 3.2.5.
 */
#include <string.h>

#include "core/alloc.h"
#include "fw/fwcfg.h"
#include "hw/chipset.h"
#include "lib/err.h"
#include "lib/print.h"
#include "pci/pci_plan.h"

#define DEVICES_FIRST       32u             /* room to begin with */
#define DEVICES_MAX         4096u
#define BUS_MAX             255u
#define SLOTS               32u
#define FUNCTIONS           8u

#define CAP_VENDOR          0x09u
#define CAP_LEN(head)       ((head) >> 16 & 0xffu)
#define CAP_QEMU_TYPE(head) ((head) >> 24)
#define CAP_QEMU_RESERVE    1u
#define CAP_QEMU_MIN        32u
#define ID_REDHAT_BRIDGE    0x0001u
#define ID_REDHAT_ROOT_PORT 0x000cu

uint16_t pci_bus_bridge[256];

static uint16_t capacity;
static uint8_t last_bus;

/* Each bus that is being walked: which entries are still to be looked at. */
static struct { uint16_t next, end; } walk[256];

uint8_t pci_reserve_cap(const struct pci_device *d)
{
    uint32_t head = 0;

    if (d->vendor != PCI_VENDOR_REDHAT ||
        (d->device != ID_REDHAT_BRIDGE && d->device != ID_REDHAT_ROOT_PORT))
        return 0;
    /* Capabilities have 192 bytes; a loop of them ends here. */
    for (unsigned i = 0; i < 16; i++) {
        uint8_t at = pci_next_cap(d->bdf, CAP_VENDOR, &head);

        if (at == 0)
            return 0;
        if (CAP_QEMU_TYPE(head) == CAP_QEMU_RESERVE)
            return CAP_LEN(head) >= CAP_QEMU_MIN ? at : 0;
    }
    return 0;
}

/* A place for one more device, or NULL (reported). */
static struct pci_device *new_device(void)
{
    struct pci_device *more;

    if (pci_device_count < capacity)
        return &pci_devices[pci_device_count++];
    if (capacity >= DEVICES_MAX) {
        if (capacity == DEVICES_MAX)
            print("PCI: more than %u functions: the rest is left alone\n",
                  DEVICES_MAX);
        capacity = DEVICES_MAX + 1;         /* said once */
        return NULL;
    }
    capacity = capacity ? (uint16_t)(capacity * 2) : DEVICES_FIRST;
    more = malloc_temp(capacity * sizeof(*more), 4);
    if (!more) {
        capacity = DEVICES_MAX + 1;
        return NULL;
    }
    memcpy(more, pci_devices, pci_device_count * sizeof(*more));
    free_zone(pci_devices);
    pci_devices = more;
    return &pci_devices[pci_device_count++];
}

/*
 * Look at one function.  Returns whether there is one; *multi: it says that
 * the device has more.  Bridges are closed until they get their number.
 */
static bool probe(pci_bdf bdf, uint8_t root, bool *multi)
{
    uint32_t id = pci_known_id(bdf), class;
    uint16_t vendor, bridge = pci_bus_bridge[PCI_BUS(bdf)];
    const struct pci_known *known;
    struct pci_device *d;
    uint8_t header;

    if (!id)
        id = pci_read32(bdf, PCI_VENDOR_ID);
    vendor = (uint16_t)id;
    if (vendor == 0 || vendor == 0xffff)
        return false;
    known = pci_known(bdf, id);
    class = known ? known->class
                  : pci_read32(bdf, PCI_CLASS_REVISION) >> 8;
    header = !known ? pci_read8(bdf, PCI_HEADER_TYPE)
                    : known->multi ? PCI_HEADER_MULTI : 0;
    *multi = header & PCI_HEADER_MULTI;
    d = new_device();
    if (!d)
        return true;
    *d = (struct pci_device){
        .bdf = bdf,
        .parent = bridge == PCI_NO_DEVICE ? PCI_NONE
                                          : pci_devices[bridge].bdf,
        .vendor = vendor,
        .device = (uint16_t)(id >> 16),
        .class = (uint16_t)(class >> 8),
        .prog_if = (uint8_t)class,
        .header_type = header & (uint8_t)~PCI_HEADER_MULTI,
        .root = root,
        .known = known,
    };
    if (pci_is_bridge(d)) {
        pci_write8(bdf, PCI_PRIMARY_BUS, PCI_BUS(bdf));
        pci_write8(bdf, PCI_SECONDARY_BUS, BUS_MAX);
        pci_write8(bdf, PCI_SUBORDINATE_BUS, 0);
    }
    return true;
}

static void scan_bus(uint8_t bus, uint8_t root)
{
    walk[bus].next = pci_device_count;
    for (unsigned slot = 0; slot < SLOTS; slot++) {
        bool multi = false, ignored;

        if (!probe(PCI_BDF(bus, slot, 0), root, &multi) || !multi)
            continue;
        for (unsigned fn = 1; fn < FUNCTIONS; fn++)
            (void)probe(PCI_BDF(bus, slot, fn), root, &ignored);
    }
    walk[bus].end = pci_device_count;
}

/* All buses behind a bridge have their numbers. */
static void close_bridge(uint8_t bus)
{
    const struct pci_device *d = &pci_devices[pci_bus_bridge[bus]];
    uint8_t cap = pci_reserve_cap(d);
    uint32_t reserve = cap ? pci_read32(d->bdf, cap + QEMU_RESERVE_BUSES)
                           : UINT32_MAX;

    if (reserve != UINT32_MAX) {
        if (reserve > (uint32_t)(BUS_MAX - bus))
            print("PCI: bridge %02x:%02x.%u wants %u buses reserved, more "
                  "than there are: none are\n", PCI_BUS(d->bdf),
                  PCI_DEV(d->bdf), PCI_FN(d->bdf), reserve);
        else if (bus + reserve > last_bus)
            last_bus = (uint8_t)(bus + reserve);
    }
    pci_write8(d->bdf, PCI_SUBORDINATE_BUS, last_bus);
}

/* Give the next number to a bridge's bus and open the way there. */
static bool open_bridge(uint16_t index)
{
    const struct pci_device *d = &pci_devices[index];

    if (last_bus == BUS_MAX) {
        print("PCI: bridge %02x:%02x.%u gets no bus number, all 256 are in "
              "use: what is behind it is left alone\n", PCI_BUS(d->bdf),
              PCI_DEV(d->bdf), PCI_FN(d->bdf));
        return false;
    }
    last_bus++;
    pci_bus_bridge[last_bus] = index;
    pci_write8(d->bdf, PCI_SECONDARY_BUS, last_bus);
    pci_write8(d->bdf, PCI_SUBORDINATE_BUS, BUS_MAX);
    return true;
}

/* The tree below a root bus.  Returns whether there is anything on it. */
static bool walk_root(uint8_t root_bus, uint8_t root)
{
    uint8_t bus = root_bus;

    scan_bus(bus, root);
    if (walk[bus].next == walk[bus].end)
        return false;
    for (;;) {
        uint16_t i = walk[bus].next;

        if (i < walk[bus].end) {
            walk[bus].next++;
            if (pci_is_bridge(&pci_devices[i]) && open_bridge(i)) {
                bus = last_bus;
                scan_bus(bus, root);
            }
        } else if (bus != root_bus) {
            close_bridge(bus);
            bus = PCI_BUS(pci_devices[pci_bus_bridge[bus]].bdf);
        } else {
            return true;
        }
    }
}

int pci_enumerate(void)
{
    uint64_t extra = fwcfg_number("etc/extra-pci-roots", 0);
    uint8_t root = 0;

    memset(pci_bus_bridge, 0xff, sizeof(pci_bus_bridge));
    (void)walk_root(0, 0);
    while (root < extra && last_bus < BUS_MAX) {
        last_bus++;
        if (walk_root(last_bus, (uint8_t)(root + 1)))
            root++;
    }
    /* Empty root buses at the end were looked for up to 255 in vain. */
    pci_last_bus = last_bus;
    if (root < extra && pci_device_count)
        pci_last_bus = PCI_BUS(pci_devices[pci_device_count - 1].bdf);
    return pci_device_count ? 0 : ERR_SPACE;
}
