/* SPDX-License-Identifier: MIT */
/*
 * Large data hashed by several processors.  Resident.
 *
 * The others read the data and m, and write into their rooms (fw/smp.h) only;
 * what they have there is believed when they have said in time that it is done.
 * What they have not done is left to the first processor.
 */
#include "tpm/share.h"

#include "core/layout.h"
#include "fw/smp.h"
#include "lib/timer.h"

#define PATIENCE_MS         1000u       /* and twice the time of own jobs */

_Static_assert(SMP_RESULT >= 2 * sizeof(struct hash), "layout.h");

static struct {
    const struct multihash *m;
    const uint8_t *at;
    uint32_t len;
    uint64_t start;
    unsigned skip;              /* of m */
    unsigned jobs;
    uint32_t own;               /* bits of the first processor's */
    uint32_t left;              /* bits of those that nobody has done */
    bool collected;
    uint8_t bank[MULTI_BANKS];  /* a job's first */
} share;

/* On another processor: like the first one, but in its own room. */
static void help(unsigned job, void *room)
{
    const struct hash *h = &share.m->hash[share.bank[job]];
    struct hash *own = room;

    own[0] = *h;
    if (h->twin) {
        own[1] = *h->twin;
        own[0].twin = &own[1];
    }
    hash_update(&own[0], share.at, share.len);
}

static void collect(struct multihash *m, uint32_t done)
{
    for (unsigned job = 0; job < share.jobs; job++) {
        struct hash *h = &m->hash[share.bank[job]], *twin = h->twin;
        const struct hash *theirs = smp_room(job);

        if (!(done & 1u << job))
            continue;
        *h = theirs[0];
        h->twin = twin;
        if (twin)
            *twin = theirs[1];
    }
}

bool share_begin(struct multihash *m, const uint8_t *at, uint32_t len)
{
    share.jobs = share.own = 0;
    share.collected = false;
    /* From the end: the last banks take the longest. */
    for (unsigned i = m->count; i--;)
        if (!(m->skip & 1u << i))
            share.bank[share.jobs++] = (uint8_t)i;
    share.m = m;
    share.at = at;
    share.len = len;
    share.skip = m->skip;
    share.start = timer_now_us();
    return share.jobs > 1 && share.jobs <= SMP_JOBS &&
           smp_begin(share.jobs, help);
}

/* The first processor's next job, or one that is left; or share.jobs. */
static unsigned next_job(struct multihash *m)
{
    unsigned job;
    uint32_t done, spent_ms;

    if (!share.collected) {
        job = smp_take();
        if (job < share.jobs) {
            share.own |= 1u << job;
            return job;
        }
        spent_ms = (uint32_t)(timer_now_us() - share.start) / 1000;
        done = smp_end(share.own, PATIENCE_MS + 2 * spent_ms);
        collect(m, done);
        share.left = ~(share.own | done);
        share.collected = true;
    }
    for (job = 0; job < share.jobs; job++)
        if (share.left & 1u << job)
            break;
    share.left &= ~(1u << job);
    return job;
}

bool share_next(struct multihash *m)
{
    unsigned job = next_job(m);

    m->skip = job < share.jobs ? ~(1u << share.bank[job]) : share.skip;
    return job < share.jobs;
}
