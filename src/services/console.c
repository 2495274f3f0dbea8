/* SPDX-License-Identifier: MIT */
/*
 * INT 10h without a VGA ROM, and beside one: text goes to the serial console.
 * Resident.
 *
 * With a VGA ROM each call is shown on the terminal as the screen stood
 * before it, then the ROM does it.  Without one the state of the screen in
 * the BIOS data area is kept here.  Without a serial console either, INT 10h
 * changes nothing: an option ROM that has hooked it may keep that state (as
 * sgabios does).  sercon.c speaks to the terminal.
 *
 * IBM PS/2 BIOS Interface Technical Reference, INT 10h.
 */
#include "services/console.h"

#include <string.h>

#include "core/bda.h"
#include "core/caller.h"
#include "core/real.h"
#include "core/v86.h"
#include "services/sercon.h"
#include "services/services.h"

#define MODE_TEXT_COLOUR    0x03u
#define MODE_KEEP           (1u << 7)   /* AH=00h: do not clear */
#define VBE_KEEP            (1u << 15)  /* AX=4F02h: the same in BX */
#define ROWS                25u
#define CURSOR_DEFAULT      0x0607u
#define CURSOR_OFF          (1u << 5)   /* in CH */
#define CHAR_HEIGHT         16u
#define CRTC_COLOUR         0x3d4u
#define PAGES               8u
#define BLANK(attr)         ((uint16_t)((attr) << 8 | ' '))

/* Where the next character goes */
struct cursor { uint8_t row, col; };

static bool in_vga;             /* the ROM runs in real mode: from_vga() */

static unsigned screen_rows(void)
{
    unsigned rows = bda->video_rows + 1u;

    return rows == 1 ? ROWS : rows < SERCON_ROWS ? rows : SERCON_ROWS;
}

static unsigned screen_cols(void)
{
    unsigned cols = bda->video_cols;

    return cols > 0 && cols < SERCON_COLS ? cols : SERCON_COLS;
}

/* Where text goes on in the next row; graphics modes have wider rows than
 * the terminal, which then shows their left part. */
static unsigned row_end(void)
{
    unsigned cols = bda->video_cols;

    return cols ? cols : SERCON_COLS;
}

static struct cursor cursor_get(uint8_t page)
{
    uint16_t v = bda->cursor_pos[page % PAGES];

    return (struct cursor){ .row = (uint8_t)(v >> 8), .col = (uint8_t)v };
}

static void cursor_set(uint8_t page, struct cursor at)
{
    bda->cursor_pos[page % PAGES] = (uint16_t)(at.row << 8 | at.col);
}

/* The cell at a place; places outside the screen have one, too. */
static uint16_t *cell(unsigned row, unsigned col)
{
    static uint16_t outside;

    if (!sercon.cells || row >= SERCON_ROWS || col >= SERCON_COLS) {
        outside = BLANK(SERCON_ATTR);
        return &outside;
    }
    return &sercon.cells[row * SERCON_COLS + col];
}

static void cells_fill(unsigned row, unsigned col, unsigned count,
                       uint16_t value)
{
    for (; count; count--, col++)
        *cell(row, col) = value;
}

static void put(unsigned row, unsigned col, uint8_t c, uint8_t attr)
{
    *cell(row, col) = (uint16_t)(attr << 8 | c);
    if (row < screen_rows() && col < screen_cols())
        sercon_char(row, col, c, attr);
}

static void clear(uint8_t attr)
{
    for (unsigned row = 0; row < SERCON_ROWS; row++)
        cells_fill(row, 0, SERCON_COLS, BLANK(attr));
    sercon_clear(attr);
}

/* ---------------------------------------------------- characters in a row */

static void line_feed(struct cursor *at)
{
    unsigned last = screen_rows() - 1;

    sercon_cursor_move(at->row, at->col);
    sercon_line_feed();
    if (at->row < last) {
        at->row++;
        return;
    }
    if (sercon.cells) {
        memmove(sercon.cells, sercon.cells + SERCON_COLS,
                last * SERCON_COLS * sizeof(*sercon.cells));
        cells_fill(last, 0, SERCON_COLS, BLANK(SERCON_ATTR));
    }
}

