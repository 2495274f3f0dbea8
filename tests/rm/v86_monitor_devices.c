/* SPDX-License-Identifier: MIT */
/*
 * Interrupts and ports of the monitor's guests.  All ports are free, or, with
 * MODE_DEVICES as under Windows, keyboard controller, 8259s and the A20 gate
 * are the monitor's: a guest sees others in their place.
 */
#include "v86_monitor.h"

#define PIC1            0x20
#define PIC2            0xa0
#define EOI             0x20
#define IRQS            0x50
#define KBC_DATA        0x60
#define KBC_STATUS      0x64
#define PORT_A20        0x92
#define OUTPUT_FULL     1u
#define AUX             0x20u

uint32_t count_ports;
uint8_t focus;

static uint8_t masks[2];
static uint16_t in_service;             /* of the guests' 8259s */
static uint8_t bytes[16], is_aux[16], first, last;
static bool isr_wanted[2];

static void pics(uint8_t base1, uint8_t base2)
{
    masks[0] = inb(PIC1 + 1);
    masks[1] = inb(PIC2 + 1);
    outb(PIC1, 0x11);
    outb(PIC2, 0x11);
    outb(PIC1 + 1, base1);
    outb(PIC2 + 1, base2);
    outb(PIC1 + 1, 4);
    outb(PIC2 + 1, 2);
    outb(PIC1 + 1, 1);
    outb(PIC2 + 1, 1);
    outb(PIC1 + 1, masks[0]);
    outb(PIC2 + 1, masks[1]);
}

static void trap(uint8_t *io_map, uint16_t port)
{
    io_map[port / 8] |= 1 << port % 8;
}

void devices_setup(uint8_t *io_map)
{
    pics(IRQS, IRQS + 8);
    if (!(mode & MODE_DEVICES))
        return;
    trap(io_map, KBC_DATA);
    trap(io_map, KBC_STATUS);
    trap(io_map, PIC1);
    trap(io_map, PIC1 + 1);
    trap(io_map, PIC2);
    trap(io_map, PIC2 + 1);
    trap(io_map, PORT_A20);
}

void devices_off(void)
{
    pics(0x08, 0x70);
}

/* A byte of the real controller is the guest's next one. */
static void take_byte(void)
{
    uint8_t status = inb(KBC_STATUS);

    if (!(status & OUTPUT_FULL))
        return;
    is_aux[last] = status & AUX;
    bytes[last] = inb(KBC_DATA);
    last = (last + 1) % sizeof(bytes);
}

/* An IRQ has come.  With devices of its own, the monitor has done with it. */
void irq(struct frame *f, uint8_t line)
{
    (void)f;
    if (line == 0)
        for (unsigned i = 0; i < 2; i++)
            tasks[i].pending |= tasks[i].there;
    else if (line == 1 || line == 12)
        tasks[focus].pending |= 1u << line;
    else
        task->pending |= 1u << line;
    if (mode & MODE_DEVICES) {
        if (line == 1 || line == 12)
            take_byte();
        if (line >= 8)
            outb(PIC2, EOI);
        outb(PIC1, EOI);
    } else if (line == 0 && tasks[1].there)
        outb(PIC1, EOI);                /* both guests have it */
}

/* The next IRQ goes to the guest, if it lets it in. */
void deliver(struct frame *f)
{
    static const uint8_t order[] = { 0, 1, 8, 9, 10, 11, 12, 13, 14, 15, 3, 4,
                                     5, 6, 7 };

    for (unsigned i = 0; i < sizeof(order) && task->pending; i++) {
        uint8_t line = order[i];

        if (mode & MODE_DEVICES && in_service & 1u << line)
            return;
        if (!(task->pending & 1u << line))
            continue;
        if (!interrupts_on(f))
            return;
        task->pending &= ~(1u << line);
        task->halted = false;
        if (mode & MODE_DEVICES)
            in_service |= 1u << line;
        reflect(f, line < 8 ? 0x08 + line : 0x68 + line);
        return;
    }
}

/* ------------------------------------------------- the guests' own devices */

static uint8_t read_port(uint16_t port)
{
    uint8_t v;

    switch (port) {
    case KBC_STATUS:
        if (first == last)              /* it polls, with interrupts off */
            take_byte();
        v = inb(KBC_STATUS) & ~(OUTPUT_FULL | AUX);
        if (first != last)
            v |= OUTPUT_FULL | (is_aux[first] ? AUX : 0);
        return v;
    case KBC_DATA:
        if (first == last)
            return inb(KBC_DATA);
        v = bytes[first];
        first = (first + 1) % sizeof(bytes);
        return v;
    case PORT_A20:
        return a20_get() ? 2 : 0;
    case PIC1:
        return isr_wanted[0] ? in_service & 0xff : 0;
    case PIC2:
        return isr_wanted[1] ? in_service >> 8 : 0;
    default:
        return inb(port);
    }
}

static void end_of_interrupt(unsigned chip)
{
    for (unsigned i = 0; i < 8; i++)
        if (in_service & 1u << (8 * chip + i)) {
            in_service &= ~(1u << (8 * chip + i));
            return;
        }
}

static void write_port(struct frame *f, uint16_t port, uint8_t v)
{
    unsigned chip = port >= PIC2;

    switch (port) {
    case PORT_A20:
        a20_set(v & 2);
        if (v & 1)
            fatal(f, "a reset");
        break;
    case PIC1:
    case PIC2:
        if ((v & 0x18) == 0x08)
            isr_wanted[chip] = (v & 3) == 3;
        else if (v == EOI)
            end_of_interrupt(chip);
        else if ((v & 0xf8) == 0x60)
            in_service &= ~(1u << (8 * chip + (v & 7)));
        else
            fatal(f, "an odd command to an 8259");
        break;
    default:
        outb(port, v);
        break;
    }
}

bool port_instruction(struct frame *f, const uint8_t *code, uint32_t prefixes,
                      bool wide)
{
    bool immediate = (*code & 0xfc) == 0xe4;
    uint16_t port = immediate ? code[1] : f->edx;

    if (!immediate && (*code & 0xfc) != 0xec)
        return false;
    if (wide || *code & 1)
        return false;                   /* of these ports, none is wider */
    count_ports++;
    f->eip = (f->eip + prefixes + (immediate ? 2 : 1)) & 0xffff;
    if (*code & 2)
        write_port(f, port, f->eax);
    else
        f->eax = (f->eax & ~0xffu) | read_port(port);
    return true;
}
