/* SPDX-License-Identifier: MIT */
/*
 * INT 09h: scan codes become keys in the BIOS data area's buffer.  Resident.
 *
 * keymap.c has the meaning of the keys, hw/ps2.c the controller, int16.c gives
 * the keys to programs.
 * IBM PS/2 and Personal Computer BIOS Interface Technical Reference, INT 09h,
 * INT 15h AH=4Fh.
 */
#include "services/services.h"

#include "core/bda.h"
#include "core/real.h"
#include "core/reset.h"
#include "hw/pic.h"
#include "hw/ps2.h"
#include "services/keymap.h"
#include "services/keys.h"

/* BDA 96h */
#define MODE_E1             (1u << 0)   /* the last code was E1h */
#define MODE_E0             (1u << 1)
#define MODE_RIGHT_CTRL     (1u << 2)
#define MODE_RIGHT_ALT      (1u << 3)

#define BREAK_PRESSED       (1u << 7)   /* BDA 71h */
#define SOFT_RESET          0x1234u     /* BDA 72h */

/* Scan codes that keymap.c does not explain */
#define CODE_RELEASE        0x80u
#define CODE_CTRL           0x1du
#define CODE_SHIFT_LEFT     0x2au
#define CODE_SHIFT_RIGHT    0x36u
#define CODE_PRINT          0x37u
#define CODE_ALT            0x38u
#define CODE_CAPS           0x3au
#define CODE_NUM            0x45u
#define CODE_SCROLL         0x46u
#define CODE_PAD_FIRST      0x47u
#define CODE_INSERT         0x52u
#define CODE_DELETE         0x53u
#define CODE_SYSREQ         0x54u
#define CODE_E0             0xe0u
#define CODE_E1             0xe1u
#define CODE_ANSWER         0xf0u       /* from here: answers, not keys */

static void set_flags(uint16_t mask, bool on)
{
    uint16_t v = bda->kbd_flags;

    bda->kbd_flags = on ? v | mask : v & (uint16_t)~mask;
}

static void set_mode(uint8_t mask, bool on)
{
    uint8_t v = bda->kbd_mode;

    bda->kbd_mode = on ? v | mask : v & (uint8_t)~mask;
}

/* A key that changes a state each time it goes down, but not when it
 * repeats. */
static void toggle(uint16_t lock, uint16_t down, bool release)
{
    if (!release && !(bda->kbd_flags & down))
        bda->kbd_flags ^= lock;
    set_flags(down, !release);
}

static void interrupt(uint8_t vector, uint16_t ax)
{
    struct bregs r = { .ax = ax };

    call16_int(vector, &r);
}

static void control_break(void)
{
    bda->kbd_head = bda->kbd_tail = bda->kbd_buf_start;
    bda->break_flag |= BREAK_PRESSED;
    interrupt(0x1b, 0);
    (void)key_push(0);          /* the buffer is empty: there is room */
}

/* Alt is up: the number typed on the keypad meanwhile is a character. */
static void alt_released(void)
{
    uint8_t c = bda->alt_keypad;

    if (c) {
        (void)key_push(c);      /* lost when the buffer is full */
        bda->alt_keypad = 0;
    }
}

static void control_key(bool release, bool e0)
{
    if (e0)
        set_mode(MODE_RIGHT_CTRL, !release);
    else
        set_flags(DOWN_LEFT_CTRL, !release);
    set_flags(SHIFT_CTRL, (bda->kbd_flags & DOWN_LEFT_CTRL) ||
              (bda->kbd_mode & MODE_RIGHT_CTRL));
}

static void alt_key(bool release, bool e0)
{
    if (e0)
        set_mode(MODE_RIGHT_ALT, !release);
    else
        set_flags(DOWN_LEFT_ALT, !release);
    set_flags(SHIFT_ALT, (bda->kbd_flags & DOWN_LEFT_ALT) ||
              (bda->kbd_mode & MODE_RIGHT_ALT));
    if (!(bda->kbd_flags & SHIFT_ALT))
        alt_released();
}

static void sysreq(bool release)
{
    if (release == !(bda->kbd_flags & DOWN_SYSREQ))
        return;                 /* a repetition */
    set_flags(DOWN_SYSREQ, !release);
    interrupt(0x15, release ? 0x8501 : 0x8500);
}

