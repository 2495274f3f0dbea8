/* SPDX-License-Identifier: MIT */
/*
 * Bringing up a virtio PCI device, modern (1.0) or legacy (0.9).  POST only.
 */
#include "hba/virtio_post.h"

#include "core/alloc.h"
#include "disk/block.h"
#include "lib/io.h"
#include "lib/print.h"

#define PCI_CAP_VENDOR      0x09u
/* Vendor capability of virtio, offsets in it (VIRTIO 1.1, 4.1.4) */
#define CAP_TYPE(head)      ((head) >> 24)
#define CAP_BAR             4u
#define CAP_OFFSET          8u
#define CAP_MULTIPLIER      16u
#define CAP_TYPE_COMMON     1u
#define CAP_TYPE_NOTIFY     2u
#define CAP_TYPE_DEVICE     4u
#define CAP_MAX             48u         /* capabilities in 256 bytes */

/* Common configuration (4.1.4.3) */
#define COMMON_FEATURE_SELECT 0x00u     /* 32 */
#define COMMON_FEATURE      0x04u       /* 32 */
#define COMMON_DRIVER_SELECT 0x08u      /* 32 */
#define COMMON_DRIVER       0x0cu       /* 32 */
#define COMMON_STATUS       0x14u       /* 8 */
#define COMMON_QUEUE_SELECT 0x16u       /* 16 */
#define COMMON_QUEUE_SIZE   0x18u       /* 16 */
#define COMMON_QUEUE_ENABLE 0x1cu       /* 16 */
#define COMMON_QUEUE_NOTIFY 0x1eu       /* 16 */
#define COMMON_QUEUE_DESC   0x20u       /* 64 */
#define COMMON_QUEUE_DRIVER 0x28u       /* 64 */
#define COMMON_QUEUE_DEVICE 0x30u       /* 64 */
#define COMMON_LEN          0x38u

/* Legacy registers (4.1.4.8), offsets from the I/O BAR */
#define LEGACY_FEATURES     0x00u       /* 32 */
#define LEGACY_DRIVER       0x04u       /* 32 */
#define LEGACY_QUEUE_PAGE   0x08u       /* 32: address >> 12 */
#define LEGACY_QUEUE_SIZE   0x0cu       /* 16 */
#define LEGACY_QUEUE_SELECT 0x0eu       /* 16 */
#define LEGACY_NOTIFY       0x10u       /* 16 */
#define LEGACY_STATUS       0x12u       /* 8 */
#define LEGACY_CONFIG       0x14u       /* without MSI-X */

#define RESET_TIMEOUT_MS    1000u

static uint8_t get_status(const struct virtio_setup *s)
{
    return s->port ? inb(s->port + LEGACY_STATUS)
                   : mmio_read8(s->common + COMMON_STATUS);
}

static void set_status(const struct virtio_setup *s, uint8_t v)
{
    if (s->port)
        outb(s->port + LEGACY_STATUS, v);
    else
        mmio_write8(s->common + COMMON_STATUS, v);
}

/*
 * The memory that a capability describes, and how much there is from there on.
 * Its own length is not asked for: the standard says what is there, or an
 * agreed feature.  NULL when it is in an I/O BAR, above 4 GiB, or not all of it
 * (min bytes) in its BAR.
 */
static uint8_t *cap_memory(const struct pci_device *d, uint8_t cap,
                           uint32_t min, uint32_t *len)
{
    uint8_t bar = pci_read8(d->bdf, cap + CAP_BAR);
    uint32_t offset = pci_read32(d->bdf, cap + CAP_OFFSET);
    uint32_t base, size;
    bool io;

    if (bar > 5)
        return NULL;
    base = pci_bar(d, bar, &io);
    /* A BAR is aligned to its size: what reaches beyond is not in it. */
    size = base & (0u - base);
    if (base == 0 || io || offset > size || size - offset < min)
        return NULL;
    *len = size - offset;
    return (uint8_t *)(uintptr_t)(base + offset);
}

