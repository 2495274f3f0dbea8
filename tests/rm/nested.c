/* SPDX-License-Identifier: MIT */
/*
 * INT 13h while another INT 13h waits: a hook of the tick (INT 1Ch) calls it,
 * on a medium so slow that ticks come meanwhile.  Started by int13.S, with the
 * media of int13.c; each check is a line on port 402h.
 *
 * AGAIN (argument of the build): the hook asks for another boot, once, by that
 * interrupt; what is booted then must find its disk as it was.
 */
#include "real16.h"

#define BASE            0x5a000000u
#define SEG_OUTER       0x2000u
#define SEG_INNER       0x3000u
#define SCRATCH         1500u           /* units that are written */
#define NOT_READY       0xaau
#define TRIES           60u
#define BOOTS           0x600u          /* counts them, where no boot writes */
#define BOOTS_MAGIC     0x4e455354u
#define OLD_TICK        0x604           /* INT 08h's vector; stays there, too */
#define STR(x)          STR_(x)
#define STR_(x)         #x
#ifndef AGAIN
#define AGAIN           0
#endif

struct packet {
    uint8_t size, reserved;
    uint16_t count, offset, segment;
    uint64_t lba;
} __attribute__((packed));

/* What the hook calls, once; inner_ax is then what came back. */
uint16_t inner_ax, inner_cx, inner_dx, inner_flags;
struct packet inner_packet;
uint8_t inner_wanted, inner_number = 0x13;
uint32_t old_hook;
uint8_t in_firmware;
extern char hook[], tick_hook[];

/*
 * A tick that comes between two calls is none within a call: tick_hook (INT
 * 08h) looks whether it is the firmware that was interrupted.
 */
__asm__(
    "    .code16\n"
    "tick_hook:\n"
    "    pushw %bp\n"
    "    movw %sp, %bp\n"
    "    cmpw $0xf000, 4(%bp)\n"
    "    sete %cs:in_firmware\n"
    "    popw %bp\n"
    "    ljmpw *%cs:" STR(OLD_TICK) "\n"
    "hook:\n"
    "    pushal\n"
    "    pushw %ds\n"
    "    pushw %es\n"
    "    xorw %cx, %cx\n"
    "    movw %cx, %ds\n"
    "    movb inner_wanted, %al\n"
    "    andb in_firmware, %al\n"
    "    jz 1f\n"
    "    movb $0, inner_wanted\n"
    "    movb inner_number, %al\n"
    "    movb %al, 2f\n"
    "    movw $0x3000, %cx\n"
    "    movw %cx, %es\n"
    "    movw inner_ax, %ax\n"
    "    movw inner_cx, %cx\n"
    "    movw inner_dx, %dx\n"
    "    movw $0x8000, %bx\n"
    "    movw $inner_packet, %si\n"
    "    .byte 0xcd\n"
    "2:  .byte 0x13\n"
    "    movw %ax, inner_ax\n"
    "    pushfw\n"
    "    popw inner_flags\n"
    "1:  popw %es\n"
    "    popw %ds\n"
    "    popal\n"
    "    iretw\n"
    "    .code16gcc\n");

static uint8_t drive;
static uint32_t unit = 1;               /* 512-byte units a sector */

static bool holds(uint32_t at, uint32_t first, uint32_t units)
{
    for (uint32_t i = 0; i < units * 128; i++)
        if (peek(at + 4 * i) != BASE + first * 128 + i)
            return false;
    return true;
}

static struct regs packet_call(uint8_t ah, uint32_t first, uint16_t units,
                               uint16_t segment)
{
    static struct packet p;
    struct regs r = {
        .eax = ah << 8, .edx = drive, .esi = (uint32_t)&p,
    };

    p = (struct packet){ 16, 0, (uint16_t)(units / unit), 0, segment,
                         first / unit };
    interrupt(0x13, &r);
    return r;
}

static struct regs outer(uint8_t ah, uint32_t first)
{
    struct regs r = {
        .eax = 0x0204, .ecx = 1, .edx = 1 << 8 | drive, .es = SEG_OUTER,
    };

    if (ah != 0x02)
        return packet_call(ah, first, 4, SEG_OUTER);
    interrupt(0x13, &r);                /* track 0/1 */
    return r;
}

