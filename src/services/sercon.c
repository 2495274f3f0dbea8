/* SPDX-License-Identifier: MIT */
/*
 * The serial console's terminal: places, colours and characters become
 * control sequences and UTF-8 on a 16550.  Resident.
 *
 * Plain output stays plain: the terminal's cursor is moved only when it is
 * not where the next character goes, so that a log of text that was written
 * line by line has no control sequences.  Clearing relies on the terminal to
 * use the background colour that is set.
 *
 * ECMA-48 (CUP, ED, EL, SGR); DEC private mode 25 (cursor); National PC16550D.
 */
#include "services/sercon.h"

#include "lib/io.h"
#include "lib/print.h"
#include "lib/timer.h"
#include "services/services.h"

#define STALL_MS            100u        /* a port that takes nothing so long */
#define KEYS_PER_BYTE       4u          /* that one byte can make, at most */
#define BYTES_PER_POLL      16u         /* a 16550's FIFO */

#define BACKSPACES          4u          /* are shorter than a sequence */

#define ATTR_BRIGHT         (1u << 3)
#define ATTR_FOREGROUND(a)  ((a) & 7u)
#define ATTR_BACKGROUND(a)  (((a) >> 4) & 7u)
#define GREY                7u
#define BLACK               0u

struct sercon sercon;

/* What the terminal was told; column SERCON_COLS: a character stands in the
 * last column, and terminals differ in where the cursor then is. */
static struct {
    uint8_t row, col;
    uint8_t attr;
    bool cursor_hidden;
    bool stalled;               /* nobody reads: do not wait again */
} term = { .attr = SERCON_ATTR };

/* Code page 437 in Unicode */
static const uint16_t glyphs_low[32] = {
    0x0020,
    0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8,
    0x25cb, 0x25d9, 0x2642, 0x2640, 0x266a, 0x266b, 0x263c, 0x25ba,
    0x25c4, 0x2195, 0x203c, 0x00b6, 0x00a7, 0x25ac, 0x21a8, 0x2191,
    0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
};

static const uint16_t glyphs_high[128] = {
    0x00c7, 0x00fc, 0x00e9, 0x00e2, 0x00e4, 0x00e0, 0x00e5, 0x00e7,
    0x00ea, 0x00eb, 0x00e8, 0x00ef, 0x00ee, 0x00ec, 0x00c4, 0x00c5,
    0x00c9, 0x00e6, 0x00c6, 0x00f4, 0x00f6, 0x00f2, 0x00fb, 0x00f9,
    0x00ff, 0x00d6, 0x00dc, 0x00a2, 0x00a3, 0x00a5, 0x20a7, 0x0192,
    0x00e1, 0x00ed, 0x00f3, 0x00fa, 0x00f1, 0x00d1, 0x00aa, 0x00ba,
    0x00bf, 0x2310, 0x00ac, 0x00bd, 0x00bc, 0x00a1, 0x00ab, 0x00bb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556,
    0x2555, 0x2563, 0x2551, 0x2557, 0x255d, 0x255c, 0x255b, 0x2510,
    0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567,
    0x2568, 0x2564, 0x2565, 0x2559, 0x2558, 0x2552, 0x2553, 0x256b,
    0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x03b1, 0x00df, 0x0393, 0x03c0, 0x03a3, 0x03c3, 0x00b5, 0x03c4,
    0x03a6, 0x0398, 0x03a9, 0x03b4, 0x221e, 0x03c6, 0x03b5, 0x2229,
    0x2261, 0x00b1, 0x2265, 0x2264, 0x2320, 0x2321, 0x00f7, 0x2248,
    0x00b0, 0x2219, 0x00b7, 0x221a, 0x207f, 0x00b2, 0x25a0, 0x00a0,
};

static void send(char c)
{
    uint16_t status = sercon.port + UART_LSR;

    if (!(inb(status) & UART_LSR_CAN_SEND)) {
        struct deadline d;

        if (term.stalled)
            return;
        d = timer_deadline_ms(STALL_MS);
        while (!(inb(status) & UART_LSR_CAN_SEND)) {
            if (timer_expired(&d)) {
                term.stalled = true;
                return;
            }
        }
    }
    term.stalled = false;
    outb(sercon.port + UART_DATA, (uint8_t)c);
}

