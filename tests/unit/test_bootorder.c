/* SPDX-License-Identifier: MIT */
/*
 * NVMe namespaces in the boot order, by the paths of several QEMUs.
 */
#include "check.h"

#include "fw/bootorder.h"
#include "fw/fwcfg.h"
#include "hba/nvme.h"
#include "host.h"

#define CONTROLLER      PCI_BDF(0, 3, 0)
#define NAMESPACES      2u              /* numbers 1 and 2 */

const struct drive_ops nvme_ops;
static struct pci_device device = { .bdf = CONTROLLER, .parent = PCI_NONE };
struct pci_device *pci_devices = &device;
uint16_t pci_device_count = 1;

static char order[256];                 /* loaded once: changed in place */
static const char *path_of[NAMESPACES];

void *fwcfg_load(const char *name, uint32_t max, uint32_t *size)
{
    (void)max;
    assert_string_equal(name, "bootorder");
    *size = (uint32_t)strlen(order);
    return order;
}

bool poll_again(struct poll *p)
{
    (void)p;
    return false;
}

uint32_t pci_bar(const struct pci_device *d, unsigned n, bool *is_io)
{
    (void)d, (void)n;
    *is_io = true;
    return 0;
}

bool drives_enough(bool one)
{
    (void)one;
    return false;
}

void drive_register(struct drive *d)
{
    unsigned nsid = ((struct nvme_drive *)d)->nsid;

    assert_between(nsid, 1, NAMESPACES);
    path_of[nsid - 1] = d->path;
}

/* Two namespaces of 2048 sectors of 512 bytes. */
int nvme_run(struct nvme *n, struct nvme_queue *q,
             const struct nvme_command *c)
{
    uint8_t *page = host_block((uint32_t)c->prp1);

    (void)n, (void)q;
    if (c->opcode != NVME_ADMIN_IDENTIFY)
        return 0;
    memset(page, 0, NVME_PAGE);
    if (c->dw10 == NVME_CNS_ACTIVE) {
        page[0] = 1;
        page[4] = 2;
    } else if (c->dw10 == NVME_CNS_NAMESPACE) {
        page[1] = 8;
        page[130] = 9;
    }
    return 0;
}

/* The place of a namespace, as boot_post.c asks for it. */
static int place(unsigned nsid)
{
    const char *path = path_of[nsid - 1];
    char suffix[64];

    if (path[0] == '/')
        return bootorder_find_path(path);
    snprintf(suffix, sizeof(suffix), "/%s", path);
    return bootorder_find(CONTROLLER, suffix);
}

static void check(const char *text, int first, int second)
{
    static uint8_t regs[0x2000] ALIGNED(8);
    struct nvme n = { .regs = regs, .bdf = CONTROLLER };

    snprintf(order, sizeof(order), "%s", text);
    regs[NVME_CSTS] = NVME_CSTS_READY;
    nvme_finish_controller(&n);
    assert_int_equal(place(1), first);
    assert_int_equal(place(2), second);
    host_reset();
}

static void test_own_path(void **state)
{
    (void)state;
    check("/pci@i0cf8/disk@2\n/pci@i0cf8/pci1b36,0010@3/namespace@1,0", 2,
          ERR_ABSENT);
    check("/pci@i0cf8/pci1b36,0010@4/namespace@1,0", ERR_ABSENT, ERR_ABSENT);
}

/* QEMU 7.2: the end is memory that was freed. */
static void test_behind_its_controller(void **state)
{
    (void)state;
    check("/pci@i0cf8/disk@2\n/pci@i0cf8/pci1b36,0010@3/nvme-nsbootindex", 2,
          2);
    check("/pci@i0cf8/pci1b36,0010@3/nvme-ns\2\n"
          "/pci@i0cf8/pci1b36,0010@3/namespace@1,0", 2, 1);
    check("/pci@i0cf8/pci1b36,0010@5/nvme-nsbootindex", ERR_ABSENT,
          ERR_ABSENT);
}

/* In a subsystem with QEMU 7.2, everywhere with QEMU 11. */
static void test_without_a_controller(void **state)
{
    (void)state;
    check("/nvme-nsbootindex", 1, 1);
    check("/pci@i0cf8/disk@2\n/nvme-ns/namespace@0,0", 2, 2);
    check("/nvme-ns/namespace@0,0\n/pci@i0cf8/disk@2\n"
          "/pci@i0cf8/pci1b36,0010@3/namespace@1,0", 3, 1);
    check("/nvme-of/namespace@0,0", ERR_ABSENT, ERR_ABSENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own_path),
        cmocka_unit_test(test_behind_its_controller),
        cmocka_unit_test(test_without_a_controller),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
