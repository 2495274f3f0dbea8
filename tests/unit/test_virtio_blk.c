/* SPDX-License-Identifier: MIT */
/*
 * What a virtio-blk device says of its limits, and the requests that come of
 * it.
 */
#include "check.h"

#include "hba/virtio_blk.h"
#include "hba/virtio_post.h"
#include "host.h"

#define SECTORS         4096u
#define REQUESTS        600u

static uint64_t offered;
static uint32_t size_max;
static struct drive *found;
static uint32_t len[REQUESTS];
static unsigned requests;
static uint8_t data[512 * SECTOR_SIZE];

int virtio_open(struct virtio_setup *s, struct pci_device *d, const char *who)
{
    (void)d, (void)who;
    *s = (struct virtio_setup){ .port = 0 };
    return 0;
}

int virtio_features(struct virtio_setup *s, uint64_t wanted, uint64_t *got)
{
    (void)s;
    *got = wanted & offered;
    return 0;
}

uint32_t virtio_config32(const struct virtio_setup *s, uint32_t offset)
{
    (void)s;
    return offset == VIRTIO_BLK_CAPACITY ? SECTORS
        : offset == VIRTIO_BLK_SIZE_MAX ? size_max : 0;
}

int virtio_queue(struct virtio_setup *s, struct virtio *v)
{
    (void)s, (void)v;
    return 0;
}

void virtio_go(const struct virtio_setup *s)
{
    (void)s;
}

void virtio_fail(const struct virtio_setup *s)
{
    (void)s;
}

bool drives_enough(bool one)
{
    (void)one;
    return false;
}

void drive_register(struct drive *d)
{
    found = d;
}

/* Takes what is asked for: header, data, and the status behind them. */
int virtio_run(struct virtio *v, const struct virtio_buffer *buffers,
               unsigned count, uint32_t timeout_ms)
{
    (void)v, (void)timeout_ms;
    assert_int_equal(count, 3);
    assert_true(requests < REQUESTS);
    assert_ptr_equal(buffers[1].at, data + requests * len[0]);
    len[requests++] = buffers[1].len;
    *(uint8_t *)buffers[2].at = VIRTIO_BLK_S_OK;
    return 0;
}

static void look(uint64_t features, uint32_t limit)
{
    struct pci_device pci = { .bdf = 0x18 };

    host_reset();
    found = NULL;
    requests = 0;
    offered = features;
    size_max = limit;
    virtio_blk_start(&pci);
    virtio_blk_finish();
}

/* 300 sectors are read by requests of that many. */
static void check(uint64_t features, uint32_t limit, uint32_t sectors)
{
    uint32_t all = 0;

    look(features, limit);
    assert_non_null(found);
    assert_string_equal(host_said, "");
    assert_int_equal(found->ops->rw(found, 0, 300, data, false), 0);
    assert_int_equal(len[0], sectors * SECTOR_SIZE);
    for (unsigned i = 0; i < requests; i++) {
        assert_true(len[i] <= len[0]);
        all += len[i];
    }
    assert_int_equal(all, 300 * SECTOR_SIZE);
}

static void test_size_max(void **state)
{
    (void)state;
    check(0, 0, 256);
    check(0, 512, 256);                         /* not offered */
    check(VIRTIO_BLK_F_SIZE_MAX, 512, 1);
    check(VIRTIO_BLK_F_SIZE_MAX, 1535, 2);
    check(VIRTIO_BLK_F_SIZE_MAX, 65536, 128);
    check(VIRTIO_BLK_F_SIZE_MAX, 0x7fffffff, 256);
    check(VIRTIO_BLK_F_SIZE_MAX, 0xffffffff, 256);
}

/* As qemu-storage-daemon says it. */
static void test_no_limit(void **state)
{
    (void)state;
    check(VIRTIO_BLK_F_SIZE_MAX, 0, 256);
}

static void test_less_than_a_sector(void **state)
{
    (void)state;
    look(VIRTIO_BLK_F_SIZE_MAX, 511);
    assert_null(found);
    assert_contains(host_said, "less than a sector");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_size_max),
        cmocka_unit_test(test_no_limit),
        cmocka_unit_test(test_less_than_a_sector),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