/* Keys that are no characters.  true: that was one. */
static bool special_key(uint8_t code, bool release, bool e0)
{
    switch (code) {
    case CODE_SHIFT_LEFT:
    case CODE_SHIFT_RIGHT:
        if (!e0)                /* with E0h the keyboard made it up */
            set_flags(code == CODE_SHIFT_LEFT ? SHIFT_LEFT : SHIFT_RIGHT,
                      !release);
        return true;
    case CODE_CTRL:
        control_key(release, e0);
        return true;
    case CODE_ALT:
        alt_key(release, e0);
        return true;
    case CODE_CAPS:
        toggle(LOCK_CAPS, DOWN_CAPS, release);
        return true;
    case CODE_NUM:
        toggle(LOCK_NUM, DOWN_NUM, release);
        return true;
    case CODE_SCROLL:
        if (!e0)
            toggle(LOCK_SCROLL, DOWN_SCROLL, release);
        else if (!release)
            control_break();
        return true;
    case CODE_SYSREQ:
        sysreq(release);
        return true;
    case CODE_INSERT:
        if (e0 || !(bda->kbd_flags & SHIFT_ALT))
            toggle(LOCK_INSERT, DOWN_INSERT, release);
        return false;           /* is a key as well */
    case CODE_PRINT:
        if (!e0)
            return false;
        if (!release)
            interrupt(0x05, 0);
        return true;
    }
    return false;
}

/* A digit of the keypad while Alt is down, or -1. */
static int pad_digit(uint8_t code)
{
    static const int8_t digits[] = { 7, 8, 9, -1, 4, 5, 6, -1, 1, 2, 3, 0 };

    if (code < CODE_PAD_FIRST || code >= CODE_PAD_FIRST + sizeof(digits))
        return -1;
    return digits[code - CODE_PAD_FIRST];
}

/* What a key types with the shifts and locks as they are; 0: nothing. */
static uint16_t key_meaning(uint8_t code, bool e0)
{
    uint16_t flags = bda->kbd_flags;
    const struct key *k;
    bool shift = flags & (SHIFT_LEFT | SHIFT_RIGHT);
    uint8_t c;

    if (e0)
        k = keymap_extended(code);
    else if (code >= KEYMAP_FIRST && code <= KEYMAP_LAST)
        k = &keymap[code - KEYMAP_FIRST];
    else
        k = NULL;
    if (!k)
        return 0;
    if (flags & SHIFT_ALT)
        return k->alt;
    if (flags & SHIFT_CTRL)
        return k->ctrl;
    c = (uint8_t)k->plain;
    if ((flags & LOCK_CAPS) && c >= 'a' && c <= 'z')
        shift = !shift;
    if ((flags & LOCK_NUM) && !e0 && code >= CODE_PAD_FIRST &&
        code <= CODE_DELETE)
        shift = !shift;
    return shift ? k->shift : k->plain;
}

static void key_pressed(uint8_t code, bool e0)
{
    uint16_t flags = bda->kbd_flags;
    uint16_t key;
    int digit;

    if ((flags & SHIFT_ALT) && (flags & SHIFT_CTRL) && code == CODE_DELETE) {
        bda->soft_reset = SOFT_RESET;
        platform_reset();
    }
    digit = (flags & SHIFT_ALT) && !e0 ? pad_digit(code) : -1;
    if (digit >= 0) {
        bda->alt_keypad = (uint8_t)(bda->alt_keypad * 10 + digit);
        return;
    }
    key = key_meaning(code, e0);
    if (key)
        (void)key_push(key);    /* full: lost, as on every PC */
}

/* INT 15h AH=4Fh may change or swallow a scan code. */
static bool intercept(uint8_t *code)
{
    struct bregs r = { .ax = (uint16_t)(0x4f00 | *code), .flags = FLAG_CF };

    call16_int(0x15, &r);
    *code = r.al;
    return r.flags & FLAG_CF;
}

void key_scancode(uint8_t code)
{
    bool release, e0;

    if (!intercept(&code))
        return;
    if (code == CODE_E0 || code == CODE_E1) {
        set_mode(code == CODE_E0 ? MODE_E0 : MODE_E1, true);
        return;
    }
    if (code >= CODE_ANSWER)
        return;
    release = code & CODE_RELEASE;
    code &= (uint8_t)~CODE_RELEASE;
    if (bda->kbd_mode & MODE_E1) {      /* Pause is E1 1D 45 E1 9D C5 */
        if (code == CODE_NUM)
            set_mode(MODE_E1, false);
        return;
    }
    e0 = bda->kbd_mode & MODE_E0;
    set_mode(MODE_E0, false);
    if (!special_key(code, release, e0) && !release)
        key_pressed(code, e0);
}

void handle_key(struct bregs *r)
{
    key_scancode(r->al);
}

void handle_09(struct bregs *r)
{
    int code = ps2_take(false);

    (void)r;                    /* an IRQ: nothing goes in or out */
    if (code >= 0)
        key_scancode((uint8_t)code);
    pic_eoi1();
}