static void find_modern(struct virtio_setup *s, const struct pci_device *d)
{
    uint32_t len, head = 0;

    for (unsigned n = 0; n < CAP_MAX; n++) {
        uint8_t cap;

        if (s->common && s->notify && s->config)
            break;
        cap = pci_next_cap(d->bdf, PCI_CAP_VENDOR, &head);
        if (cap == 0)
            break;
        switch (CAP_TYPE(head)) {
        case CAP_TYPE_COMMON:
            if (s->common == NULL)
                s->common = cap_memory(d, cap, COMMON_LEN, &len);
            break;
        case CAP_TYPE_NOTIFY:
            if (s->notify == NULL) {
                s->notify = cap_memory(d, cap, 2, &s->notify_len);
                s->notify_cap = cap;
            }
            break;
        case CAP_TYPE_DEVICE:
            if (s->config == NULL)
                s->config = cap_memory(d, cap, 4, &s->config_len);
            break;
        default:
            break;              /* interrupts, access by configuration */
        }
    }
}

/* The machine's reset was the device's, too, most often. */
static int reset(const struct virtio_setup *s, const char *who)
{
    struct poll p;

    if (get_status(s) == 0)
        return 0;
    set_status(s, 0);
    p = poll_start(RESET_TIMEOUT_MS);
    while (get_status(s) != 0) {
        if (!poll_again(&p)) {
            print("%s: reset not done within %u s, device ignored\n", who,
                  RESET_TIMEOUT_MS / 1000);
            return ERR_TIMEOUT;
        }
    }
    return 0;
}

int virtio_open(struct virtio_setup *s, struct pci_device *d, const char *who)
{
    *s = (struct virtio_setup){ .bdf = d->bdf };
    find_modern(s, d);
    if (s->common == NULL || s->notify == NULL || s->config == NULL) {
        bool io;
        uint32_t port = pci_bar(d, 0, &io);

        if (port == 0 || !io) {
            print("%s: registers not below 4 GiB, device ignored\n", who);
            return ERR_ABSENT;
        }
        s->port = (uint16_t)port;
    }
    pci_enable(d, PCI_COMMAND_MASTER |
               (s->port ? PCI_COMMAND_IO : PCI_COMMAND_MEMORY));
    if (reset(s, who) != 0)
        return ERR_TIMEOUT;
    set_status(s, VIRTIO_ACKNOWLEDGE);
    set_status(s, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER);
    return 0;
}

int virtio_features(struct virtio_setup *s, uint64_t wanted, uint64_t *got)
{
    uint32_t low, high;

    wanted |= VIRTIO_F_INDIRECT;
    if (s->port) {
        low = inl(s->port + LEGACY_FEATURES) & (uint32_t)wanted;
        outl(s->port + LEGACY_DRIVER, low);
        s->indirect = low & VIRTIO_F_INDIRECT;
        *got = low;
        return 0;
    }
    wanted |= VIRTIO_F_VERSION_1 | VIRTIO_F_ACCESS_PLATFORM;
    mmio_write32(s->common + COMMON_FEATURE_SELECT, 0);
    low = mmio_read32(s->common + COMMON_FEATURE) & (uint32_t)wanted;
    mmio_write32(s->common + COMMON_FEATURE_SELECT, 1);
    high = mmio_read32(s->common + COMMON_FEATURE) &
        (uint32_t)(wanted >> 32);
    mmio_write32(s->common + COMMON_DRIVER_SELECT, 0);
    mmio_write32(s->common + COMMON_DRIVER, low);
    mmio_write32(s->common + COMMON_DRIVER_SELECT, 1);
    mmio_write32(s->common + COMMON_DRIVER, high);
    set_status(s, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_FEATURES_OK);
    s->indirect = low & VIRTIO_F_INDIRECT;
    *got = (uint64_t)high << 32 | low;
    return (*got & VIRTIO_F_VERSION_1) &&
        (get_status(s) & VIRTIO_FEATURES_OK) ? 0 : ERR_DEVICE;
}

uint32_t virtio_config32(const struct virtio_setup *s, uint32_t offset)
{
    if (s->port)
        return inl((uint16_t)(s->port + LEGACY_CONFIG + offset));
    if (offset > s->config_len || s->config_len - offset < 4)
        return 0;
    return mmio_read32(s->config + offset);
}

