/* SPDX-License-Identifier: MIT */
/*
 * INT 14h, serial ports, and INT 17h, parallel ports, by polling.  Resident.
 * interrupts_init.c has found the ports and set the time-outs.
 *
 * IBM PS/2 BIOS Interface Technical Reference, INT 14h and 17h;
 * National PC16550D data sheet; IBM PC parallel port.
 */
#include "services/services.h"

#include "core/bda.h"
#include "core/real.h"
#include "lib/io.h"
#include "lib/timer.h"
#include "services/sercon.h"

#define TICK_MS             55u         /* the BDA's time-outs are in ticks */

#define UART_LSR_ERRORS     0x1eu
#define SERIAL_TIMEOUT      0x80u       /* in AH, as bit 7 of the LSR */

#define LPT_DATA            0u
#define LPT_STATUS          1u
#define LPT_STATUS_NOT_BUSY (1u << 7)
#define LPT_STATUS_INVERTED 0x48u       /* lines that INT 17h inverts */
#define LPT_STATUS_KEPT     0xf8u
#define LPT_CONTROL         2u
#define LPT_CONTROL_STROBE  (1u << 0)
#define LPT_CONTROL_INIT    (1u << 2)   /* low resets the printer */
#define LPT_CONTROL_SELECT  (1u << 3)
#define LPT_INIT_US         50u
#define LPT_STROBE_US       1u
#define LPT_TIMEOUT         0x01u       /* in AH */

/* Wait until (the port's value & mask) == want, serving interrupts. */
static bool wait_port(uint16_t port, uint8_t mask, uint8_t want,
                      uint8_t ticks)
{
    struct deadline d;

    if ((inb(port) & mask) == want)
        return true;
    d = timer_deadline_ms(ticks * TICK_MS);
    do {
        yield();
        if ((inb(port) & mask) == want)
            return true;
    } while (!timer_expired(&d));
    return false;
}

static void serial_init(uint16_t port, uint8_t params)
{
    /* Bits 7:5: 110, 150, 300, 600, 1200, 2400, 4800, 9600 baud */
    static const uint16_t divisors[] = {
        1047, 768, 384, 192, 96, 48, 24, 12,
    };
    uint16_t divisor = divisors[params >> 5];

    outb(port + UART_LCR, (params & 0x1f) | UART_LCR_DIVISOR);
    outb(port + UART_DIVISOR_LOW, (uint8_t)divisor);
    outb(port + UART_DIVISOR_HIGH, (uint8_t)(divisor >> 8));
    outb(port + UART_LCR, params & 0x1f);
    outb(port + UART_IER, 0);
}

static void serial_status(struct bregs *r, uint16_t port)
{
    r->ah = inb(port + UART_LSR);
    r->al = inb(port + UART_MSR);
}

void handle_14(struct bregs *r)
{
    uint16_t port = r->dx < ARRAY_SIZE(bda->com_port) ?
                    bda->com_port[r->dx] : 0;
    uint8_t ticks;
    bool ready;

    if (!port)
        return;                 /* nothing there: registers stay */
    ticks = bda->com_timeout[r->dx];
    switch (r->ah) {
    case 0x00:
        serial_init(port, r->al);
        serial_status(r, port);
        break;
    case 0x01:
        ready = wait_port(port + UART_LSR, UART_LSR_CAN_SEND,
                          UART_LSR_CAN_SEND, ticks);
        if (ready)
            outb(port + UART_DATA, r->al);
        r->ah = inb(port + UART_LSR) | (ready ? 0 : SERIAL_TIMEOUT);
        break;
    case 0x02:
        ready = wait_port(port + UART_LSR, UART_LSR_RECEIVED,
                          UART_LSR_RECEIVED, ticks);
        r->ah = inb(port + UART_LSR);
        if (ready) {
            r->ah &= UART_LSR_ERRORS;
            r->al = inb(port + UART_DATA);
        } else {
            r->ah |= SERIAL_TIMEOUT;
        }
        break;
    case 0x03:
        serial_status(r, port);
        break;
    }
}

static void print_byte(uint16_t port, uint8_t c)
{
    uint8_t control = inb(port + LPT_CONTROL);

    outb(port + LPT_DATA, c);
    outb(port + LPT_CONTROL, control | LPT_CONTROL_STROBE);
    timer_delay_us(LPT_STROBE_US);
    outb(port + LPT_CONTROL, control & (uint8_t)~LPT_CONTROL_STROBE);
}

void handle_17(struct bregs *r)
{
    uint16_t port = r->dx < ARRAY_SIZE(bda->lpt_port) ?
                    bda->lpt_port[r->dx] : 0;
    bool ready = true;

    if (!port)
        return;
    switch (r->ah) {
    case 0x00:
        ready = wait_port(port + LPT_STATUS, LPT_STATUS_NOT_BUSY,
                          LPT_STATUS_NOT_BUSY, bda->lpt_timeout[r->dx]);
        if (ready)
            print_byte(port, r->al);
        break;
    case 0x01:
        outb(port + LPT_CONTROL, LPT_CONTROL_SELECT);
        timer_delay_us(LPT_INIT_US);
        outb(port + LPT_CONTROL, LPT_CONTROL_SELECT | LPT_CONTROL_INIT);
        break;
    case 0x02:
        break;
    default:
        return;
    }
    r->ah = ((inb(port + LPT_STATUS) ^ LPT_STATUS_INVERTED) &
             LPT_STATUS_KEPT) | (ready ? 0 : LPT_TIMEOUT);
}
