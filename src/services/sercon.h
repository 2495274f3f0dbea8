/* SPDX-License-Identifier: MIT */
/*
 * The serial console's terminal: text out, keys in.  All of it does nothing
 * until sercon_setup() has found a port.  Resident; rows and columns count
 * from 0.
 */
#ifndef SERCON_H
#define SERCON_H

#include "core/bda.h"

/* What the console is made of; filled in by sercon_setup(). */
struct sercon {
    uint16_t port;              /* 0: no serial console */
    struct farptr vga;          /* the VGA ROM's INT 10h; segment 0: none */
    uint16_t *cells;            /* what stands on the screen, or NULL */
};
extern struct sercon sercon;

#define SERCON_COLS         80u
#define SERCON_ROWS         50u         /* of cells[]; 25 in mode 3 */
#define SERCON_ATTR         0x07u       /* light grey on black */

/* 16550 UART */
#define UART_DATA           0u
#define UART_DIVISOR_LOW    0u
#define UART_IER            1u
#define UART_DIVISOR_HIGH   1u
#define UART_IIR            2u
#define UART_FCR            2u
#define UART_LCR            3u
#define UART_LCR_8N1        0x03u
#define UART_LCR_DIVISOR    (1u << 7)
#define UART_MCR            4u
#define UART_MCR_DTR_RTS    0x03u
#define UART_LSR            5u
#define UART_LSR_RECEIVED   (1u << 0)
#define UART_LSR_CAN_SEND   (1u << 5)
#define UART_MSR            6u

/* One character (code page 437) at a place, in the colours of attr. */
void sercon_char(unsigned row, unsigned col, uint8_t c, uint8_t attr);

/* The cursor advances by line feeds (scrolling at the end), bell. */
void sercon_line_feed(void);
void sercon_bell(void);

/* Clear the terminal's screen in the colours of attr. */
void sercon_clear(uint8_t attr);

/* Clear from a place to the end of its row. */
void sercon_clear_row(unsigned row, unsigned col, uint8_t attr);

void sercon_cursor_move(unsigned row, unsigned col);
void sercon_cursor_show(bool show);

/* Take what the terminal sent, as keys; place its cursor where INT 10h has
 * it.  To be called whenever somebody looks for keys. */
void sercon_poll(void);

/* sercon_key.c: make keys of received bytes. */
void sercon_key_byte(uint8_t c);
/* Nothing more has come: a lone ESC is a key after a while. */
void sercon_key_idle(void);

#endif