static void teletype(struct cursor *at, uint8_t c, uint8_t attr)
{
    switch (c) {
    case '\a':
        sercon_bell();
        break;
    case '\b':
        if (at->col)
            at->col--;
        break;
    case '\n':
        line_feed(at);
        break;
    case '\r':
        at->col = 0;
        break;
    default:
        put(at->row, at->col, c, attr);
        if (++at->col >= row_end()) {
            at->col = 0;
            line_feed(at);
        }
        break;
    }
}

/* AH=0Eh */
static void write_teletype(struct bregs *r, struct cursor *at)
{
    teletype(at, r->al, (uint8_t)(*cell(at->row, at->col) >> 8));
}

/* AH=13h */
static void write_string(struct bregs *r, struct cursor *at)
{
    uint32_t s = linear(r->es, r->bp), cell_len = r->al & 2 ? 2 : 1;
    struct cursor before = *at;
    uint8_t attr = r->bl;

    *at = (struct cursor){ .row = r->dh, .col = r->dl };
    for (uint16_t i = 0; i < r->cx; i++) {
        uint8_t c[2] = { 0, attr };     /* and its attribute, with AL bit 1 */

        if (!caller_read(c, s, cell_len))
            break;
        s += cell_len;
        attr = c[1];
        teletype(at, c[0], attr);
    }
    if (!(r->al & 1))
        *at = before;
}

/* AH=09h, 0Ah: the same character CX times, the cursor stays. */
static void write_repeated(struct bregs *r, struct cursor *at)
{
    unsigned rows = screen_rows(), cols = screen_cols();
    unsigned row = at->row, col = at->col, left = r->cx;
    bool blank = r->ah == 0x09 && (r->al == ' ' || r->al == 0);

    if (blank && row == 0 && col == 0 && left >= rows * cols) {
        clear(r->bl);
        return;
    }
    for (; left && row < rows; row++, col = 0) {
        if (blank && col < cols && left >= cols - col) {
            cells_fill(row, col, cols - col, BLANK(r->bl));
            sercon_clear_row(row, col, r->bl);
            left -= cols - col;
            continue;
        }
        for (; left && col < cols; col++, left--)
            put(row, col, r->al, r->ah == 0x09 ? r->bl :
                                 (uint8_t)(*cell(row, col) >> 8));
    }
}

/* ---------------------------------------------------------------- scrolling */

/* Show part of a row as it stands in the cells. */
static void draw_row(unsigned row, unsigned left, unsigned right)
{
    unsigned end = right + 1;

    if (end == screen_cols()) {         /* its blank end is cleared at once */
        uint16_t last = *cell(row, right);

        if ((uint8_t)last == ' ') {
            while (end > left && *cell(row, end - 1) == last)
                end--;
            sercon_clear_row(row, end, (uint8_t)(last >> 8));
        }
    }
    for (unsigned col = left; col < end; col++)
        sercon_char(row, col, (uint8_t)*cell(row, col),
                    (uint8_t)(*cell(row, col) >> 8));
}

/* AH=06h up, 07h down: AL lines (0: all) of the window CX-DX. */
static void scroll(struct bregs *r)
{
    unsigned top = r->ch, left = r->cl;
    unsigned bottom = r->dh < screen_rows() ? r->dh : screen_rows() - 1;
    unsigned right = r->dl < screen_cols() ? r->dl : screen_cols() - 1;
    unsigned height = bottom - top + 1;
    unsigned count = r->al && r->al < height ? r->al : height;

    if (!sercon.cells || top > bottom || left > right)
        return;
    if (count == height && top == 0 && left == 0 &&
        bottom == screen_rows() - 1 && right == screen_cols() - 1) {
        clear(r->bh);
        return;
    }
    for (unsigned i = 0; i < height; i++) {
        unsigned to = r->ah == 0x06 ? top + i : bottom - i;
        unsigned from = r->ah == 0x06 ? to + count : to - count;

        if (i + count < height)
            memcpy(cell(to, left), cell(from, left), (right - left + 1) * 2);
        else
            cells_fill(to, left, right - left + 1, BLANK(r->bh));
        draw_row(to, left, right);
    }
}

