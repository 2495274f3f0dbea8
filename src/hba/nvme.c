/* SPDX-License-Identifier: MIT */
/*
 * NVMe at run time.  Resident.
 */
#include "hba/nvme.h"

#include "lib/io.h"
#include "lib/print.h"

/* Nobody answers, or not to what was asked: no more DMA from there. */
static int give_up(struct nvme *n, const char *what)
{
    n->dead = true;
    pci_set16(n->bdf, PCI_COMMAND, PCI_COMMAND_MASTER, 0);
    debug("NVMe at %02x:%02x.%x %s, controller given up\n",
          PCI_BUS(n->bdf), PCI_DEV(n->bdf), PCI_FN(n->bdf), what);
    return ERR_TIMEOUT;
}

int nvme_run(struct nvme *n, struct nvme_queue *q,
             const struct nvme_command *c)
{
    volatile struct nvme_completion *done = &q->cq[q->index];
    struct poll p = poll_start(NVME_TIMEOUT_MS);
    uint16_t status;

    if (n->dead)
        return ERR_TIMEOUT;
    q->sq[q->index] = *c;
    q->sq[q->index].id = q->index;
    barrier();
    *q->sq_tail = (q->index + 1u) % NVME_QUEUE_SIZE;
    while (((status = done->status) & 1) != q->phase)
        if (!poll_again(&p))
            return give_up(n, "does not answer");
    barrier();
    if (done->id != q->index)
        return give_up(n, "answers a command never sent");
    q->index = (q->index + 1u) % NVME_QUEUE_SIZE;
    if (q->index == 0)
        q->phase ^= 1;
    *q->cq_head = q->index;
    return status >> 1 == 0 ? 0 : ERR_DEVICE;
}

/* Where the data lies, page by page (NVMe 1.4, 4.3). */
static void set_pages(struct nvme *n, struct nvme_command *c, void *buf,
                      uint32_t len)
{
    uint32_t at = (uint32_t)(uintptr_t)buf;
    uint32_t next = ALIGN_DOWN(at, NVME_PAGE) + NVME_PAGE;
    uint32_t left = len > next - at ? len - (next - at) : 0;

    c->prp1 = at;
    if (left <= NVME_PAGE) {
        c->prp2 = left != 0 ? next : 0;
        return;
    }
    c->prp2 = (uint32_t)(uintptr_t)n->prp_list;
    for (unsigned i = 0; i * NVME_PAGE < left; i++)
        n->prp_list[i] = next + i * NVME_PAGE;
}

static int one_command(struct nvme_drive *v, uint64_t lba, uint32_t count,
                       void *buf, bool write)
{
    struct nvme_command c = {
        .opcode = write ? NVME_IO_WRITE : NVME_IO_READ,
        .nsid = v->nsid,
        .dw10 = (uint32_t)lba,
        .dw11 = (uint32_t)(lba >> 32),
        .dw12 = count - 1,
    };
    int rc;

    set_pages(v->host, &c, buf, count * SECTOR_SIZE);
    rc = nvme_run(v->host, &v->host->io, &c);
    if (rc < 0)
        debug("%s: %s of %u sectors at %llx failed\n", v->d.description,
              write ? "write" : "read", count, (unsigned long long)lba);
    return rc;
}

static int nvme_rw(struct drive *d, uint64_t lba, uint32_t count, void *buf,
                   bool write)
{
    struct nvme_drive *v = (struct nvme_drive *)d;
    uint8_t *at = buf;
    int rc = 0;

    while (rc == 0 && count != 0) {
        uint32_t n = count < v->host->max_count ? count
                                                : v->host->max_count;

        rc = one_command(v, lba, n, at, write);
        at += n * SECTOR_SIZE;
        lba += n;
        count -= n;
    }
    return rc;
}

const struct drive_ops nvme_ops = {
    .name = "NVMe",
    .rank = RANK_NVME,
    .edd_interface = "NVME    ",
    .max_count = NVME_MAX_COUNT,
    .align = 4,
    .rw = nvme_rw,
};
