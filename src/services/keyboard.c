/* SPDX-License-Identifier: MIT */
/*
 * INT 09h: scan codes become keys in the BIOS data area's buffer.
 * INT 16h and key_read(): keys leave it.  Resident.
 *
 * keymap.c has the meaning of the keys, hw/ps2.c the controller.
 * IBM PS/2 and Personal Computer BIOS Interface Technical Reference,
 * INT 09h, INT 15h AH=4Fh, INT 16h.
 *
 * Long because IRQ 1, INT 09h and INT 16h share the shift states and the
 * buffer.
 */
#include "services/services.h"

#include "core/bda.h"
#include "core/real.h"
#include "core/reset.h"
#include "core/v86.h"
#include "hw/pic.h"
#include "hw/ps2.h"
#include "lib/err.h"
#include "lib/timer.h"
#include "services/keymap.h"
#include "services/sercon.h"

/* BDA 17h, low byte: shift states as INT 16h AH=02h reports them */
#define SHIFT_RIGHT         (1u << 0)
#define SHIFT_LEFT          (1u << 1)
#define SHIFT_CTRL          (1u << 2)
#define SHIFT_ALT           (1u << 3)
#define LOCK_SCROLL         (1u << 4)
#define LOCK_NUM            (1u << 5)
#define LOCK_CAPS           (1u << 6)
#define LOCK_INSERT         (1u << 7)
/* high byte: keys that are down */
#define DOWN_LEFT_CTRL      (1u << 8)
#define DOWN_LEFT_ALT       (1u << 9)
#define DOWN_SYSREQ         (1u << 10)
#define DOWN_SCROLL         (1u << 12)
#define DOWN_NUM            (1u << 13)
#define DOWN_CAPS           (1u << 14)
#define DOWN_INSERT         (1u << 15)

/* BDA 96h */
#define MODE_E1             (1u << 0)   /* the last code was E1h */
#define MODE_E0             (1u << 1)
#define MODE_RIGHT_CTRL     (1u << 2)
#define MODE_RIGHT_ALT      (1u << 3)

/* BDA 97h: the keyboard's LEDs, in the order of the locks */
#define LEDS                0x07u
#define LOCKS_TO_LEDS(f)    (((f) >> 4) & LEDS)

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

#define KEYBOARD_ID         0x41abu     /* 101 keys, translated */

void (*key_poll_usb)(void);

/* ------------------------------------------------------------- the buffer */

/* Offsets into segment 40h. */
static volatile uint16_t *slot(uint16_t offset)
{
    return (volatile uint16_t *)((uintptr_t)bda + offset);
}

static uint16_t slot_after(uint16_t offset)
{
    uint16_t next = (uint16_t)(offset + 2);

    return next >= bda->kbd_buf_end ? bda->kbd_buf_start : next;
}

bool key_push(uint16_t key)
{
    uint16_t tail = bda->kbd_tail;
    uint16_t next = slot_after(tail);

    if (next == bda->kbd_head)
        return false;
    *slot(tail) = key;
    bda->kbd_tail = next;
    return true;
}

unsigned key_room(void)
{
    unsigned slots = (uint16_t)(bda->kbd_buf_end - bda->kbd_buf_start) / 2u;
    unsigned used = (uint16_t)(bda->kbd_tail - bda->kbd_head) / 2u;

    if (bda->kbd_tail < bda->kbd_head)
        used = slots - (uint16_t)(bda->kbd_head - bda->kbd_tail) / 2u;
    return used < slots ? slots - used - 1 : 0;
}

/* Keys that do not come by an interrupt. */
static void poll_keyboards(void)
{
    sercon_poll();
    if (key_poll_usb != NULL)
        key_poll_usb();
}

void key_flush(void)
{
    poll_keyboards();
    bda->kbd_head = bda->kbd_tail;
}

static bool key_waits(void)
{
    return bda->kbd_head != bda->kbd_tail;
}

/* Only when key_waits(). */
static uint16_t key_first(void)
{
    return *slot(bda->kbd_head);
}

static void key_drop(void)
{
    bda->kbd_head = slot_after(bda->kbd_head);
}

/* ------------------------------------------------------- INT 09h: keys in */

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

/* ------------------------------------------------------ INT 16h: keys out */

