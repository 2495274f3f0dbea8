/* SPDX-License-Identifier: MIT */
/*
 * NVMe controllers and their namespaces.  POST only.
 *
 * nvme_start() resets and enables a controller, which then starts by itself;
 * nvme_finish() waits for it and asks for its namespaces.
 */
#include "hba/nvme.h"

#include "core/alloc.h"
#include "fw/bootorder.h"
#include "lib/io.h"
#include "lib/print.h"

#define RESET_TIMEOUT_MS    2000u
#define READY_UNIT_MS       500u
#define READY_LIMIT_MS      30000u      /* whatever CAP.TO says */
#define NAMESPACES_MAX      16u         /* of one controller */

/* IDENTIFY data, offsets */
#define CONTROLLER_MDTS     77u         /* 8: largest transfer, 2^n pages */
#define NS_SIZE             0u          /* 64: sectors */
#define NS_FORMAT           26u         /* 3:0 index of the format */
#define NS_FORMATS          128u        /* 32 bits each: 15:0 metadata,
                                           23:16 log2 of the sector size */

#define SECTOR_SHIFT        9u

struct started {
    struct started *next;
    struct nvme *host;
};
static struct started *started, **started_end = &started;

static uint32_t reg(const struct nvme *n, uint32_t r)
{
    return mmio_read32(n->regs + r);
}

static void set_reg(struct nvme *n, uint32_t r, uint32_t v)
{
    mmio_write32(n->regs + r, v);
}

/* Wait for CSTS.RDY; false: it does not come, or the controller failed. */
static bool wait_ready(const struct nvme *n, bool ready, uint32_t timeout_ms)
{
    struct poll p = poll_start(timeout_ms);

    for (;;) {
        uint32_t status = reg(n, NVME_CSTS);

        if (!(status & NVME_CSTS_READY) == !ready)
            return true;
        if ((ready && (status & NVME_CSTS_FATAL)) || !poll_again(&p))
            return false;
    }
}

static void say(const struct nvme *n, const char *what)
{
    print("NVMe at %02x:%02x.%x: %s, controller ignored\n", PCI_BUS(n->bdf),
          PCI_DEV(n->bdf), PCI_FN(n->bdf), what);
}

/* Memory and doorbells of queue pair number id. */
static int make_queue(struct nvme *n, struct nvme_queue *q, unsigned id)
{
    uint32_t stride = 4u << NVME_CAP_STRIDE(reg(n, NVME_CAP_HIGH));
    uint8_t *bell = n->regs + NVME_DOORBELLS + 2 * id * stride;

    q->sq = malloc_high(NVME_QUEUE_SIZE * sizeof(*q->sq), NVME_PAGE);
    q->cq = malloc_high(NVME_QUEUE_SIZE * sizeof(*q->cq), NVME_PAGE);
    q->sq_tail = (volatile uint32_t *)bell;
    q->cq_head = (volatile uint32_t *)(bell + stride);
    q->phase = 1;
    return q->sq != NULL && q->cq != NULL ? 0 : ERR_SPACE;
}

