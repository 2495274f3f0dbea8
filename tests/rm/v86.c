/* SPDX-License-Identifier: MIT */
/*
 * Services for a program in virtual-8086 mode, under a monitor of our own.
 * Each of MODES is entered from real mode and left again.  v86_guest.h says
 * what is where.
 */
#include "v86_guest.h"

#ifndef MODES
#define MODES           { PAGING_4K }
#endif
#ifndef DISKS
#define DISKS           1
#endif
#ifndef SERVICES
#define SERVICES        0
#endif
#ifndef TASKS
#define TASKS           0
#endif
#ifndef KEYS
#define KEYS            0
#endif
#ifndef BOOT
#define BOOT            0
#endif
#ifndef ALONE
#define ALONE           0
#endif
#ifndef ATTACK
#define ATTACK          0
#endif

uint32_t mode;
const char *about = "";
uint8_t drive;

void program_main(uint32_t dl);

void *memcpy(void *to, const void *from, __SIZE_TYPE__ len)
{
    uint8_t *d = to;
    const uint8_t *s = from;

    while (len--)
        *d++ = *s++;
    return to;
}

void *memset(void *to, int v, __SIZE_TYPE__ len)
{
    uint8_t *d = to;

    while (len--)
        *d++ = v;
    return to;
}

bool check(bool good, const char *name, const struct regs *r)
{
    say(good ? "ok " : "FAIL ");
    say(about);
    say(": ");
    say(name);
    if (!good && r) {
        say_hex("eax", r->eax);
        say_hex("ebx", r->ebx);
        say_hex("ecx", r->ecx);
        say_hex("edx", r->edx);
        say_hex("flags", r->flags);
    }
    say("\n");
    return good;
}

uint32_t monitor_call(uint32_t number, uint32_t ebx, uint32_t ecx)
{
    uint32_t v = number;

    if (!virtual)
        return 0;
    __asm__ volatile("int %3" : "+a"(v), "+b"(ebx), "+c"(ecx)
                     : "i"(CALL_MONITOR) : "edx", "memory");
    return v;
}

void page_is(uint32_t at, uint32_t kind)
{
    monitor_call(CALL_PAGE, at >> 12, kind);
}

bool pages(void)
{
    return virtual && ((mode & MODE_PAGING) == PAGING_4K ||
                       (mode & MODE_PAGING) == PAGING_PAE);
}

uint32_t upper(void)
{
    return pages() ? UPPER : 0x50000;
}

static void changes(const char *name, uint32_t was, uint32_t is, uint32_t may)
{
    if ((was ^ is) & ~may) {
        say("FAIL ");
        say(about);
        say(": changed ");
        say(name);
        say_hex("was", was);
        say_hex("is", is);
        say("\n");
    }
}

void call(uint32_t number, struct regs *r, uint32_t results)
{
    volatile uint32_t above[4] = { CANARY, ~CANARY, CANARY + 1, CANARY + 2 };
    struct regs was;

    r->fs = 0x1357;
    r->gs = 0x2468;
    if (!r->ebx)
        r->ebx = CANARY;
    if (!r->ecx)
        r->ecx = CANARY + 1;
    if (!r->edx)
        r->edx = CANARY + 2;
    if (!r->esi)
        r->esi = CANARY + 3;
    if (!r->edi)
        r->edi = CANARY + 4;
    if (!r->ebp)
        r->ebp = CANARY + 5;
    r->eax |= 0x89ab0000;
    r->flags = 0x202;
    was = *r;
    service(number, r);
    if (r->fault)
        return;
    changes("eax", was.eax, r->eax,
            results & RESULT_EAX ? ~0u : results & RESULT_AX ? 0xffff : 0);
    changes("ebx", was.ebx, r->ebx,
            results & RESULT_EBX ? ~0u : results & RESULT_BX ? 0xffff : 0);
    changes("ecx", was.ecx, r->ecx,
            results & RESULT_ECX ? ~0u : results & RESULT_CX ? 0xffff : 0);
    changes("edx", was.edx, r->edx,
            results & RESULT_EDX ? ~0u : results & RESULT_DX ? 0xffff : 0);
    changes("esi", was.esi, r->esi, results & RESULT_SI ? ~0u : 0);
    changes("edi", was.edi, r->edi, results & RESULT_DI ? ~0u : 0);
    changes("ebp", was.ebp, r->ebp, 0);
    changes("ds", was.ds, r->ds, 0);
    changes("es", was.es, r->es, results & RESULT_ES ? ~0u : 0);
    changes("fs", was.fs, r->fs, 0);
    changes("gs", was.gs, r->gs, 0);
    /* Arithmetic flags may be results; IOPL is the monitor's. */
    changes("flags", was.flags, r->flags, 0x38d5);
    for (unsigned i = 0; i < 4; i++)
        if (above[i] != (uint32_t[]){ CANARY, ~CANARY, CANARY + 1,
                                      CANARY + 2 }[i])
            check(false, "the stack above", r);
    if (virtual) {
        uint32_t what = monitor_call(CALL_VERIFY, 0, 0);

        if (what) {
            say("FAIL ");
            say(about);
            say(": state of ring 0");
            say_hex("what", what);
            say_hex("call", was.eax);
            say("\n");
        }
    }
}

#define KEY_ESCAPE      0x011b

/* What tests/boot/test_v86.py types, until Esc. */
static void test_keys(void)
{
    struct regs r;

    about = "typed";
    do {
        say("ready\n");
        r = (struct regs){ .eax = 0x0000 };
        call(0x16, &r, RESULT_AX);
        say("key");
        say_hex("ax", r.eax & 0xffff);
        say("\n");
        if (!check(!r.fault, "00h", &r))
            return;
    } while ((uint16_t)r.eax != KEY_ESCAPE);
}

static void say_mode(uint32_t how)
{
    static const char *const names[] = { "none", "4k", "pae", "4m" };

    say("mode ");
    say(names[how & MODE_PAGING]);
    if (how & MODE_IOPL0)
        say(" iopl0");
    if (how & MODE_PAGE0)
        say(" page0");
    if (how & MODE_DEVICES)
        say(" devices");
    say("\n");
}

void program_main(uint32_t dl)
{
    static const uint32_t modes[] = MODES;

    drive = dl;
    for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        mode = modes[i];
        say_mode(mode);
        if (SERVICES)
            services_before();
        if (ALONE)
            alone_before();
        if (ATTACK)
            attack_before();
        start(mode);
        if (DISKS)
            test_disks();
        if (SERVICES)
            test_services();
        if (TASKS)
            test_tasks();
        if (KEYS)
            test_keys();
        if (BOOT) {
            say("asks for a boot\n");
            __asm__ volatile("int $0x19");
            say("FAIL it came back\n");
        }
        if (ALONE)
            test_alone();
        if (ATTACK)
            test_attack();
        stop();
        if (ATTACK)
            attack_after();
        __asm__ volatile("sti");
    }
    say("done\n");
    outb(PORT_EXIT, 0);
    for (;;)                            /* Bochs has no such port */
        __asm__ volatile("cli; hlt");
}
