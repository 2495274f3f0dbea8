/* SPDX-License-Identifier: MIT */
/*
 * INT 16h and key_read(): keys leave the BIOS data area's buffer.  Resident.
 *
 * IBM PS/2 and Personal Computer BIOS Interface Technical Reference, INT 16h.
 */
#include "core/bda.h"
#include "core/real.h"
#include "core/v86.h"
#include "hw/ps2.h"
#include "lib/err.h"
#include "lib/timer.h"
#include "services/keys.h"
#include "services/sercon.h"
#include "services/services.h"

/* BDA 97h: the keyboard's LEDs, in the order of the locks */
#define LEDS                0x07u
#define LOCKS_TO_LEDS(f)    (((f) >> 4) & LEDS)

#define KEYBOARD_ID         0x41abu     /* 101 keys, translated */

void (*key_poll_usb)(void);

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
