/* SPDX-License-Identifier: MIT */
/*
 * src/tpm/share.c with other processors that come, do not come, come late or
 * do part: the digests are always the same.  What src/fw/smp.c does is here.
 */
#include "check.h"
#include "core/layout.h"
#include "fw/smp.h"
#include "hash/hash.h"
#include "lib/timer.h"
#include "tpm/share.h"

/* Of each job: who takes it, and what becomes of it. */
enum fate { OURS, DONE, LATE, NEVER };

static enum fate fates[SMP_JOBS];
static bool alone;
static unsigned jobs, next;
static uint32_t taken_by_us, waited_ms;
static uint64_t now_us;
static void (*helper)(unsigned job, void *room);
static _Alignas(16) uint8_t rooms[SMP_JOBS][SMP_RESULT];

uint64_t timer_now_us(void)
{
    return now_us += 1000;
}

void *smp_room(unsigned job)
{
    return rooms[job];
}

bool smp_begin(unsigned count, void (*help)(unsigned job, void *room))
{
    assert_true(count > 1 && count <= SMP_JOBS);
    jobs = count;
    next = 0;
    helper = help;
    taken_by_us = 0;
    memset(rooms, 0xee, sizeof(rooms));
    return !alone;
}

unsigned smp_take(void)
{
    for (; next < jobs && fates[next] != OURS; next++)
        if (fates[next] == DONE)
            helper(next, smp_room(next));
    if (next < jobs)
        taken_by_us |= 1u << next;
    return next++;
}

uint32_t smp_end(uint32_t own, uint32_t ms)
{
    uint32_t done = 0;

    assert_int_equal(own, taken_by_us);
    assert_true(ms >= 1000);
    waited_ms = ms;
    for (unsigned i = 0; i < jobs; i++) {
        if (fates[i] == DONE)
            done |= 1u << i;
        if (fates[i] == LATE)
            memset(smp_room(i), 0x55, 99);      /* half of a result */
    }
    return done;
}

#define LEN     100003u
static uint8_t data[LEN];

static const uint16_t usual[4] = {
    TPM_ALG_SHA1, TPM_ALG_SHA256, TPM_ALG_SHA384, TPM_ALG_SHA512,
};

static void add_banks(struct multihash *m, unsigned count)
{
    m->count = m->skip = 0;
    for (unsigned i = 0; i < count; i++)
        multihash_add(m, hash_find(usual[i]));
    multihash_update(m, "some bytes first", 16);
}

static void check_digests(struct multihash *m, unsigned count)
{
    uint8_t found[64], want[64];
    struct hash h;

    multihash_update(m, "and at the end", 14);
    multihash_end(m);
    for (unsigned i = 0; i < count; i++) {
        hash_final(&m->hash[i], found);
        hash_init(&h, hash_find(usual[i]));
        hash_update(&h, "some bytes first", 16);
        hash_update(&h, data, LEN);
        hash_update(&h, "and at the end", 14);
        hash_final(&h, want);
        assert_memory_equal(found, want, h.alg->size);
    }
}

/* All fates of all jobs, with SHA-384 and SHA-512 as twins. */
static void test_fates(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 4 * 4 * 4; n++) {
        struct multihash m;

        fates[0] = n % 4;
        fates[1] = n / 4 % 4;
        fates[2] = n / 16;
        add_banks(&m, 4);
        assert_true(share_begin(&m, data, LEN));
        while (share_next(&m)) {
            multihash_update(&m, data, LEN / 3);
            multihash_update(&m, data + LEN / 3, LEN - LEN / 3);
        }
        check_digests(&m, 4);
    }
}

/* Whoever works for long waits for others for long. */
static void test_patience(void **state)
{
    struct multihash m;
    uint32_t short_ms;

    (void)state;
    memset(fates, OURS, sizeof(fates));
    add_banks(&m, 4);
    assert_true(share_begin(&m, data, LEN));
    while (share_next(&m))
        ;
    short_ms = waited_ms;
    assert_true(share_begin(&m, data, LEN));
    assert_true(share_next(&m));
    now_us += 5000000;
    while (share_next(&m))
        ;
    assert_true(waited_ms >= short_ms + 2 * 5000);
}

/* One hash, no other processor, or more than there are rooms for: not shared,
 * and m is as before. */
static void test_not_shared(void **state)
{
    struct multihash m;

    (void)state;
    add_banks(&m, 1);
    assert_false(share_begin(&m, data, LEN));
    multihash_update(&m, data, LEN);
    check_digests(&m, 1);
    alone = true;
    add_banks(&m, 4);
    assert_false(share_begin(&m, data, LEN));
    multihash_update(&m, data, LEN);
    check_digests(&m, 4);
    alone = false;
    hash_use_pair(NULL);
    add_banks(&m, 4);
    assert_false(share_begin(&m, data, LEN));
    multihash_update(&m, data, LEN);
    check_digests(&m, 4);
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
        cmocka_unit_test(test_not_shared),
    };

    return cmocka_run_group_tests(tests, set_up, NULL);
}
