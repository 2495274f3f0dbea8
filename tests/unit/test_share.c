/* SPDX-License-Identifier: MIT */
/*
 * src/tpm/share.c with other processors that come, do not come, come late or
 * do part: the digests are always the same.  What src/fw/smp.c does is here.
 */
#include <pthread.h>
#include <sched.h>

#include "check.h"
#include "core/layout.h"
#include "fw/smp.h"
#include "hash/hash.h"
#include "lib/timer.h"
#include "tpm/share.h"

/* Of each job: who takes it, and what becomes of it. */
enum fate { OURS, DONE, LATE, NEVER, FATES };

static enum fate fates[SMP_JOBS];
static bool alone, stopped;
static unsigned jobs, next, asked;
static uint64_t now_us;
static bool (*helper)(unsigned job);
static volatile uint32_t there;
volatile uint32_t smp_done;

uint64_t timer_now_us(void)
{
    return now_us += 1000;
}

struct deadline timer_deadline_ms(uint32_t ms)
{
    assert_true(ms >= 1000);
    return (struct deadline){ timer_now_us() + 1000ull * ms };
}

bool timer_expired(const struct deadline *d)
{
    return timer_now_us() >= d->end;
}

bool smp_begin(unsigned count, bool (*help)(unsigned job))
{
    assert_true(count >= 1 && count <= SMP_JOBS);
    jobs = count;
    next = smp_done = asked = 0;
    stopped = false;
    helper = help;
    return !alone;
}

unsigned smp_take(void)
{
    for (; next < jobs && fates[next] != OURS; next++)
        if (fates[next] == DONE && helper(next))
            smp_done |= 1u << next;
    return next++;
}

void smp_stop(void)
{
    stopped = true;
    smp_done = 0;
}

#define LEN     9001u
static uint8_t data[LEN];

static const uint16_t usual[4] = {
    TPM_ALG_SHA1, TPM_ALG_SHA256, TPM_ALG_SHA384, TPM_ALG_SHA512,
};

/* count of the usual banks, from there on. */
static void add_some(struct multihash *m, unsigned from, unsigned count)
{
    m->count = m->skip = 0;
    for (unsigned i = 0; i < count; i++)
        multihash_add(m, hash_find(usual[from + i]));
    multihash_update(m, "some bytes first", 16);
}

static void check_some(struct multihash *m, unsigned from, unsigned count)
{
    uint8_t found[64], want[64];
    struct hash h;

    multihash_update(m, "and at the end", 14);
    multihash_end(m);
    for (unsigned i = 0; i < count; i++) {
        hash_final(&m->hash[i], found);
        hash_init(&h, hash_find(usual[from + i]));
        hash_update(&h, "some bytes first", 16);
        hash_update(&h, data, LEN);
        hash_update(&h, "and at the end", 14);
        hash_final(&h, want);
        assert_memory_equal(found, want, h.alg->size);
    }
}

/* What the first processor does while others work. */
static bool share_all(struct multihash *m)
{
    do {
        while (share_next(m)) {
            multihash_update(m, data, LEN / 3);
            multihash_update(m, data + LEN / 3, LEN - LEN / 3);
        }
        assert_true(asked++ <= 10000);
    } while (share_waits(m));
    return true;
}

/* Every row of banks with all fates of all jobs, with SHA-384 and SHA-512 as
 * twins and, without, by themselves. */
static void fates_of(unsigned from, unsigned count)
{
    for (unsigned n = 0; n < 4 * 4 * 4 * 4; n++) {
        struct multihash m;
        bool late = false;

        for (unsigned i = 0; i < SMP_JOBS; i++)
            fates[i] = n >> 2 * i & 3;
        add_some(&m, from, count);
        there = LEN;
        assert_true(share_begin(&m, data, LEN, &there));
        share_all(&m);
        for (unsigned i = 0; i < jobs; i++)
            late |= fates[i] == LATE || fates[i] == NEVER;
        assert_int_equal(stopped, late);
        check_some(&m, from, count);
    }
}

static void test_fates(void **state)
{
    (void)state;
    for (unsigned twins = 0; twins < 2; twins++) {
        hash_use_pair(twins ? sha512_sse2_blocks : NULL);
        for (unsigned from = 0; from < 4; from++)
            for (unsigned count = 1; from + count <= 4; count++)
                fates_of(from, count);
    }
    hash_use_pair(sha512_sse2_blocks);
}

/* Who goes on is waited for, however long it takes; who does not is not. */
static void test_patience(void **state)
{
    struct multihash m;
    unsigned waits = 0;

    (void)state;
    fates[0] = LATE;
    add_some(&m, 1, 1);
    there = LEN;
    assert_true(share_begin(&m, data, LEN, &there));
    assert_false(share_next(&m));
    for (; waits < 20; waits++) {
        now_us += 1500000;
        assert_true(share_waits(&m));
        assert_false(stopped);
        assert_true(helper(0));                 /* once more from its end */
    }
    while (share_waits(&m) && !share_next(&m))
        assert_true(waits++ <= 100000);
    assert_true(stopped);
}

/* Data that comes while a helper works; and that never comes. */
static void *bring(void *arg)
{
    (void)arg;
    for (uint32_t n = 1; there < LEN; n = n * 3 + 1) {
        sched_yield();
        there = there + n < LEN ? there + n : LEN;
    }
    return NULL;
}

static void test_follow(void **state)
{
    struct multihash m;
    pthread_t thread;

    (void)state;
    for (unsigned turn = 0; turn < 50; turn++) {
        for (unsigned i = 0; i < SMP_JOBS; i++)
            fates[i] = DONE;
        add_some(&m, 0, 4);
        there = 0;
        assert_true(share_begin(&m, data, LEN, &there));
        assert_int_equal(pthread_create(&thread, NULL, bring, NULL), 0);
        share_all(&m);
        assert_int_equal(pthread_join(thread, NULL), 0);
        assert_false(stopped);
        check_some(&m, 0, 4);
    }
    fates[0] = DONE;
    add_some(&m, 1, 1);
    there = LEN / 2;
    assert_true(share_begin(&m, data, LEN, &there));
    assert_false(helper(0));
    there = LEN;
    fates[0] = NEVER;
    share_all(&m);
    assert_true(stopped);
    check_some(&m, 1, 1);
}

/* No other processor: m is as before. */
static void test_not_shared(void **state)
{
    struct multihash m;

    (void)state;
    alone = true;
    for (unsigned count = 1; count <= 4; count++) {
        add_some(&m, 0, count);
        assert_false(share_begin(&m, data, LEN, &there));
        multihash_update(&m, data, LEN);
        check_some(&m, 0, count);
    }
    alone = false;
}

static int set_up(void **state)
{
    (void)state;
    for (unsigned i = 0; i < LEN; i++)
        data[i] = (uint8_t)(i * 7 + i / 251);
    if (!__builtin_cpu_supports("sse2"))
        return -1;
    hash_use_pair(sha512_sse2_blocks);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fates),
        cmocka_unit_test(test_patience),
        cmocka_unit_test(test_follow),
        cmocka_unit_test(test_not_shared),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