static void leds_update(void)
{
    uint8_t want = LOCKS_TO_LEDS(bda->kbd_flags);
    uint8_t command[] = { PS2_KBD_LEDS, want };

    if ((bda->kbd_leds & LEDS) == want)
        return;
    bda->kbd_leds = (uint8_t)((bda->kbd_leds & ~LEDS) | want);
    /* a keyboard without LEDs is no reason for an error */
    (void)ps2_command(false, command, sizeof(command), NULL, 0);
}

/* A key as a program sees it that knows only 83 keys. */
static uint16_t key_to_83(uint16_t key)
{
    switch (key) {
    case 0xe00d:
        return 0x1c0d;          /* the keypad's Enter */
    case 0xe00a:
        return 0x1c0a;
    case 0xe02f:
        return 0x352f;
    }
    if ((key & 0xff) == 0xe0 && (key & 0xff00))
        return key & 0xff00;
    return key;
}

/* The mark of keys that INT 16h AH=10h reports, too, as having no ASCII. */
static uint16_t key_out(uint16_t key, bool enhanced)
{
    if (!enhanced)
        key = key_to_83(key);
    if ((key & 0xff) == 0xf0 && (key & 0xff00))
        key &= 0xff00;
    return key;
}

static bool key_look(void)
{
    leds_update();
    poll_keyboards();
    if (key_waits())
        return true;
    yield();                    /* callers may poll with interrupts off */
    return key_waits();
}

/* AH=00h, 10h */
static void take_key(struct bregs *r, bool enhanced)
{
    while (!key_look()) {
        v86_ask_again();
        yield_halt();
    }
    r->ax = key_out(key_first(), enhanced);
    key_drop();
}

/* AH=01h, 11h: ZF when there is none */
static void look_for_key(struct bregs *r, bool enhanced)
{
    bool waits = key_look();

    set_flag(r, FLAG_ZF, !waits);
    if (waits)
        r->ax = key_out(key_first(), enhanced);
}

/* AX=0305h: how fast a held key repeats: BH pause, BL rate */
static void set_repetition(struct bregs *r)
{
    uint8_t command[] = {
        PS2_DEV_RATE, (uint8_t)((r->bh & 3) << 5 | (r->bl & 0x1f)),
    };

    if (r->al == 0x05)          /* INT 16h has no way to report an error */
        (void)ps2_command(false, command, sizeof(command), NULL, 0);
}

/* AH=12h: states of both Ctrl and Alt keys, and of the locks */
static uint8_t keys_down(void)
{
    uint8_t high = (uint8_t)(bda->kbd_flags >> 8);
    uint8_t v = (high & 0x73) | (bda->kbd_mode & 0x0c);

    if (bda->kbd_flags & DOWN_SYSREQ)
        v |= 0x80;
    return v;
}

void handle_16(struct bregs *r)
{
    switch (r->ah) {
    case 0x00:
    case 0x10:
        take_key(r, r->ah == 0x10);
        break;
    case 0x01:
    case 0x11:
        look_for_key(r, r->ah == 0x11);
        break;
    case 0x12:
        r->ah = keys_down();
        /* fall through */
    case 0x02:
        r->al = (uint8_t)bda->kbd_flags;
        break;
    case 0x03:
        set_repetition(r);
        break;
    case 0x05:
        r->al = !key_push(r->cx);
        break;
    case 0x09:
        r->al = 0x30;           /* AH=0Ah and 10h-12h are there */
        break;
    case 0x0a:
        r->bx = KEYBOARD_ID;
        break;
    case 0x92:
        r->ah = 0x80;           /* asks for 10h-12h: they are there */
        break;
    case 0xa2:                  /* asks for 20h-22h: not there, AH stays */
        break;
    }
}

/* Through the vector, since an option ROM's console may sit there. */
int key_read(uint32_t wait_ms)
{
    struct deadline d = timer_deadline_ms(wait_ms);

    for (;;) {
        struct bregs r = { .ax = 0x1100, .flags = FLAG_ZF };

        call16_int(0x16, &r);
        if (!(r.flags & FLAG_ZF)) {
            r.ax = 0x1000;
            call16_int(0x16, &r);
            return r.ax;
        }
        if (wait_ms == 0 || timer_expired(&d))
            return ERR_TIMEOUT;
        yield_halt();
    }
}
