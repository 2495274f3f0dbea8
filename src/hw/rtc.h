/* SPDX-License-Identifier: MIT */
/*
 * The real-time clock and its CMOS memory, ports 70h/71h.  Resident.
 * Motorola MC146818A data sheet.
 */
#ifndef HW_RTC_H
#define HW_RTC_H

#include "lib/compiler.h"

enum {
    RTC_SECONDS = 0x00, RTC_SECONDS_ALARM = 0x01,
    RTC_MINUTES = 0x02, RTC_MINUTES_ALARM = 0x03,
    RTC_HOURS = 0x04, RTC_HOURS_ALARM = 0x05,
    RTC_DAY = 0x07, RTC_MONTH = 0x08, RTC_YEAR = 0x09,
    RTC_A = 0x0a, RTC_B = 0x0b, RTC_C = 0x0c, RTC_D = 0x0d,
    CMOS_CENTURY = 0x32,
};

#define RTC_A_UPDATING      (1u << 7)
#define RTC_A_DEFAULT       0x26u       /* 32.768 kHz; periodic: 1024 Hz */
#define RTC_B_SET           (1u << 7)   /* updates halted */
#define RTC_B_PERIODIC      (1u << 6)
#define RTC_B_ALARM         (1u << 5)
#define RTC_B_24H           (1u << 1)
#define RTC_B_DST           (1u << 0)
#define RTC_C_PERIODIC      (1u << 6)
#define RTC_C_ALARM         (1u << 5)

uint8_t cmos_read(uint8_t reg);
void cmos_write(uint8_t reg, uint8_t v);

/* Change bits of register B or another. */
void cmos_set(uint8_t reg, uint8_t clear, uint8_t set);

/*
 * Wait until the time can be read in one piece (at most 2.2 ms).
 * 0, or ERR_TIMEOUT when the clock never ends an update.
 */
int rtc_wait(void);

/* Set register A, as at power-on, and the same. */
int rtc_start(void);

#endif