/* -------------------------------------------------------- without VGA ROM */

void console_reset(void)
{
    bda->video_mode = MODE_TEXT_COLOUR;
    bda->video_cols = SERCON_COLS;
    bda->video_page_size = 0x1000;
    bda->video_page_start = 0;
    for (unsigned i = 0; i < PAGES; i++)
        bda->cursor_pos[i] = 0;
    bda->cursor_type = CURSOR_DEFAULT;
    bda->video_page = 0;
    bda->crtc_port = CRTC_COLOUR;
    bda->video_rows = ROWS - 1;
    bda->char_height = CHAR_HEIGHT;
}

/* Calls that change only what the BIOS data area holds. */
static void change_state(struct bregs *r)
{
    switch (r->ah) {
    case 0x00:
        console_reset();
        break;
    case 0x01:
        bda->cursor_type = r->cx;
        break;
    case 0x02:
        cursor_set(r->bh, (struct cursor){ .row = r->dh, .col = r->dl });
        break;
    case 0x05:
        bda->video_page = r->al % PAGES;
        break;
    }
}

/* Calls that report what the BIOS data area holds. */
static void report_state(struct bregs *r)
{
    struct cursor at = cursor_get(r->bh);

    switch (r->ah) {
    case 0x03:
        r->ax = 0;
        r->cx = bda->cursor_type;
        r->dh = at.row;
        r->dl = at.col;
        break;
    case 0x08:
        r->ax = *cell(at.row, at.col);
        break;
    case 0x0f:
        r->al = bda->video_mode;
        r->ah = (uint8_t)bda->video_cols;
        r->bh = bda->video_page;
        break;
    case 0x11:
        if (r->al == 0x30) {            /* the font's height, no font */
            r->cx = bda->char_height;
            r->dl = bda->video_rows;
        }
        break;
    }
}

/* ------------------------------------------------------------------ INT 10h */

/* Calls that show something.  The cursor in the BIOS data area is moved only
 * when nobody else does it. */
static void show(struct bregs *r, bool move_cursor)
{
    uint8_t page = r->ah == 0x0e ? bda->video_page : r->bh;
    struct cursor at = cursor_get(page);

    switch (r->ah) {
    case 0x00:
        if (!(r->al & MODE_KEEP))
            clear(SERCON_ATTR);
        sercon_cursor_show(true);
        return;
    case 0x01:
        sercon_cursor_show(!(r->ch & CURSOR_OFF));
        return;
    case 0x4f:
        if (r->al == 0x02 && !(r->bx & VBE_KEEP))
            clear(SERCON_ATTR);
        return;
    case 0x06:
    case 0x07:
        scroll(r);
        return;
    case 0x09:
    case 0x0a:
        write_repeated(r, &at);
        return;
    case 0x0e:
        write_teletype(r, &at);
        break;
    case 0x13:
        write_string(r, &at);
        break;
    default:
        return;
    }
    if (move_cursor)
        cursor_set(page, at);
}

static void pass_to_vga(struct bregs *r)
{
    struct bregs v = *r;
    bool before = in_vga;

    v.cs = sercon.vga.seg;
    v.ip = sercon.vga.off;
    if (!v86_call)
        in_vga = true;
    call16_iret(&v);
    if (!v86_call)
        in_vga = before;
    v.cs = r->cs;
    v.ip = r->ip;
    v.flags = r->flags;
    *r = v;
}

/* Is it a call that the ROM itself makes?  Of virtual-8086 callers there can be
 * several, of which one is in the ROM: there its segment tells. */
static bool from_vga(const struct bregs *r)
{
    return v86_call ? r->cs == sercon.vga.seg : in_vga;
}

void handle_10(struct bregs *r)
{
    if (sercon.vga.seg) {
        if (!from_vga(r))
            show(r, false);
        pass_to_vga(r);
    } else {
        if (sercon.port) {
            show(r, true);
            change_state(r);
        }
        report_state(r);
    }
}

void console_put(char c)
{
    struct bregs r = { .ax = (uint16_t)(0x0e00 | (uint8_t)c), .bx = 0x0007 };

    call16_int(0x10, &r);
}
