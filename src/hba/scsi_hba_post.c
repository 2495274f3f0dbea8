/* SPDX-License-Identifier: MIT */
/*
 * Bringing up the SCSI adapters that are not virtio, and finding what is on
 * them.  POST only.
 */
#include "hba/scsi_hba.h"

#include "core/alloc.h"
#include "hba/lsi.h"
#include "hba/megasas.h"
#include "hba/pvscsi.h"
#include "lib/io.h"
#include "lib/print.h"

#define BARS                6u
#define PRINT_ADDRESS(p)    PCI_BUS((p)->bdf), PCI_DEV((p)->bdf), \
                            PCI_FN((p)->bdf)

struct started {
    struct started *next;
    const struct drive_ops *ops;
    void *host;
    pci_bdf bdf;
    uint16_t targets;
};
static struct started *started, **started_end = &started;

/* The first I/O port that the device decodes, or 0 (reported). */
static uint16_t io_bar(const struct pci_device *pci)
{
    for (unsigned n = 0; n < BARS; n++) {
        bool io;
        uint32_t at = pci_bar(pci, n, &io);

        if (io && at != 0)
            return (uint16_t)at;
    }
    print("SCSI adapter %02x:%02x.%x: no I/O ports, ignored\n",
          PRINT_ADDRESS(pci));
    return 0;
}

static void add(struct pci_device *pci, const struct drive_ops *ops,
                void *host, unsigned targets)
{
    struct started *s = malloc_temp(sizeof(*s), 4);

    if (s == NULL)
        return;                 /* the allocator has said it */
    pci_enable(pci, PCI_COMMAND_MASTER);
    pci->have_driver = true;
    *s = (struct started){
        .ops = ops, .host = host, .bdf = pci->bdf,
        .targets = (uint16_t)targets,
    };
    *started_end = s;
    started_end = &s->next;
}

static void lsi_start(struct pci_device *pci)
{
    uint16_t port = io_bar(pci);
    struct lsi *h = port ? malloc_high(sizeof(*h), 16) : NULL;

    if (h == NULL)
        return;
    h->port = port;
    outb(port + LSI_ISTAT, LSI_ISTAT_RESET);
    outb(port + LSI_ISTAT, 0);
    add(pci, &lsi_ops, h, LSI_TARGETS);
}

static void megasas_start(struct pci_device *pci)
{
    uint16_t port = io_bar(pci);
    struct megasas *h = port ? malloc_high(MEGASAS_MEMORY, MEGASAS_ALIGN)
                             : NULL;

    if (h == NULL)
        return;
    h->port = port;
    add(pci, &megasas_ops, h, MEGASAS_TARGETS);
}

static void pvscsi_start(struct pci_device *pci)
{
    uint8_t *pages = malloc_high(3 * PVSCSI_PAGE, PVSCSI_PAGE);
    struct pvscsi *h = malloc_high(sizeof(*h), 8);
    uint64_t page = (uintptr_t)pages / PVSCSI_PAGE;
    struct pvscsi_rings rings = {
        .request_pages = 1, .completion_pages = 1, .state_page = page,
        .request_page = { page + 1 }, .completion_page = { page + 2 },
    };
    bool io;

    if (pages == NULL || h == NULL)
        return;
    h->regs = (uint8_t *)(uintptr_t)pci_bar(pci, 0, &io);
    if (h->regs == NULL || io) {
        print("pvscsi %02x:%02x.%x: registers not below 4 GiB, ignored\n",
              PRINT_ADDRESS(pci));
        return;
    }
    h->state = (struct pvscsi_state *)pages;
    h->requests = (struct pvscsi_request *)(pages + PVSCSI_PAGE);
    h->completions = (struct pvscsi_completion *)(pages + 2 * PVSCSI_PAGE);
    h->state->request_log2 = PVSCSI_REQUESTS_LOG2;
    h->state->completion_log2 = PVSCSI_COMPLETIONS_LOG2;
    add(pci, &pvscsi_ops, h, PVSCSI_TARGETS);
    mmio_write32(h->regs + PVSCSI_COMMAND, PVSCSI_RESET);
    mmio_write32(h->regs + PVSCSI_COMMAND, PVSCSI_SETUP_RINGS);
    for (unsigned i = 0; i < sizeof(rings) / 4; i++)
        mmio_write32(h->regs + PVSCSI_DATA, ((const uint32_t *)&rings)[i]);
}

static const struct {
    uint16_t vendor, device;
    void (*start)(struct pci_device *pci);
} adapters[] = {
    { LSI_VENDOR, LSI_53C810, lsi_start },
    { LSI_VENDOR, LSI_53C895A, lsi_start },
    { MEGASAS_VENDOR, MEGASAS_1078, megasas_start },
    { MEGASAS_VENDOR, MEGASAS_2108, megasas_start },
    { PVSCSI_VENDOR, PVSCSI_DEVICE, pvscsi_start },
};

void scsi_hba_start(struct pci_device *pci)
{
    for (unsigned i = 0; i < ARRAY_SIZE(adapters); i++)
        if (pci->vendor == adapters[i].vendor &&
            pci->device == adapters[i].device)
            adapters[i].start(pci);
}

void scsi_hba_finish(void)
{
    for (struct started *s = started; s != NULL; s = s->next) {
        struct scsi_drive probe = {
            .d = { .ops = s->ops, .bdf = s->bdf },
            .host = s->host,
        };

        scsi_scan(&probe, s->targets);
    }
}
