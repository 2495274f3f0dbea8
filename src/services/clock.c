/* SPDX-License-Identifier: MIT */
/*
 * Time for programs: INT 1Ah, INT 70h (the real-time clock's interrupt) and
 * the waiting services of INT 15h.  Resident.
 *
 * The tick itself, INT 08h, is assembly (entry.S); interrupts_init.c sets the
 * time of day.  INT 1Ah AH=B1h is in pcibios.c, AH=BBh is the TPM's.
 * IBM PS/2 BIOS Interface Technical Reference, INT 15h, 1Ah and 70h.
 */
#include "services/clock.h"

#include "core/bda.h"
#include "core/caller.h"
#include "core/real.h"
#include "hw/pic.h"
#include "hw/rtc.h"
#include "lib/io.h"
#include "lib/timer.h"
#include "services/services.h"

#define WAIT_ACTIVE         (1u << 0)   /* BDA A0h */
#define WAIT_ELAPSED        (1u << 7)
#define EVENT_BIT           (1u << 7)   /* in the byte the caller names */
#define PERIOD_US           977u        /* 1024 Hz */

/* --------------------------------------------------------- INT 15h waiting */

static uint32_t caller_us(const struct bregs *r)
{
    return (uint32_t)r->cx << 16 | r->dx;
}

static void event_wait_cancel(void)
{
    bda->wait_active = 0;
    cmos_set(RTC_B, RTC_B_PERIODIC, 0);
}

void clock_event_wait(struct bregs *r)
{
    switch (r->al) {
    case 0x00:
        if (bda->wait_active & WAIT_ACTIVE)
            break;
        bda->wait_flag.seg = r->es;
        bda->wait_flag.off = r->bx;
        bda->wait_us = caller_us(r);
        bda->wait_active = WAIT_ACTIVE;
        cmos_set(RTC_B, 0, RTC_B_PERIODIC);
        set_cf(r, false);
        return;
    case 0x01:
        event_wait_cancel();
        set_cf(r, false);
        return;
    default:
        r->ah = AH_UNSUPPORTED;
    }
    set_cf(r, true);
}

void clock_wait(struct bregs *r)
{
    struct deadline d = timer_deadline_us(caller_us(r));

    while (!timer_expired(&d))
        yield();
    set_cf(r, false);
}

/* One period of an event wait is over. */
static void event_wait_period(void)
{
    uint32_t left = bda->wait_us, at;
    uint8_t flag;

    if (!(bda->wait_active & WAIT_ACTIVE))
        return;
    if (left > PERIOD_US) {
        bda->wait_us = left - PERIOD_US;
        return;
    }
    event_wait_cancel();
    at = linear(bda->wait_flag.seg, bda->wait_flag.off);
    if (caller_read(&flag, at, sizeof(flag))) {
        flag |= EVENT_BIT;
        (void)caller_write(at, &flag, sizeof(flag));
    }
}

void handle_clock(struct bregs *r)
{
    uint8_t enabled = cmos_read(RTC_B);
    uint8_t cause = cmos_read(RTC_C) & enabled;     /* reading acknowledges */

    (void)r;                    /* an IRQ: nothing goes in or out */
    if (cause & RTC_C_PERIODIC)
        event_wait_period();
    if (cause & RTC_C_ALARM) {
        struct bregs alarm = { 0 };

        call16_int(0x4a, &alarm);
    }
}

void handle_70(struct bregs *r)
{
    handle_clock(r);
    pic_eoi2();
}

/* ------------------------------------------------------------------ INT 1Ah */

static void get_ticks(struct bregs *r)
{
    uint32_t ticks = bda->ticks;

    r->cx = (uint16_t)(ticks >> 16);
    r->dx = (uint16_t)ticks;
    r->al = bda->midnight;
    bda->midnight = 0;
    r->ah = 0;
}

static void set_ticks(struct bregs *r)
{
    bda->ticks = caller_us(r);
    bda->midnight = 0;
    r->ah = 0;
}

static void get_time(struct bregs *r)
{
    if (rtc_wait()) {
        set_cf(r, true);
        return;
    }
    r->dh = cmos_read(RTC_SECONDS);
    r->cl = cmos_read(RTC_MINUTES);
    r->ch = cmos_read(RTC_HOURS);
    r->dl = cmos_read(RTC_B) & RTC_B_DST;
    r->ah = 0;
    r->al = r->ch;              /* programs of the AT's days look here */
}

static void set_time(struct bregs *r)
{
    cmos_set(RTC_B, 0, RTC_B_SET);
    cmos_write(RTC_SECONDS, r->dh);
    cmos_write(RTC_MINUTES, r->cl);
    cmos_write(RTC_HOURS, r->ch);
    cmos_set(RTC_B, RTC_B_SET | RTC_B_DST,
             RTC_B_24H | (r->dl & RTC_B_DST));
    r->ah = 0;
}

static void get_date(struct bregs *r)
{
    r->ah = 0;
    if (rtc_wait()) {
        set_cf(r, true);
        return;
    }
    r->cl = cmos_read(RTC_YEAR);
    r->dh = cmos_read(RTC_MONTH);
    r->dl = cmos_read(RTC_DAY);
    r->ch = cmos_read(CMOS_CENTURY);
    r->al = r->ch;
}

static void set_date(struct bregs *r)
{
    cmos_set(RTC_B, 0, RTC_B_SET);
    cmos_write(RTC_YEAR, r->cl);
    cmos_write(RTC_MONTH, r->dh);
    cmos_write(RTC_DAY, r->dl);
    cmos_write(CMOS_CENTURY, r->ch);
    cmos_set(RTC_B, RTC_B_SET, RTC_B_24H);
    r->ah = 0;
}

static void set_alarm(struct bregs *r)
{
    if (cmos_read(RTC_B) & RTC_B_ALARM) {
        set_cf(r, true);        /* one is set already */
        return;
    }
    cmos_write(RTC_SECONDS_ALARM, r->dh);
    cmos_write(RTC_MINUTES_ALARM, r->cl);
    cmos_write(RTC_HOURS_ALARM, r->ch);
    cmos_set(RTC_B, RTC_B_SET, RTC_B_ALARM | RTC_B_24H);
}

static void cancel_alarm(struct bregs *r)
{
    (void)r;
    cmos_set(RTC_B, RTC_B_ALARM, 0);
}

void clock_1a(struct bregs *r)
{
    static void (*const functions[])(struct bregs *) = {
        get_ticks, set_ticks, get_time, set_time, get_date, set_date,
        set_alarm, cancel_alarm,
    };

    functions[r->ah](r);
}
