/* SPDX-License-Identifier: MIT */
/*
 * The two 8259 interrupt controllers.
 */
#include "hw/pic.h"

#include "lib/io.h"

#define PIC1_COMMAND        0x20u
#define PIC1_DATA           0x21u
#define PIC2_COMMAND        0xa0u
#define PIC2_DATA           0xa1u

#define ICW1_INIT_ICW4      0x11u
#define ICW3_CASCADE        (1u << 2)   /* first: bit; second: number 2 */
#define ICW4_8086           0x01u
#define OCW2_EOI            0x20u
#define OCW3_REQUESTS       0x0au       /* what reading gives; as after ICW1 */

#define PIC1_VECTOR         0x08u
#define PIC2_VECTOR         0x70u

void pic_init(uint16_t enabled)
{
    uint16_t mask = (uint16_t)~(enabled | ICW3_CASCADE);

    outb(PIC1_COMMAND, ICW1_INIT_ICW4);
    outb(PIC2_COMMAND, ICW1_INIT_ICW4);
    outb(PIC1_DATA, PIC1_VECTOR);
    outb(PIC2_DATA, PIC2_VECTOR);
    outb(PIC1_DATA, ICW3_CASCADE);
    outb(PIC2_DATA, 2);
    outb(PIC1_DATA, ICW4_8086);
    outb(PIC2_DATA, ICW4_8086);
    outb(PIC1_DATA, (uint8_t)mask);
    outb(PIC2_DATA, (uint8_t)(mask >> 8));
}

static uint16_t mask_port(unsigned irq)
{
    return irq < 8 ? PIC1_DATA : PIC2_DATA;
}

void pic_unmask(unsigned irq)
{
    uint16_t port = mask_port(irq);

    outb(port, (uint8_t)(inb(port) & ~(1u << (irq & 7))));
}

void pic_mask(unsigned irq)
{
    uint16_t port = mask_port(irq);

    outb(port, (uint8_t)(inb(port) | 1u << (irq & 7)));
}

uint16_t pic_requests(void)
{
    outb(PIC1_COMMAND, OCW3_REQUESTS);
    outb(PIC2_COMMAND, OCW3_REQUESTS);
    return (uint16_t)(inb(PIC1_COMMAND) | inb(PIC2_COMMAND) << 8);
}

void pic_eoi1(void)
{
    outb(PIC1_COMMAND, OCW2_EOI);
}

void pic_eoi2(void)
{
    outb(PIC2_COMMAND, OCW2_EOI);
    outb(PIC1_COMMAND, OCW2_EOI);
}

void pic_eoi_all(void)
{
    for (unsigned i = 0; i < 8; i++)
        pic_eoi2();             /* the first one's, too */
}
