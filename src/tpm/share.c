/* SPDX-License-Identifier: MIT */
/*
 * Large data hashed by several processors.  Resident.
 *
 * The others read the data and write into a copy of the hashes only, each into
 * those of its jobs.  What is there is believed when they have said that it is
 * done.  What they have not done is left to the first processor.
 */
#include "tpm/share.h"

#include "core/layout.h"
#include "fw/smp.h"
#include "lib/io.h"
#include "lib/timer.h"

#define PATIENCE_MS         2000u       /* for the next step of any other one */
#define PAUSES              (1u << 26)  /* for the next bytes: seconds */

_Static_assert(SMP_JOBS >= MULTI_BANKS, "a job for each");

static struct {
    struct multihash theirs;    /* a copy, which the others go on with */
    const uint8_t *at;
    const volatile uint32_t *there;
    uint32_t len;
    unsigned skip;              /* of the first one's */
    unsigned jobs;
    uint32_t others;            /* bits of jobs that are not the first one's */
    uint32_t left;              /* bits of those that nobody has done */
    bool collected;
    uint8_t bank[MULTI_BANKS];  /* a job's first */
    volatile uint32_t steps;    /* grows while others work */
    uint32_t seen;
    struct deadline patience;
} share;

/* How many bytes are there behind done, a step at most; 0: none will come. */
static uint32_t arrived(uint32_t done)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < PAUSES && (n = *share.there - done) == 0; i++)
        cpu_pause();
    barrier();
    return n < SHARE_STEP ? n : SHARE_STEP;
}

/* On another processor: like the first one, but with a copy. */
static bool help(unsigned job)
{
    for (uint32_t done = 0, n; done < share.len; done += n) {
        n = arrived(done);
        if (!n)
            return false;
        hash_update(&share.theirs.hash[share.bank[job]], share.at + done, n);
        share.steps++;          /* lost increments do not matter */
    }
    return true;
}

static void collect(struct multihash *m, uint32_t done)
{
    for (unsigned job = 0; job < share.jobs; job++) {
        struct hash *h = &m->hash[share.bank[job]], *twin = h->twin;
        const struct hash *theirs = &share.theirs.hash[share.bank[job]];

        if (!(done & 1u << job))
            continue;
        *h = *theirs;
        h->twin = twin;
        if (twin)
            *twin = *theirs->twin;
    }
}

bool share_begin(struct multihash *m, const uint8_t *at, uint32_t len,
                 const volatile uint32_t *there)
{
    share.theirs = *m;
    share.jobs = 0;
    share.collected = false;
    /* From the end: the last banks take the longest. */
    for (unsigned i = m->count; i--;) {
        struct hash *h = &share.theirs.hash[i];

        if (h->twin)
            h->twin = share.theirs.hash + (h->twin - m->hash);
        if (!(m->skip & 1u << i))
            share.bank[share.jobs++] = (uint8_t)i;
    }
    share.at = at;
    share.there = there;
    share.len = len;
    share.skip = m->skip;
    share.others = (1u << share.jobs) - 1;
    share.seen = ~share.steps;
    return smp_begin(share.jobs, help);
}

bool share_next(struct multihash *m)
{
    uint32_t *open = share.collected ? &share.left : &share.others;
    unsigned job = 0;

    if (!share.collected)
        job = smp_take();
    else
        while (job < share.jobs && !(share.left & 1u << job))
            job++;
    if (job >= share.jobs) {
        m->skip = share.skip;
        return false;
    }
    *open &= ~(1u << job);
    m->skip = ~(1u << share.bank[job]);
    return true;
}

bool share_waits(struct multihash *m)
{
    uint32_t done = smp_done & share.others;

    if (share.collected)
        return false;
    if (share.seen != share.steps) {
        share.seen = share.steps;
        share.patience = timer_deadline_ms(PATIENCE_MS);
    }
    if (done != share.others) {
        if (!timer_expired(&share.patience)) {
            cpu_pause();
            return true;
        }
        smp_stop();
    }
    collect(m, done);
    share.left = share.others & ~done;
    share.collected = true;
    return share.left;
}
