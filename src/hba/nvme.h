/* SPDX-License-Identifier: MIT */
/*
 * NVMe controllers: registers, one admin queue and one I/O queue, one command
 * at a time.  nvme.c is resident and moves data; nvme_post.c finds namespaces.
 *
 * NVM Express Base Specification 1.4.
 */
#ifndef HW_NVME_H
#define HW_NVME_H

#include "disk/block.h"

/* Controller registers */
#define NVME_CAP_LOW        0x00u       /* 32 */
#define NVME_CAP_MQES(v)    ((v) & 0xffffu)     /* entries - 1 */
#define NVME_CAP_TIMEOUT(v) ((v) >> 24)         /* 500 ms */
#define NVME_CAP_HIGH       0x04u       /* 32 */
#define NVME_CAP_STRIDE(v)  ((v) & 0xfu)        /* of doorbells, 4 << v */
#define NVME_CAP_MPSMIN(v)  ((v) >> 16 & 0xfu)  /* 0: 4 KiB pages */
#define NVME_CC             0x14u       /* 32 */
#define NVME_CC_ENABLE      (1u << 0)
#define NVME_CC_SQES_64     (6u << 16)
#define NVME_CC_CQES_16     (4u << 20)
#define NVME_CSTS           0x1cu       /* 32 */
#define NVME_CSTS_READY     (1u << 0)
#define NVME_CSTS_FATAL     (1u << 1)
#define NVME_AQA            0x24u       /* 32: sizes - 1 */
#define NVME_ASQ            0x28u       /* 64 */
#define NVME_ACQ            0x30u       /* 64 */
#define NVME_DOORBELLS      0x1000u

#define NVME_ADMIN_CREATE_SQ 0x01u
#define NVME_ADMIN_CREATE_CQ 0x05u
#define NVME_ADMIN_IDENTIFY 0x06u
#define NVME_CNS_NAMESPACE  0u
#define NVME_CNS_CONTROLLER 1u
#define NVME_CNS_ACTIVE     2u          /* list of namespace numbers */
#define NVME_IO_WRITE       0x01u
#define NVME_IO_READ        0x02u
#define NVME_PHYS_CONTIGUOUS 1u

#define NVME_PAGE           4096u
#define NVME_MAX_COUNT      128u        /* sectors: 64 KiB, 17 pages */
#define NVME_MAX_PAGES      17u
#define NVME_TIMEOUT_MS     20000u

struct nvme_command {
    uint8_t opcode, flags;
    uint16_t id;
    uint32_t nsid;
    uint64_t reserved8, metadata;
    uint64_t prp1, prp2;
    uint32_t dw10, dw11, dw12, dw13, dw14, dw15;
};
_Static_assert(sizeof(struct nvme_command) == 64, "NVMe 1.4, 4.2");

struct nvme_completion {
    uint32_t result, reserved4;
    uint16_t sq_head, sq_id;
    uint16_t id;
    uint16_t status;            /* bit 0: phase; 0 else: success */
};
_Static_assert(sizeof(struct nvme_completion) == 16, "NVMe 1.4, 4.6");

/* A pair of queues; the least size there is. */
#define NVME_QUEUE_SIZE     2u
struct nvme_queue {
    struct nvme_command *sq;
    volatile struct nvme_completion *cq;
    volatile uint32_t *sq_tail, *cq_head;       /* doorbells */
    uint8_t index;              /* of the next entry in both */
    uint8_t phase;              /* that a new completion has */
};

/* One controller; shared by its drives. */
struct nvme {
    uint64_t prp_list[NVME_MAX_PAGES];  /* first: must not cross a page */
    uint8_t *regs;
    struct nvme_queue admin, io;
    uint16_t max_count;
    pci_bdf bdf;
    bool dead;
};
#define NVME_ALIGN          1024u
_Static_assert(sizeof(struct nvme) <= NVME_ALIGN, "stays in a page");

struct nvme_drive {
    struct drive d;             /* first: found from the drive by a cast */
    struct nvme *host;
    uint32_t nsid;
};

extern const struct drive_ops nvme_ops;

/*
 * Run one command.  0; ERR_DEVICE when it failed; ERR_TIMEOUT when there was
 * no answer or nonsense: the controller is then stopped for good.
 */
int nvme_run(struct nvme *n, struct nvme_queue *q,
             const struct nvme_command *c);

/* POST only. */
void nvme_start(struct pci_device *pci);
void nvme_finish(void);
/* ... one of those that were started; for tests, whose registers are memory. */
void nvme_finish_controller(struct nvme *n);

#endif
