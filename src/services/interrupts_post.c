/* SPDX-License-Identifier: MIT */
/*
 * Interrupts and what belongs to them, set up from nothing: the vectors, the
 * BIOS data area and its extension, both 8259, the tick, the real-time clock.
 * POST only.
 *
 * Nothing of an earlier boot is kept: all of 0-4FFh and the EBDA are written.
 * IBM PS/2 BIOS Interface Technical Reference, "Data Areas".
 */
#include "services/services.h"

#include <string.h>

#include "core/bda.h"
#include "core/real.h"
#include "hw/pic.h"
#include "hw/pit.h"
#include "hw/rtc.h"
#include "lib/io.h"
#include "services/sercon.h"

#define EQUIPMENT_FPU       (1u << 1)
#define EQUIPMENT_MOUSE     (1u << 2)
#define EQUIPMENT_COLOUR    (2u << 4)   /* 80 columns, colour */
#define EQUIPMENT_COM(n)    ((n) << 9)
#define EQUIPMENT_LPT(n)    ((n) << 14)

#define KBD_BUF_OFFSET      0x1eu       /* of bda->kbd_buf */
#define TIMEOUT_COM_TICKS   10u
#define TIMEOUT_LPT_TICKS   20u
#define SECONDS_A_DAY       86400u

/* Tick, keyboard, real-time clock, mouse, FPU */
#define IRQS                (1u << 0 | 1u << 1 | 1u << 8 | 1u << 12 | 1u << 13)

#define ABSENT              0xffu       /* a port reads so without device */

/* In entry.S, compat.S and ibm_entries.S */
extern char entry_05[], entry_08[], entry_09[], entry_10[], entry_11[];
extern char entry_12[], entry_13[], entry_14[], entry_15[], entry_16[];
extern char entry_17[], entry_18[], entry_19[], entry_1a[], entry_70[];
extern char entry_74[], entry_75[], entry_iret[], entry_irq1[], entry_irq2[];
extern char video_parameters[], diskette_parameters[];

static const struct { uint8_t number; char *entry; } vectors[] = {
    { 0x05, entry_05 }, { 0x08, entry_08 }, { 0x09, entry_09 },
    { 0x10, entry_10 }, { 0x11, entry_11 }, { 0x12, entry_12 },
    { 0x13, entry_13 }, { 0x14, entry_14 }, { 0x15, entry_15 },
    { 0x16, entry_16 }, { 0x17, entry_17 }, { 0x18, entry_18 },
    { 0x19, entry_19 }, { 0x1a, entry_1a }, { 0x40, entry_13 },
    { 0x70, entry_70 }, { 0x74, entry_74 }, { 0x75, entry_75 },
    { 0x1d, video_parameters },         /* these two point to tables */
    { 0x1e, diskette_parameters },
};

/* So do these, which others fill in. */
#define VECTOR_FONT_HIGH    0x1fu
#define VECTOR_DISK_0       0x41u
#define VECTOR_FONT         0x43u
#define VECTOR_DISK_1       0x46u

static void vector_set(uint8_t number, const char *entry)
{
    ivt[number].off = (uint16_t)(uintptr_t)entry;
    ivt[number].seg = SEG_BIOS;
}

/* A loop over 256 vectors would be half of this file's time. */
static void vector_set_all(const char *entry)
{
    uint32_t vector = (uint32_t)SEG_BIOS << 16 | (uint16_t)(uintptr_t)entry;
    volatile struct farptr *at = ivt;
    uint32_t count = 256;

    __asm__ volatile("rep stosl" : "+D"(at), "+c"(count) : "a"(vector)
                     : "memory");
}

static void vector_clear(uint8_t number)
{
    ivt[number].off = 0;
    ivt[number].seg = 0;
}

static void vectors_init(void)
{
    static const uint8_t tables[] = {
        VECTOR_FONT_HIGH, VECTOR_DISK_0, VECTOR_FONT, VECTOR_DISK_1,
        0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, /* programs' own */
        0x79,
    };

    vector_set_all(entry_iret);
    for (uint8_t irq = 0; irq < 8; irq++) {
        vector_set(0x08 + irq, entry_irq1);
        vector_set(0x70 + irq, entry_irq2);
    }
    for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
        vector_set(vectors[i].number, vectors[i].entry);
    for (size_t i = 0; i < sizeof(tables); i++)
        vector_clear(tables[i]);
}

