/* SPDX-License-Identifier: MIT */
/*
 * What a program that has ring 0 does to the firmware's way into system
 * management mode: SMIs from everywhere, the firmware's own instructions with
 * other registers, and junk where the handler exchanges what it has.  It may
 * break its own machine, but runs nothing in SMRAM and changes nothing there.
 *
 * The addresses are those of the image under test: tests/boot/test_v86.py.
 */
#include "v86_guest.h"

#ifndef V86_BOX
#define V86_BOX         0xe4080
#define V86_CALL        0xe407c
#define V86_CALLED      0xf0000
#define SMI_START       0xf0000
#endif

#define SMRAM_CODE      0xa8000u        /* layout.h */
#define SMRAM_SIZE      0x1400u
#define SLOTS           0x1000u         /* state, esp, token, stack of each */
#define SLOTS_END       0x1200u
#ifndef STALE
#define STALE           0
#endif
#define BOX_LEN         60
#define HOST            0x80000000u
#define ID_I440FX       0x12378086u
#define I440FX_SMRAM    0x72
#define Q35_SMRAM       0x9d
#define D_OPEN          0x40
#define D_LCK           0x10
#define JUNK            0xdeadbeefu

void attack_on_tick(void);
void attack_in_call(void);              /* v86_tasks.c */

static uint32_t sum_before;
static volatile uint32_t in_call;       /* attack from the tick's hook */
static bool locked;                     /* the chipset enforces D_LCK */

static uint8_t smram_register(void)
{
    outl(0xcf8, HOST);
    return inl(0xcfc) == ID_I440FX ? I440FX_SMRAM : Q35_SMRAM;
}

static void smram_set(uint8_t v)
{
    uint8_t at = smram_register();

    outl(0xcf8, HOST | (at & 0xfc));
    outb(0xcfc + (at & 3), v);
}

static uint8_t smram_get(void)
{
    uint8_t at = smram_register();

    outl(0xcf8, HOST | (at & 0xfc));
    return inb(0xcfc + (at & 3));
}

/* Is the handler to be seen at A8000? */
static bool visible(void)
{
    for (uint32_t i = 0; i < 64; i += 4)
        if (peek(SMRAM_CODE + i) != peek(SMI_START + i))
            return false;
    return true;
}

/* Through the window, where the chipset lets it be opened: code and data that
 * do not change, without the slots' states. */
static uint32_t smram_sum(void)
{
    uint8_t was = smram_get();
    uint32_t v = 0;

    smram_set(was | D_OPEN);
    if (visible())
        for (uint32_t i = 0; i < SMRAM_SIZE; i += 4)
            if (i < SLOTS || i >= SLOTS_END)
                v = (v << 1 | v >> 31) ^ peek(SMRAM_CODE + i) ^ i;
    smram_set(was);
    return v;
}

/* QEMU's TCG keeps its translations when an SMI comes in real mode and when it
 * ends there.  What was the display's memory before is that for the handler,
 * too, and the other way round (STALE: so be it).  A change of CR4 makes it
 * forget. */
static void forget(void)
{
    if (!STALE && !virtual)
        __asm__ volatile("movl %%cr4, %%eax; xorl $0x80, %%eax;"
                         "movl %%eax, %%cr4; xorl $0x80, %%eax;"
                         "movl %%eax, %%cr4" : : : "eax");
}

static bool smi(uint8_t value)
{
    uint32_t a = value, b = CANARY, c = CANARY + 1, d = CANARY + 2,
             si = CANARY + 3, di = CANARY + 4;

    __asm__ volatile("outb %%al, $0xb2; jmp 1f; 1: jmp 2f; 2: nop"
                     : "+a"(a), "+b"(b), "+c"(c), "+d"(d), "+S"(si), "+D"(di)
                     : : "memory");
    return a == value && b == CANARY && c == CANARY + 1 && d == CANARY + 2 &&
           si == CANARY + 3 && di == CANARY + 4;
}

