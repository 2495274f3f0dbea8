/* SPDX-License-Identifier: MIT */
/*
 * APM in real mode: idle and power-off, as DOS and boot loaders use it.  The
 * protected-mode interfaces are not offered; systems that would want them
 * have ACPI.  Resident.
 *
 * Advanced Power Management BIOS Interface Specification 1.2; ACPI 6.4,
 * 4.8.3.2 (PM1 control register).
 */
#include "services/apm.h"

#include "core/real.h"
#include "lib/io.h"
#include "lib/timer.h"

#define APM_VERSION         0x0102u     /* BCD */
#define APM_VERSION_LEAST   0x0100u
#define APM_SIGNATURE       0x504du     /* "PM" */
#define APM_ALL_DEVICES     0x0001u
#define APM_OFF             0x0003u
#define APM_UNKNOWN         0xffu
#define APM_AC_ON_LINE      0x01u
#define APM_NO_BATTERY      0x80u

enum {
    APM_NO_16BIT = 0x06, APM_NO_32BIT = 0x08, APM_BAD_DEVICE = 0x09,
    APM_UNSUPPORTED = 0x0c, APM_CANNOT_ENTER = 0x60, APM_NO_EVENT = 0x80,
};

#define PM1_CONTROL         0x604u      /* pm_setup_early() puts it there */
#define PM1_SLEEP_ENABLE    (1u << 13)
#define PM1_TYPE_SOFT_OFF   (0u << 10)  /* S5 of both chipsets in QEMU */
#define OFF_TIMEOUT_MS      1000u

static void fail(struct bregs *r, uint8_t code)
{
    r->ah = code;
    set_cf(r, true);
}

static void set_power_state(struct bregs *r)
{
    struct deadline d;

    r->ah = 0;
    if (r->bx != APM_ALL_DEVICES || r->cx != APM_OFF)
        return;                 /* nothing else is there to be switched */
    outw(PM1_CONTROL, PM1_TYPE_SOFT_OFF | PM1_SLEEP_ENABLE);
    d = timer_deadline_ms(OFF_TIMEOUT_MS);
    while (!timer_expired(&d))
        yield_halt();           /* the host shuts the machine down */
    fail(r, APM_CANNOT_ENTER);
}

static void power_status(struct bregs *r)
{
    if (r->bx != APM_ALL_DEVICES) {
        fail(r, APM_BAD_DEVICE);
        return;
    }
    r->bh = APM_AC_ON_LINE;
    r->bl = APM_UNKNOWN;
    r->ch = APM_NO_BATTERY;
    r->cl = APM_UNKNOWN;
    r->dx = 0xffff;
}

/* The driver names the latest version that it knows.  There is none before
 * 1.0, as which a connection begins. */
static uint16_t agreed_version(uint16_t driver)
{
    if (driver < APM_VERSION_LEAST)
        return APM_VERSION_LEAST;
    return driver < APM_VERSION ? driver : APM_VERSION;
}

void apm_service(struct bregs *r)
{
    set_cf(r, false);
    switch (r->al) {
    case 0x00:                  /* installation check */
        r->ax = APM_VERSION;
        r->bx = APM_SIGNATURE;
        r->cx = 0;              /* no protected-mode interface */
        break;
    case 0x02:
        fail(r, APM_NO_16BIT);
        break;
    case 0x03:
        fail(r, APM_NO_32BIT);
        break;
    case 0x05:                  /* the CPU is idle */
        yield_halt();
        r->ah = 0;
        break;
    case 0x01:                  /* connect */
    case 0x04:                  /* disconnect */
    case 0x06:                  /* the CPU is busy */
    case 0x08:                  /* enable power management */
    case 0x0d:
    case 0x0f:                  /* engage it */
        r->ah = 0;
        break;
    case 0x07:
        set_power_state(r);
        break;
    case 0x0a:
        power_status(r);
        break;
    case 0x0b:
        fail(r, APM_NO_EVENT);
        break;
    case 0x0e:
        r->ax = agreed_version(r->cx);
        break;
    default:
        fail(r, APM_UNSUPPORTED);
        break;
    }
}