static bool com_present(uint16_t port)
{
    const uint8_t thre_only = 0x02;
    bool found;

    if (inb(port + UART_IER) == ABSENT)
        return false;           /* its upper half is 0 in any that there is */
    outb(port + UART_IER, thre_only);
    found = inb(port + UART_IER) == thre_only &&
            (inb(port + UART_IIR) & 0x3f) == thre_only;
    outb(port + UART_IER, 0);
    return found;
}

static bool lpt_present(uint16_t port)
{
    const uint8_t pattern = 0xaa;

    if (inb(port + 2) == ABSENT)
        return false;           /* all lines at once: no reset leaves that */
    outb(port + 2, 0x0c);       /* selected, not reset, data outwards */
    outb(port, pattern);
    return inb(port) == pattern;
}

static void ports_init(void)
{
    static const uint16_t com[] = { 0x3f8, 0x2f8, 0x3e8, 0x2e8 };
    static const uint16_t lpt[] = { 0x378, 0x278 };
    unsigned coms = 0, lpts = 0;

    for (size_t i = 0; i < ARRAY_SIZE(com); i++) {
        if (com_present(com[i])) {
            bda->com_timeout[coms] = TIMEOUT_COM_TICKS;
            bda->com_port[coms++] = com[i];
        }
    }
    for (size_t i = 0; i < ARRAY_SIZE(lpt); i++) {
        if (lpt_present(lpt[i])) {
            bda->lpt_timeout[lpts] = TIMEOUT_LPT_TICKS;
            bda->lpt_port[lpts++] = lpt[i];
        }
    }
    bda->equipment |= (uint16_t)(EQUIPMENT_COM(coms) | EQUIPMENT_LPT(lpts));
}

static void data_areas_init(void)
{
    memset((void *)0x400, 0, 0x100);
    memset(far_ptr(EBDA_SEG, 0), 0, EBDA_SIZE_KIB * 1024);
    *(volatile uint8_t *)far_ptr(EBDA_SEG, 0) = EBDA_SIZE_KIB;
    bda->ebda_seg = EBDA_SEG;
    bda->mem_kib = 640 - EBDA_SIZE_KIB;
    bda->equipment = EQUIPMENT_FPU | EQUIPMENT_MOUSE | EQUIPMENT_COLOUR;
    bda->kbd_head = bda->kbd_tail = bda->kbd_buf_start =
        KBD_BUF_OFFSET;
    bda->kbd_buf_end = KBD_BUF_OFFSET + sizeof(bda->kbd_buf);
}

static uint32_t bcd_to_number(uint8_t v)
{
    return (v >> 4) * 10u + (v & 0x0f);
}

/* Start the real-time clock: the time of day in ticks. */
static uint32_t ticks_today(void)
{
    uint32_t seconds;

    if (rtc_start())
        return 0;
    seconds = bcd_to_number(cmos_read(RTC_HOURS)) * 3600 +
              bcd_to_number(cmos_read(RTC_MINUTES)) * 60 +
              bcd_to_number(cmos_read(RTC_SECONDS));
    return (uint32_t)((uint64_t)(seconds % SECONDS_A_DAY) * PIT_HZ >> 16);
}

static void timers_init(void)
{
    outb(PIT_CONTROL, PIT_CHANNEL0_RATE);
    outb(PIT_CHANNEL0, 0);      /* 65536 */
    outb(PIT_CHANNEL0, 0);
    cmos_set(RTC_B, (uint8_t)~RTC_B_DST, RTC_B_24H);
    (void)cmos_read(RTC_C);     /* reading clears what is pending */
    bda->ticks = ticks_today();
}

void interrupts_init(void)
{
    vectors_init();
    idt_of_real_mode();
    data_areas_init();
    ports_init();
    timers_init();
    pic_init(IRQS);
}
