/* SPDX-License-Identifier: MIT */
/*
 * Time from the ACPI PM timer.  A machine without one (-M pc,acpi=off) gets
 * the time-stamp counter instead, taken for 3.67 GHz: waits stay bounded, and
 * are not shorter than asked on slower CPUs.
 */
#include "lib/timer.h"

#include "lib/io.h"

#define PM_TIMER_PORT       0x608u
#define PM_TIMER_MASK       0xffffffu       /* 24 bits everywhere */
#define TSC_PER_TICK_SHIFT  10u
#define TICKS_PER_US_Q16    234589u         /* 3.579545 * 2^16 */
#define US_PER_TICK_Q16     18308u          /* 2^16 / 3.579545 */

static uint32_t now_last;
static uint64_t now_ticks;

static uint32_t pm_timer(void)
{
    uint32_t v = inl(PM_TIMER_PORT);

    if (v == UINT32_MAX)            /* nobody answers */
        v = (uint32_t)(rdtsc() >> TSC_PER_TICK_SHIFT);
    return v & PM_TIMER_MASK;
}

/* All 64 bits of the time that readings of the timer have seen pass. */
static uint64_t ticks(void)
{
    uint32_t now = pm_timer();

    now_ticks += (now - now_last) & PM_TIMER_MASK;
    now_last = now;
    return now_ticks;
}

static struct deadline after(uint64_t start, uint32_t us)
{
    return (struct deadline){
        .end = start + ((uint64_t)us * TICKS_PER_US_Q16 >> 16) + 1,
    };
}

static uint32_t us_of(uint32_t ms)
{
    /* 2^32 us are 4294 s */
    return ms > 1000000 ? 1000000000 : ms * 1000;
}

struct deadline timer_deadline_us(uint32_t us)
{
    return after(ticks(), us);
}

struct deadline timer_deadline_ms(uint32_t ms)
{
    return timer_deadline_us(us_of(ms));
}

struct deadline timer_deadline_seen_ms(uint32_t ms)
{
    return after(now_ticks, us_of(ms));
}

bool timer_seen(const struct deadline *d)
{
    return now_ticks >= d->end;
}

bool timer_expired(const struct deadline *d)
{
    return ticks() >= d->end;
}

uint64_t timer_now_us(void)
{
    return ticks() * US_PER_TICK_Q16 >> 16;
}

void timer_delay_us(uint32_t us)
{
    struct deadline d = timer_deadline_us(us);

    while (!timer_expired(&d))
        cpu_pause();
}