static void send_text(const char *s)
{
    while (*s)
        send(*s++);
}

static void send_utf8(uint16_t c)
{
    if (c < 0x80) {
        send((char)c);
        return;
    }
    if (c < 0x800) {
        send((char)(0xc0 | c >> 6));
    } else {
        send((char)(0xe0 | c >> 12));
        send((char)(0x80 | (c >> 6 & 0x3f)));
    }
    send((char)(0x80 | (c & 0x3f)));
}

static void send_glyph(uint8_t c)
{
    if (c < 0x20)
        send_utf8(glyphs_low[c]);
    else if (c >= 0x80)
        send_utf8(glyphs_high[c - 0x80]);
    else
        send(c == 0x7f ? ' ' : (char)c);
}

/* The BIOS counts colours blue, green, red; terminals the other way. */
static unsigned ansi_colour(unsigned c)
{
    return (c & 2) | (c & 1) << 2 | (c & 4) >> 2;
}

static void set_attr(uint8_t attr)
{
    unsigned fore = ATTR_FOREGROUND(attr), back = ATTR_BACKGROUND(attr);
    char text[16];

    if (attr == term.attr)
        return;
    term.attr = attr;
    send_text(attr & ATTR_BRIGHT ? "\x1b[0;1" : "\x1b[0");
    if (fore != GREY || back != BLACK) {
        format(text, sizeof(text), ";3%u", ansi_colour(fore));
        send_text(text);
    }
    if (back != BLACK) {
        format(text, sizeof(text), ";4%u", ansi_colour(back));
        send_text(text);
    }
    send('m');
}

void sercon_cursor_move(unsigned row, unsigned col)
{
    char text[16];

    if (!sercon.port || (term.row == row && term.col == col))
        return;
    if (term.row == row && col == 0) {
        send('\r');
    } else if (term.row == row && col < term.col &&
               term.col < SERCON_COLS && term.col - col <= BACKSPACES) {
        for (unsigned i = term.col; i > col; i--)
            send('\b');
    } else {
        format(text, sizeof(text), "\x1b[%u;%uH", row + 1, col + 1);
        send_text(text);
    }
    term.row = (uint8_t)row;
    term.col = (uint8_t)col;
}

void sercon_char(unsigned row, unsigned col, uint8_t c, uint8_t attr)
{
    if (!sercon.port)
        return;
    sercon_cursor_move(row, col);
    set_attr(attr);
    send_glyph(c);
    term.col++;
}

/* With a CR, since a terminal line may add one behind our back. */
void sercon_line_feed(void)
{
    if (!sercon.port)
        return;
    if (term.col != 0)
        send('\r');
    send('\n');
    term.col = 0;
    if (term.row + 1u < bda->video_rows + 1u)
        term.row++;
}

void sercon_bell(void)
{
    if (sercon.port)
        send('\a');
}

void sercon_clear(uint8_t attr)
{
    if (!sercon.port)
        return;
    set_attr(attr);
    send_text("\x1b[H\x1b[2J");
    term.row = 0;
    term.col = 0;
}

void sercon_clear_row(unsigned row, unsigned col, uint8_t attr)
{
    if (!sercon.port || col >= SERCON_COLS)
        return;
    sercon_cursor_move(row, col);
    set_attr(attr);
    send_text("\x1b[K");
}

void sercon_cursor_show(bool on)
{
    if (!sercon.port || term.cursor_hidden == !on)
        return;
    term.cursor_hidden = !on;
    send_text(on ? "\x1b[?25h" : "\x1b[?25l");
}

void sercon_poll(void)
{
    uint16_t at = bda->cursor_pos[bda->video_page & 7];

    if (!sercon.port)
        return;
    if (!term.cursor_hidden)
        sercon_cursor_move(at >> 8, at & 0xff);
    for (unsigned i = 0; i < BYTES_PER_POLL; i++) {
        if (key_room() < KEYS_PER_BYTE ||
            !(inb(sercon.port + UART_LSR) & UART_LSR_RECEIVED))
            break;
        sercon_key_byte(inb(sercon.port + UART_DATA));
    }
    sercon_key_idle();
}
