/* SPDX-License-Identifier: MIT */
/*
 * Keys of a serial terminal: characters and the sequences that xterm, VT
 * terminals, the Linux console and PuTTY send for special keys.  Resident.
 *
 * A sequence begins with ESC, which is a key, too: ESC counts as the key when
 * nothing follows within a moment.  ECMA-48, 5.4 (control sequences); xterm
 * "PC-Style Function Keys" and "VT220-Style Function Keys".
 */
#include "services/sercon.h"

#include "lib/timer.h"
#include "services/keymap.h"
#include "services/services.h"

#define ESC                 0x1bu
#define DEL                 0x7fu
#define KEY_ESC             0x011bu
#define KEY_BACKSPACE       0x0e08u
#define KEY_ENTER           0x1c0du
#define ALONE_MS            50u

/* What came of a sequence so far */
enum stage {
    STAGE_NONE,
    STAGE_ESC,                  /* ESC */
    STAGE_SS3,                  /* ESC O */
    STAGE_CSI,                  /* ESC [ and maybe numbers */
    STAGE_CONSOLE,              /* ESC [ [, of the Linux console */
};

static struct {
    uint8_t stage;              /* enum stage */
    uint8_t number;             /* the first one */
    bool more_numbers;          /* modifiers follow: they do not count */
    struct deadline alone;
} in;

/* ESC [ letter and ESC O letter */
static const struct { char letter; uint16_t key; } letters[] = {
    { 'A', 0x48e0 }, { 'B', 0x50e0 }, { 'C', 0x4de0 }, { 'D', 0x4be0 },
    { 'H', 0x47e0 }, { 'F', 0x4fe0 },
    { 'P', 0x3b00 }, { 'Q', 0x3c00 }, { 'R', 0x3d00 }, { 'S', 0x3e00 },
    { 'Z', 0x0f00 }, { 'M', KEY_ENTER },
};

/* ESC [ number ~ */
static const struct { uint8_t number; uint16_t key; } numbers[] = {
    { 1, 0x47e0 }, { 2, 0x52e0 }, { 3, 0x53e0 }, { 4, 0x4fe0 },
    { 5, 0x49e0 }, { 6, 0x51e0 }, { 7, 0x47e0 }, { 8, 0x4fe0 },
    { 11, 0x3b00 }, { 12, 0x3c00 }, { 13, 0x3d00 }, { 14, 0x3e00 },
    { 15, 0x3f00 }, { 17, 0x4000 }, { 18, 0x4100 }, { 19, 0x4200 },
    { 20, 0x4300 }, { 21, 0x4400 }, { 23, 0x8500 }, { 24, 0x8600 },
};

static void push(uint16_t key)
{
    (void)key_push(key);        /* sercon_poll() has seen to the room */
}

static void push_char(uint8_t c)
{
    if (c == DEL)
        push(KEY_BACKSPACE);
    else if (c == '\n')
        push(KEY_ENTER);
    else
        push(keymap_from_ascii(c));
}

static void push_letter(uint8_t c)
{
    for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
        if (letters[i].letter == (char)c)
            push(letters[i].key);
}

static void push_number(uint8_t number)
{
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
        if (numbers[i].number == number)
            push(numbers[i].key);
}

static void begin(void)
{
    in.stage = STAGE_ESC;
    in.number = 0;
    in.more_numbers = false;
}

/* A byte behind ESC [: digits, ';', and then the letter that ends it. */
static void control_byte(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        if (!in.more_numbers)
            in.number = (uint8_t)(in.number * 10 + (c - '0'));
    } else if (c == ';') {
        in.more_numbers = true;
    } else if (c == '[' && in.number == 0 && !in.more_numbers) {
        in.stage = STAGE_CONSOLE;
    } else {
        in.stage = STAGE_NONE;
        if (c == '~')
            push_number(in.number);
        else
            push_letter(c);
    }
}

void sercon_key_byte(uint8_t c)
{
    enum stage stage = in.stage;

    in.alone = timer_deadline_ms(ALONE_MS);
    if (c == ESC) {
        if (stage != STAGE_NONE)
            push(KEY_ESC);      /* the one before was alone */
        begin();
        return;
    }
    switch (stage) {
    case STAGE_NONE:
        push_char(c);
        break;
    case STAGE_ESC:
        in.stage = c == '[' ? STAGE_CSI : c == 'O' ? STAGE_SS3 : STAGE_NONE;
        if (in.stage == STAGE_NONE) {
            push(KEY_ESC);
            push_char(c);
        }
        break;
    case STAGE_CSI:
        control_byte(c);
        break;
    case STAGE_SS3:
        in.stage = STAGE_NONE;
        push_letter(c);
        break;
    case STAGE_CONSOLE:
        in.stage = STAGE_NONE;
        if (c >= 'A' && c <= 'E')
            push((uint16_t)(0x3b00 + ((c - 'A') << 8)));
        break;
    }
}

void sercon_key_idle(void)
{
    if (in.stage == STAGE_NONE || !timer_expired(&in.alone))
        return;
    push(KEY_ESC);
    if (in.stage == STAGE_CSI && in.number == 0)
        push_char('[');
    else if (in.stage == STAGE_SS3)
        push_char('O');
    in.stage = STAGE_NONE;
}
