/* SPDX-License-Identifier: MIT */
/*
 * The PS/2 mouse: INT 15h AH=C2h and IRQ 12.  Resident.  hw/ps2.c talks to
 * the controller.
 *
 * IBM PS/2 BIOS Interface Technical Reference, INT 15h AH=C2h.
 */
#include "services/mouse.h"

#include "core/bda.h"
#include "core/real.h"
#include "hw/pic.h"
#include "hw/ps2.h"
#include "lib/err.h"
#include "services/services.h"

enum {
    MOUSE_OK = 0, MOUSE_BAD_FUNCTION = 1, MOUSE_BAD_INPUT = 2,
    MOUSE_INTERFACE_ERROR = 3, MOUSE_RESEND = 4, MOUSE_NO_HANDLER = 5,
};

#define PACKET_MAX          8u
#define PACKET_DEFAULT      3u

static struct {
    struct farptr handler;      /* the program's, called for each packet */
    uint8_t packet_size;
    uint8_t count;              /* bytes of the packet that have come */
    uint8_t packet[PACKET_MAX];
} mouse = { .packet_size = PACKET_DEFAULT };

/* In compat.S: calls SI:DI with AX, BX, CX, DX as words on the stack. */
extern char mouse_call[];

static void answer(struct bregs *r, uint8_t code)
{
    r->ah = code;
    set_cf(r, code != MOUSE_OK);
}

static uint8_t code_of(int rc)
{
    if (rc == 0)
        return MOUSE_OK;
    return rc == ERR_DEVICE ? MOUSE_RESEND : MOUSE_INTERFACE_ERROR;
}

/* A command with one parameter or none (param < 0). */
static uint8_t send(uint8_t command, int param)
{
    uint8_t out[] = { command, (uint8_t)param };

    return code_of(ps2_command(true, out, param < 0 ? 1 : 2, NULL, 0));
}

/* Let the mouse's bytes come by IRQ 12, or not. */
static uint8_t interface_enable(bool on)
{
    uint8_t mode = ps2_mode & (uint8_t)~(PS2_MODE_AUX_OFF | PS2_MODE_AUX_INT);

    mouse.count = 0;
    if (!ps2_present)
        return MOUSE_INTERFACE_ERROR;
    mode |= on ? PS2_MODE_AUX_INT : PS2_MODE_AUX_OFF;
    return code_of(ps2_set_mode(mode));
}

static uint8_t enable(uint8_t how)
{
    uint8_t code;

    if (how > 1)
        return MOUSE_BAD_INPUT;
    if (how == 0) {
        code = send(PS2_DEV_DISABLE, -1);
        (void)interface_enable(false);      /* code has the error already */
        return code;
    }
    if (mouse.handler.seg == 0 && mouse.handler.off == 0)
        return MOUSE_NO_HANDLER;
    code = interface_enable(true);
    return code ? code : send(PS2_DEV_ENABLE, -1);
}

static uint8_t reset(struct bregs *r)
{
    static const uint8_t command[] = { PS2_DEV_RESET };
    uint8_t reply[2];
    int rc = ps2_command(true, command, 1, reply, 2);

    (void)interface_enable(false);          /* no packets until AX=C200h */
    if (rc)
        return code_of(rc);
    r->bl = reply[0];
    r->bh = reply[1];
    return MOUSE_OK;
}

static uint8_t set_rate(uint8_t index)
{
    static const uint8_t rates[] = { 10, 20, 40, 60, 80, 100, 200 };

    if (index >= ARRAY_SIZE(rates))
        return MOUSE_BAD_INPUT;
    return send(PS2_DEV_RATE, rates[index]);
}

static uint8_t get_type(struct bregs *r)
{
    static const uint8_t command[] = { PS2_DEV_ID };
    uint8_t id;
    int rc = ps2_command(true, command, 1, &id, 1);

    if (!rc)
        r->bh = id;
    return code_of(rc);
}

static uint8_t start(struct bregs *r)
{
    if (r->bh < 1 || r->bh > PACKET_MAX)
        return MOUSE_BAD_INPUT;
    mouse.packet_size = r->bh;
    return reset(r);
}

static uint8_t extended(struct bregs *r)
{
    static const uint8_t command[] = { PS2_MOUSE_STATUS };
    uint8_t reply[3];
    int rc;

    switch (r->bh) {
    case 0x00:
        rc = ps2_command(true, command, 1, reply, 3);
        if (!rc) {
            r->bl = reply[0];
            r->cl = reply[1];
            r->dl = reply[2];
        }
        return code_of(rc);
    case 0x01:
        return send(PS2_MOUSE_SCALE_1, -1);
    case 0x02:
        return send(PS2_MOUSE_SCALE_2, -1);
    }
    return MOUSE_BAD_INPUT;
}

static uint8_t set_handler(const struct bregs *r)
{
    mouse.handler.seg = r->es;
    mouse.handler.off = r->bx;
    return MOUSE_OK;
}

void mouse_service(struct bregs *r)
{
    switch (r->al) {
    case 0x00:
        answer(r, enable(r->bh));
        break;
    case 0x01:
        answer(r, reset(r));
        break;
    case 0x02:
        answer(r, set_rate(r->bh));
        break;
    case 0x03:
        answer(r, r->bh > 3 ? MOUSE_BAD_INPUT :
                  send(PS2_MOUSE_RESOLUTION, r->bh));
        break;
    case 0x04:
        answer(r, get_type(r));
        break;
    case 0x05:
        answer(r, start(r));
        break;
    case 0x06:
        answer(r, extended(r));
        break;
    case 0x07:
        answer(r, set_handler(r));
        break;
    default:
        answer(r, MOUSE_BAD_FUNCTION);
        break;
    }
}

/* A packet is complete: status, X and Y as words, and a zero. */
static void deliver(void)
{
    struct bregs r = {
        .ax = mouse.packet[0],
        .bx = mouse.packet[1],
        .cx = mouse.packet[2],
        .si = mouse.handler.seg,
        .di = mouse.handler.off,
        .cs = SEG_BIOS,
        .ip = (uint16_t)(uintptr_t)mouse_call,
        .flags = FLAG_IF,
    };

    if (mouse.handler.seg || mouse.handler.off)
        call16(&r);
}

static void take_byte(uint8_t v)
{
    mouse.packet[mouse.count++] = v;
    if (mouse.count >= mouse.packet_size) {
        mouse.count = 0;
        deliver();
    }
}

void handle_mouse(struct bregs *r)
{
    take_byte(r->al);
}

void handle_74(struct bregs *r)
{
    int v = ps2_take(true);

    (void)r;                    /* an IRQ: nothing goes in or out */
    if (v >= 0)
        take_byte((uint8_t)v);
    pic_eoi2();
}
