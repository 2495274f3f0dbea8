/* SPDX-License-Identifier: MIT */
/*
 * The virtio queue against a device that plays by the rules, and devices that
 * do not.
 */
#include "check.h"

#include "disk/block.h"
#include "hba/virtio.h"
#include "lib/err.h"

#define SIZE    4u

static struct virtq_desc desc[SIZE];
static uint16_t avail_words[2 + SIZE + 1];
static uint32_t used_words[1 + 2 * SIZE + 1];
static uint16_t doorbell;
static struct virtio v;

/* What the device does while the driver waits; false: time is up. */
static bool (*device)(void);

bool poll_again(struct poll *p)
{
    assert_int_equal(p->timeout_ms, 1234);
    return device();
}

static bool silent(void)
{
    static int calls;

    return ++calls % 5 != 0;
}

static bool answer(unsigned size)
{
    struct virtq_used *used = (struct virtq_used *)used_words;
    const struct virtq_avail *avail = (const struct virtq_avail *)avail_words;

    assert_int_equal(avail->idx, (uint16_t)(used->idx + 1));
    assert_int_equal(avail->ring[used->idx % size], 0);
    used->ring[used->idx % size].id = 0;
    used->idx++;
    return true;
}

static bool good(void)
{
    return answer(SIZE);
}

static bool good_of_two(void)
{
    return answer(2);
}

static bool two_at_once(void)
{
    ((struct virtq_used *)used_words)->idx += 2;
    return true;
}

static bool backwards(void)
{
    ((struct virtq_used *)used_words)->idx--;
    return true;
}

static bool wild_id(void)
{
    struct virtq_used *used = (struct virtq_used *)used_words;

    used->ring[used->idx % SIZE].id = 0xfffffff0;
    used->idx++;
    return true;
}

static void fresh(void)
{
    memset(avail_words, 0, sizeof(avail_words));
    memset(used_words, 0, sizeof(used_words));
    v = (struct virtio){
        .desc = desc, .size = SIZE, .notify = &doorbell,
        .avail = (volatile struct virtq_avail *)avail_words,
        .used = (volatile struct virtq_used *)used_words,
    };
}

static int run(bool (*how)(void))
{
    uint8_t head[16], data[512], status;
    struct virtio_buffer b[] = {
        { head, sizeof(head), false }, { data, sizeof(data), true },
        { &status, 1, true },
    };

    device = how;
    return virtio_run(&v, b, 3, 1234);
}

static void test_good(void **state)
{
    (void)state;
    fresh();
    for (int i = 0; i < 70000; i++)         /* the indices wrap */
        assert_int_equal(run(good), 0);
    assert_int_equal(desc[0].flags, VIRTQ_DESC_NEXT);
    assert_int_equal(desc[1].flags, VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE);
    assert_int_equal(desc[2].flags, VIRTQ_DESC_WRITE);
    assert_int_equal(desc[1].len, 512);
}

/* A queue of two entries: one names a table with the request's three. */
static void test_small_queue(void **state)
{
    static struct virtq_desc table[SIZE];

    (void)state;
    fresh();
    v.size = 2;
    v.table = table;
    memset(desc, 0, sizeof(desc));
    for (int i = 0; i < 5; i++)
        assert_int_equal(run(good_of_two), 0);
    assert_int_equal(desc[0].flags, VIRTQ_DESC_INDIRECT);
    assert_int_equal(desc[0].len, 3 * sizeof(table[0]));
    assert_int_equal(desc[0].address, (uintptr_t)table);
    assert_int_equal(desc[1].len, 0);
    assert_int_equal(table[0].flags, VIRTQ_DESC_NEXT);
    assert_int_equal(table[1].len, 512);
    assert_int_equal(table[2].flags, VIRTQ_DESC_WRITE);
}

static void test_bad(void **state)
{
    (void)state;
    fresh();
    assert_int_equal(run(silent), ERR_TIMEOUT);
    fresh();
    assert_int_equal(run(two_at_once), ERR_FORMAT);
    fresh();
    assert_int_equal(run(backwards), ERR_FORMAT);
    fresh();
    assert_int_equal(run(wild_id), ERR_FORMAT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good), cmocka_unit_test(test_small_queue),
        cmocka_unit_test(test_bad),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
