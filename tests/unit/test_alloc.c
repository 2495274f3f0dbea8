/* SPDX-License-Identifier: MIT */
/* The allocator against a plain first fit from the top, over many random
 * requests. */
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "core/alloc.h"

#define TOP         0x8000000u      /* 128 MiB: the high zone has 16 */
#define HIGH_START  (TOP - 0x1000000u)
#define BLOCKS      768u            /* of the high zone */
#define STEPS       20000u

/* What alloc_post.c takes from the linker's map and from others. */
char low_zone_start[1], low_zone_end[1], fseg_zone_start[1], fseg_zone_end[1];

int format(char *buf, size_t cap, const char *fmt, ...)
{
    (void)fmt;
    if (cap)
        *buf = 0;
    return 0;
}

void print(const char *fmt, ...)
{
    (void)fmt;
}

void debug(const char *fmt, ...)
{
    (void)fmt;
}

static struct { uint32_t start, end; } model[BLOCKS + 1];
static unsigned count;

static uint32_t model_alloc(uint32_t size, uint32_t align)
{
    uint32_t end = TOP;

    for (unsigned i = 0; i <= count && count < BLOCKS; i++) {
        uint32_t floor = i < count ? model[i].end : HIGH_START;
        uint32_t at = (end - size) & ~(align - 1);

        if (end - floor >= size && at >= floor) {
            memmove(&model[i + 1], &model[i], (count - i) * sizeof(model[0]));
            model[i].start = at;
            model[i].end = at + size;
            count++;
            return at;
        }
        if (i < count)
            end = model[i].start;
    }
    return 0;
}

static uint32_t model_free_one(void)
{
    unsigned i = (unsigned)rand() % count;
    uint32_t at = model[i].start;

    count--;
    memmove(&model[i], &model[i + 1], (count - i) * sizeof(model[0]));
    return at;
}

static uint32_t taken(uint32_t size, uint32_t align)
{
    return (uint32_t)(uintptr_t)malloc_high_raw(size, align);
}

/* Sizes from bytes to more than there is, alignments to a page. */
static void test_first_fit(void **state)
{
    (void)state;
    srand(1);
    alloc_init(TOP);
    count = 0;
    for (unsigned step = 0; step < STEPS; step++) {
        uint32_t size = (uint32_t)rand() % (1u << (1 + rand() % 24)) + 1;
        uint32_t align = 1u << (rand() % 13);

        if (count && rand() % 1000 < (step / 2000 % 2 ? 600 : 400)) {
            free_zone((void *)(uintptr_t)model_free_one());
            continue;
        }
        assert_int_equal(taken(size, align), model_alloc(size, align));
    }
    while (count)
        free_zone((void *)(uintptr_t)model_free_one());
    assert_int_equal(taken(0x1000000, 1), HIGH_START);
    free_zone((void *)(uintptr_t)HIGH_START);
}

static void test_full(void **state)
{
    (void)state;
    alloc_init(TOP);
    for (unsigned i = 0; i < BLOCKS; i++)
        assert_int_not_equal(taken(100, 16), 0);
    assert_int_equal(taken(100, 16), 0);
    assert_int_equal(alloc_finish(), (TOP - BLOCKS * 112) & ~0xfffu);
    assert_true(alloc_owns(TOP - 112, 100));
    assert_false(alloc_owns(TOP - 112, 101));
    free_zone((void *)(uintptr_t)(TOP - 5 * 112));
    assert_int_equal(taken(112, 16), TOP - 5 * 112);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_fit),
        cmocka_unit_test(test_full),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