static void smis(const char *name)
{
    bool same = true;

    forget();
    for (unsigned i = 0; i < 256; i++)
        if (i != 0xf0 && i != 0xf1)     /* ACPI on and off */
            same &= smi(i);
    forget();
    check(same, name, NULL);
}

/* The firmware's way in, called with an INT's frame as int_common does, but
 * from where we are. */
static void way_in(const char *name)
{
    uint32_t a = 0x4711;

    __asm__ volatile("pushfw; pushw %%cs; pushw $1f; pushw $0x11; pushw %%ax;"
                     "movb $0x4b, %%al; ljmp $0xf000, %1; 1:"
                     : "+a"(a) : "i"(V86_CALLED - 2 - 0xf0000) : "memory");
    forget();
    check((uint16_t)a == (uint16_t)peek(0x410), name,
          &(struct regs){ .eax = a });
}

void attack_before(void)
{
    uint8_t was;

    about = "real mode";
    check(smram_get() & D_LCK, "SMRAM's lock", NULL);
    check(!visible(), "SMRAM is closed", NULL);
    was = smram_get();
    smram_set(D_OPEN | 0xa);
    locked = !(smram_get() & D_OPEN);
    say(locked ? "smram locked\n" : "smram opens\n");
    if (locked) {
        for (uint32_t i = 0; i < SMRAM_SIZE; i += 4)
            poke(SMRAM_CODE + i, JUNK);
        check(!visible(), "SMRAM stays closed", NULL);
    }
    smram_set(was);
    sum_before = smram_sum();
    smis("SMIs");
    way_in("the firmware's OUT");
    check(smram_sum() == sum_before, "SMRAM as it was", NULL);
}

void attack_after(void)
{
    about = "real mode again";
    check(smram_sum() == sum_before, "SMRAM as it was", NULL);
    smis("SMIs");
}

static void flat(const char *name)
{
    static const uint32_t slots[] = {
        0, 1, 2, 3, 4, 5, 0x10, 0x10000000, 0x20000000, 0x7fffffff,
        0x80000000, 0xfffffff0, 0xffffffff,
    };
    static const uint32_t whats[] = { 0, 1, 2, 4, 0x80000002, 0xffffffff };
    bool ignored = true;

    for (unsigned i = 0; i < sizeof(whats) / sizeof(whats[0]); i++)
        for (unsigned j = 0; j < sizeof(slots) / sizeof(slots[0]); j++)
            ignored &= !monitor_call(CALL_FLAT, whats[i], slots[j]);
    check(ignored, name, NULL);
}

static void junk(void)
{
    for (unsigned i = 0; i < BOX_LEN; i += 4)
        monitor_call(CALL_WRITE, V86_BOX + i, JUNK);
    monitor_call(CALL_WRITE, V86_CALL, JUNK);
}

/* While a call of ours waits */
void attack_on_tick(void)
{
    if (in_call != 1)
        return;
    in_call = 2;
    about = "in a call";
    smis("SMIs");
    flat("the firmware's OUT in ring 0");
    monitor_call(CALL_SMIS, 0, 0);
    for (unsigned i = 0; i < BOX_LEN; i += 4)
        monitor_call(CALL_WRITE, V86_BOX + i, JUNK);
}

static void service_check(const char *name)
{
    struct regs r = { .eax = 0x8800 };

    call(0x15, &r, RESULT_AX);
    check(!r.fault && !carry(&r), name, &r);
}

void test_attack(void)
{
    about = "virtual-8086 mode";
    smis("SMIs");
    way_in("the firmware's OUT");
    service_check("15h after them");
    about = "ring 0";
    monitor_call(CALL_SMIS, 0, 0);
    flat("the firmware's OUT in ring 0");
    service_check("15h after it");
    junk();
    service_check("15h after junk");
    about = "in a call";
    in_call = 1;
    attack_in_call();
    check(in_call == 2, "the hook", NULL);
    about = "afterwards";
    service_check("15h");
    check(locked ? !visible() : true, "SMRAM is closed", NULL);
}