void nvme_start(struct pci_device *pci)
{
    struct nvme *n = malloc_high(sizeof(*n), NVME_ALIGN);
    struct started *s = malloc_temp(sizeof(*s), 4);
    bool io;

    if (n == NULL || s == NULL)
        return;                 /* the allocator has said it */
    n->bdf = pci->bdf;
    n->regs = (uint8_t *)(uintptr_t)pci_bar(pci, 0, &io);
    if (n->regs == NULL || io) {
        say(n, "registers not below 4 GiB");
        return;
    }
    pci_enable(pci, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    pci->have_driver = true;
    if (NVME_CAP_MPSMIN(reg(n, NVME_CAP_HIGH)) != 0 ||
        NVME_CAP_MQES(reg(n, NVME_CAP_LOW)) < NVME_QUEUE_SIZE - 1) {
        say(n, "wants other pages or queues");
        return;
    }
    set_reg(n, NVME_CC, 0);
    if (!wait_ready(n, false, RESET_TIMEOUT_MS)) {
        say(n, "does not stop within 2 s");
        return;
    }
    if (make_queue(n, &n->admin, 0) < 0)
        return;
    set_reg(n, NVME_AQA, (NVME_QUEUE_SIZE - 1) << 16 | (NVME_QUEUE_SIZE - 1));
    set_reg(n, NVME_ASQ, (uint32_t)(uintptr_t)n->admin.sq);
    set_reg(n, NVME_ASQ + 4, 0);
    set_reg(n, NVME_ACQ, (uint32_t)(uintptr_t)n->admin.cq);
    set_reg(n, NVME_ACQ + 4, 0);
    set_reg(n, NVME_CC, NVME_CC_ENABLE | NVME_CC_SQES_64 | NVME_CC_CQES_16);
    s->host = n;
    *started_end = s;
    started_end = &s->next;
}

static int identify(struct nvme *n, uint32_t nsid, uint32_t cns, void *page)
{
    struct nvme_command c = {
        .opcode = NVME_ADMIN_IDENTIFY,
        .nsid = nsid,
        .prp1 = (uint32_t)(uintptr_t)page,
        .dw10 = cns,
    };

    return nvme_run(n, &n->admin, &c);
}

static int create_io_queue(struct nvme *n)
{
    struct nvme_command c = {
        .dw10 = (NVME_QUEUE_SIZE - 1) << 16 | 1,    /* queue 1 */
    };
    int rc = make_queue(n, &n->io, 1);

    if (rc < 0)
        return rc;
    c.opcode = NVME_ADMIN_CREATE_CQ;
    c.prp1 = (uint32_t)(uintptr_t)n->io.cq;
    c.dw11 = NVME_PHYS_CONTIGUOUS;
    rc = nvme_run(n, &n->admin, &c);
    if (rc < 0)
        return rc;
    c.opcode = NVME_ADMIN_CREATE_SQ;
    c.prp1 = (uint32_t)(uintptr_t)n->io.sq;
    c.dw11 = 1u << 16 | NVME_PHYS_CONTIGUOUS;       /* completes to queue 1 */
    return nvme_run(n, &n->admin, &c);
}

/*
 * The path for the boot order.  QEMU names the namespace of nvme,drive= by its
 * number.  An nvme-ns has no number there.  Its line ends in memory that was
 * freed (7.2), and it may lack the controller: in a subsystem, and always since
 * all namespaces are in one (11).
 */
static const char *namespace_path(const struct nvme *n, uint32_t nsid)
{
    const char *path = drive_text("/namespace@%u,0", nsid);

    if (bootorder_find(n->bdf, path) >= 0)
        return path + 1;
    return bootorder_find(n->bdf, "/nvme-ns*") >= 0 ? "nvme-ns*"
                                                    : "/nvme-ns*";
}

static void add_namespace(struct nvme *n, uint32_t nsid, uint8_t *page)
{
    struct nvme_drive *v;
    uint64_t sectors;
    uint32_t form;

    if (drives_enough(true) ||
        identify(n, nsid, NVME_CNS_NAMESPACE, page) < 0)
        return;
    sectors = *(uint64_t *)(page + NS_SIZE);
    form = *(uint32_t *)(page + NS_FORMATS + 4 * (page[NS_FORMAT] & 0xf));
    if (sectors == 0)
        return;
    if ((form >> 16 & 0xff) != SECTOR_SHIFT) {
        print("NVMe NS %u: sectors of 2^%u bytes cannot be booted from by a"
              " BIOS, ignored\n", nsid, form >> 16 & 0xff);
        return;
    }
    if ((form & 0xffff) != 0) {
        print("NVMe NS %u: sectors with metadata, ignored\n", nsid);
        return;
    }
    v = malloc_high(sizeof(*v), 8);
    if (v == NULL)
        return;
    v->host = n;
    v->nsid = nsid;
    v->d.ops = &nvme_ops;
    v->d.type = DRIVE_HDD;
    v->d.ready = true;
    v->d.sector_size = SECTOR_SIZE;
    v->d.sectors = sectors;
    v->d.bdf = n->bdf;
    v->d.path = namespace_path(n, nsid);
    v->d.description = drive_text("NVMe NS %u: %llu MiB (%llu %u-byte blocks"
                                  " + 0-byte metadata)", nsid,
                                  (unsigned long long)(sectors >> 11),
                                  (unsigned long long)sectors, SECTOR_SIZE);
    drive_register(&v->d);
}

void nvme_finish_controller(struct nvme *n)
{
    uint32_t timeout = NVME_CAP_TIMEOUT(reg(n, NVME_CAP_LOW)) *
        READY_UNIT_MS;
    uint32_t list[NAMESPACES_MAX];
    uint8_t *page;
    unsigned mdts;

    if (timeout == 0 || timeout > READY_LIMIT_MS)
        timeout = READY_LIMIT_MS;
    if (!wait_ready(n, true, timeout)) {
        say(n, "does not become ready");
        return;
    }
    page = malloc_temp(NVME_PAGE, NVME_PAGE);
    if (page == NULL)
        return;
    if (identify(n, 0, NVME_CNS_CONTROLLER, page) < 0) {
        say(n, "cannot be identified");
        return;
    }
    mdts = page[CONTROLLER_MDTS];
    n->max_count = mdts == 0 || mdts >= 4 ? NVME_MAX_COUNT
                                          : (uint16_t)(8u << mdts);
    if (create_io_queue(n) < 0) {
        say(n, "gives no I/O queue");
        return;
    }
    if (identify(n, 0, NVME_CNS_ACTIVE, page) < 0) {
        add_namespace(n, 1, page);      /* NVMe 1.0 has no such list */
        return;
    }
    for (unsigned i = 0; i < NAMESPACES_MAX; i++)
        list[i] = ((const uint32_t *)page)[i];
    for (unsigned i = 0; i < NAMESPACES_MAX && list[i] != 0; i++)
        add_namespace(n, list[i], page);
}

void nvme_finish(void)
{
    for (struct started *s = started; s != NULL && !drives_enough(false);
         s = s->next)
        nvme_finish_controller(s->host);
}