/* Memory for a queue of v->size entries; used ring at the given alignment. */
static int allocate_rings(struct virtio *v, uint32_t align)
{
    uint32_t avail = v->size * sizeof(struct virtq_desc);
    uint32_t used = ALIGN_UP(avail + sizeof(struct virtq_avail) +
                             2u * v->size + 2u, align);
    uint32_t total = used + sizeof(struct virtq_used) +
        v->size * sizeof(struct virtq_used_elem) + 2u;
    uint8_t *at = malloc_high(total, align < 16 ? 16 : align);

    if (at == NULL)
        return ERR_SPACE;
    v->desc = (struct virtq_desc *)at;
    if (v->size < VIRTQ_OUR_SIZE) {
        v->table = malloc_high(VIRTQ_OUR_SIZE * sizeof(*v->table), 16);
        if (v->table == NULL)
            return ERR_SPACE;
    }
    v->avail = (struct virtq_avail *)(at + avail);
    v->used = (struct virtq_used *)(at + used);
    v->avail->flags = VIRTQ_AVAIL_NO_INTERRUPT;
    return 0;
}

/* A size that the device can have and we can use, from the one it gives. */
static int check_size(const struct virtio_setup *s, struct virtio *v)
{
    if (v->size == 0)
        return ERR_ABSENT;
    if (v->size > VIRTQ_MAX_SIZE || (v->size & (v->size - 1u)) != 0 ||
        (v->size < VIRTQ_OUR_SIZE && !s->indirect))
        return ERR_FORMAT;
    return 0;
}

static void write64(uint8_t *reg, const volatile void *p)
{
    mmio_write32(reg, (uint32_t)(uintptr_t)p);
    mmio_write32(reg + 4, 0);
}

static int legacy_queue(struct virtio_setup *s, struct virtio *v)
{
    int rc;

    outw(s->port + LEGACY_QUEUE_SELECT, v->queue);
    v->size = inw(s->port + LEGACY_QUEUE_SIZE);
    rc = check_size(s, v);
    if (rc < 0)
        return rc;
    rc = allocate_rings(v, VIRTQ_LEGACY_ALIGN);
    if (rc < 0)
        return rc;
    outl(s->port + LEGACY_QUEUE_PAGE,
         (uint32_t)(uintptr_t)v->desc / VIRTQ_LEGACY_ALIGN);
    v->notify_port = (uint16_t)(s->port + LEGACY_NOTIFY);
    return 0;
}

int virtio_queue(struct virtio_setup *s, struct virtio *v)
{
    uint64_t offset;
    int rc;

    if (s->port)
        return legacy_queue(s, v);
    mmio_write16(s->common + COMMON_QUEUE_SELECT, v->queue);
    v->size = mmio_read16(s->common + COMMON_QUEUE_SIZE);
    if (v->size > VIRTQ_OUR_SIZE || v->size == 3) {
        v->size = v->size == 3 ? 2 : VIRTQ_OUR_SIZE;
        mmio_write16(s->common + COMMON_QUEUE_SIZE, v->size);
    }
    rc = check_size(s, v);
    if (rc < 0)
        return rc;
    rc = allocate_rings(v, 4);
    if (rc < 0)
        return rc;
    write64(s->common + COMMON_QUEUE_DESC, v->desc);
    write64(s->common + COMMON_QUEUE_DRIVER, v->avail);
    write64(s->common + COMMON_QUEUE_DEVICE, v->used);
    offset = mmio_read16(s->common + COMMON_QUEUE_NOTIFY);
    if (offset)
        offset *= pci_read32(s->bdf, s->notify_cap + CAP_MULTIPLIER);
    if (offset > s->notify_len - 2u)
        return ERR_FORMAT;
    v->notify = (volatile uint16_t *)(s->notify + (uint32_t)offset);
    mmio_write16(s->common + COMMON_QUEUE_ENABLE, 1);
    return 0;
}

void virtio_go(const struct virtio_setup *s)
{
    set_status(s, VIRTIO_ACKNOWLEDGE | VIRTIO_DRIVER | VIRTIO_DRIVER_OK |
               (s->port ? 0 : VIRTIO_FEATURES_OK));
}

void virtio_fail(const struct virtio_setup *s)
{
    set_status(s, 0);
    set_status(s, VIRTIO_FAILED);
}
