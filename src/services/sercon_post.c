/* SPDX-License-Identifier: MIT */
/*
 * Start of the serial console.  POST only.
 */
#include "services/services.h"

#include "core/alloc.h"
#include "core/bda.h"
#include "core/real.h"
#include "core/v86.h"
#include "lib/io.h"
#include "lib/print.h"
#include "services/console.h"
#include "services/sercon.h"

#define FCR_ENABLE_CLEAR    0x07u       /* both FIFOs on and empty */
#define FCR_TRIGGER_14      0xc0u       /* QEMU fills the FIFO up to here */
#define DIVISOR_115200      1u
#define ABSENT              0xffu

extern char entry_10[];

static bool uart_start(uint16_t port)
{
    if (inb(port + UART_LSR) == ABSENT)
        return false;
    outb(port + UART_LCR, UART_LCR_DIVISOR | UART_LCR_8N1);
    outb(port + UART_DIVISOR_LOW, DIVISOR_115200);
    outb(port + UART_DIVISOR_HIGH, 0);
    outb(port + UART_LCR, UART_LCR_8N1);
    outb(port + UART_IER, 0);
    outb(port + UART_FCR, FCR_ENABLE_CLEAR | FCR_TRIGGER_14);
    outb(port + UART_MCR, UART_MCR_DTR_RTS);
    return inb(port + UART_LCR) == UART_LCR_8N1;
}

void sercon_setup(uint16_t port)
{
    uint16_t entry = (uint16_t)(uintptr_t)entry_10;
    struct bregs r = { .ax = 0x0003 };

    if (!uart_start(port)) {
        print("Serial console: no 16550 at port %xh; not used\n", port);
        return;
    }
    sercon.cells = malloc_high(SERCON_ROWS * SERCON_COLS *
                               sizeof(*sercon.cells), 4);
    if (ivt[0x10].seg != SEG_BIOS || ivt[0x10].off != entry)
        sercon.vga = (struct farptr){ ivt[0x10].off, ivt[0x10].seg };
    v86_video = sercon.vga;
    ivt[0x10].off = entry;
    ivt[0x10].seg = SEG_BIOS;
    sercon.port = port;
    for (unsigned i = 0; sercon.cells && i < SERCON_ROWS * SERCON_COLS; i++)
        sercon.cells[i] = SERCON_ATTR << 8 | ' ';
    if (sercon.vga.seg)         /* its screen is clear, and so is ours then */
        sercon_clear(SERCON_ATTR);
    else
        handle_10(&r);
}