static bool outer_right(uint8_t ah, uint32_t first, const struct regs *r)
{
    if (r->flags & FLAG_CF)
        return false;
    return ah != 0x42 || holds(SEG_OUTER << 4, first, 4);
}

/*
 * Let outer calls of that service run until the hook has made its call in one
 * of them: all of them do what they shall, and the inner one fails at once.
 */
static void nested(const char *name, uint8_t outer_ah, uint8_t inner_ah,
                   uint8_t inner_drive)
{
    struct regs r;
    uint32_t first = 400;
    bool right = true;

    inner_ax = (uint16_t)(inner_ah << 8 | (inner_ah == 0x46 ? 0 : 1));
    inner_cx = 1;
    inner_dx = inner_drive;
    inner_packet = (struct packet){
        16, 0, 1, 0x8000, SEG_INNER, SCRATCH / unit
    };
    poke((SEG_INNER << 4) + 0x8000, 0);
    inner_flags = 0;
    inner_wanted = 1;
    for (uint32_t i = 0; right && inner_wanted && i < TRIES; i++) {
        first += 4;
        poke(SEG_OUTER << 4, 0);
        r = outer(outer_ah, first);
        right = outer_right(outer_ah, first, &r);
    }
    inner_wanted = 0;
    if (!right) {
        check(false, name, &r);
        return;
    }
    r = (struct regs){ .eax = inner_ax, .flags = inner_flags };
    check((inner_flags & FLAG_CF) && inner_ax >> 8 == NOT_READY &&
          peek((SEG_INNER << 4) + 0x8000) == 0, name, &r);
}

static void end(void)
{
    say("done\n");
    __asm__ volatile("outb %0, %1" : : "a"((uint8_t)0),
                     "d"((uint16_t)0x501));
    for (;;)
        __asm__ volatile("hlt");
}

static void still_there(const char *name)
{
    struct regs r = packet_call(0x42, 1000, 100, SEG_OUTER);

    check(!(r.flags & FLAG_CF) && holds(SEG_OUTER << 4, 1000, 100), name, &r);
}

static void boot_again(void)
{
    struct regs r;

    if (peek(BOOTS) == BOOTS_MAGIC) {
        drive = 0x80;                   /* wherever this came from */
        unit = 1;
        still_there("the disk after another boot");
        end();
    }
    poke(BOOTS, BOOTS_MAGIC);
    inner_number = AGAIN;
    inner_wanted = 1;
    for (uint32_t i = 0; inner_wanted && i < TRIES; i++)
        r = outer(0x42, 400 + 4 * i);
    check(false, "no tick came, or no boot", &r);
    end();
}

void program_main(uint32_t dl)
{
    struct regs r;

    drive = (uint8_t)dl;
    if (drive >= 0xe0)
        unit = 4;
    if (!(AGAIN && peek(BOOTS) == BOOTS_MAGIC)) {
        poke(OLD_TICK, peek(0x08 * 4));
        poke(0x08 * 4, (uint32_t)tick_hook);
        old_hook = peek(0x1c * 4);
        poke(0x1c * 4, (uint32_t)hook);
    }
    if (AGAIN)
        boot_again();
    nested("read in a read", 0x42, 0x42, drive);
    nested("ready in a read", 0x42, 0x10, drive);
    nested("verify in a read", 0x42, 0x44, drive);
    nested("read in a verify", 0x44, 0x42, drive);
    nested("floppy in a read", 0x42, 0x02, 0);
    nested("another drive in a read", 0x42, 0x42,
           drive < 0xe0 ? 0xe0 : 0x80);
    if (drive < 0xe0) {
        nested("write in a read", 0x42, 0x43, drive);
        nested("read by CHS in a read by CHS", 0x02, 0x02, drive);
        nested("read in a write", 0x43, 0x42, drive);
        nested("write in a write", 0x43, 0x43, drive);
    } else {
        nested("eject in a read", 0x42, 0x46, drive);
    }
    still_there("the disk afterwards");
    r = packet_call(0x42, SCRATCH, 4, SEG_OUTER);
    check(!(r.flags & FLAG_CF) && holds(SEG_OUTER << 4, SCRATCH, 4),
          "nothing was written", &r);
    poke(0x1c * 4, old_hook);
    poke(0x08 * 4, peek(OLD_TICK));
    end();
}
