/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: an NVMe controller that identifies itself and its namespaces by
 * any bytes.  What is registered as a drive can be used as one.
 */
#include "fuzz_input.h"

#include <stdlib.h>
#include <string.h>

#include "fw/bootorder.h"
#include "hba/nvme.h"
#include "host.h"

const struct drive_ops nvme_ops;
struct pci_device *pci_devices;
uint16_t pci_device_count;

/* Any answer: a status, and for a page how much of it is not zero. */
int nvme_run(struct nvme *n, struct nvme_queue *q,
             const struct nvme_command *c)
{
    uint8_t status = next_byte();
    unsigned at = 0, count;
    uint8_t *page = host_block((uint32_t)c->prp1);

    (void)n;
    (void)q;
    if (status > 0xf0)
        return ERR_TIMEOUT;
    if (status > 0xe0)
        return ERR_DEVICE;
    if (c->opcode != NVME_ADMIN_IDENTIFY || page == NULL)
        return 0;
    memset(page, status & 1 ? 0xff : 0, NVME_PAGE);
    for (count = next_byte(); count != 0; count--) {
        page[at % NVME_PAGE] = next_byte();
        at += count & 1 ? 1 : 1 + next_byte() % 16;
    }
    return 0;
}

/* The search for drives may end at any time. */
bool drives_enough(bool one)
{
    (void)one;
    return next_byte() == 0xff;
}

void drive_register(struct drive *d)
{
    const struct nvme_drive *v = (const struct nvme_drive *)d;

    if (d->sectors == 0 || d->sector_size != SECTOR_SIZE ||
        v->host->max_count == 0 || v->host->max_count > NVME_MAX_COUNT)
        abort();
}

int bootorder_find(pci_bdf bdf, const char *suffix)
{
    (void)bdf, (void)suffix;
    return next_byte() & 1 ? 1 : ERR_ABSENT;
}

bool poll_again(struct poll *p)
{
    (void)p;
    return next_byte() & 1;
}

uint32_t pci_bar(const struct pci_device *d, unsigned n, bool *is_io)
{
    (void)d, (void)n;
    *is_io = true;
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t regs[0x2000] ALIGNED(8);
    struct nvme n = { .regs = regs };

    input_begin(data, size);
    host_blocks_max = FEW_BLOCKS;
    host_reset();
    for (unsigned i = 0; i < 8; i++)
        regs[i] = next_byte();                          /* CAP */
    regs[NVME_CSTS] = next_byte() | NVME_CSTS_READY;
    nvme_finish_controller(&n);
    host_reset();
    return 0;
}
