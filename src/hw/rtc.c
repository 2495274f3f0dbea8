/* SPDX-License-Identifier: MIT */
/*
 * The real-time clock and its CMOS memory.
 */
#include "hw/rtc.h"

#include "lib/err.h"
#include "lib/io.h"
#include "lib/timer.h"

#define CMOS_INDEX          0x70u
#define CMOS_DATA           0x71u
#define RTC_UPDATE_US       2500u       /* 244 us notice and 1984 us update */

uint8_t cmos_read(uint8_t reg)
{
    outb(CMOS_INDEX, reg);
    return inb(CMOS_DATA);
}

void cmos_write(uint8_t reg, uint8_t v)
{
    outb(CMOS_INDEX, reg);
    outb(CMOS_DATA, v);
}

void cmos_set(uint8_t reg, uint8_t clear, uint8_t set)
{
    uint8_t before = cmos_read(reg), after = (uint8_t)((before & ~clear) | set);

    if (after != before)
        cmos_write(reg, after);
}

int rtc_start(void)
{
    uint8_t a = cmos_read(RTC_A);

    if ((a & ~RTC_A_UPDATING) != RTC_A_DEFAULT) {
        outb(CMOS_DATA, RTC_A_DEFAULT);
        a = inb(CMOS_DATA);
    }
    return a & RTC_A_UPDATING ? rtc_wait() : 0;
}

int rtc_wait(void)
{
    struct deadline d;

    if (!(cmos_read(RTC_A) & RTC_A_UPDATING))
        return 0;
    d = timer_deadline_us(RTC_UPDATE_US);
    do {
        if (!(cmos_read(RTC_A) & RTC_A_UPDATING))
            return 0;
    } while (!timer_expired(&d));
    return ERR_TIMEOUT;
}
