/* SPDX-License-Identifier: MIT */
/*
 * A monitor for virtual-8086 mode, as EMM386 and Windows are: it runs guests,
 * emulates for them what the processor leaves to it, and does nothing that a
 * BIOS does.  Whatever else the firmware tries is reported as "FAIL ...".
 *
 * Intel SDM volume 3, 20.2 (virtual-8086 mode), 20.3 (interrupts in it).
 */
#include "v86_monitor.h"

#define TSS             0x18
#define IO_MAP          104
#define GENERAL_FAULT   13
#define PAGE_FAULT      14
#define DEBUG_FAULT     1
#define IRQS            0x50            /* where this monitor has them */
#define PORT_SMI        0xb2
#define GUARD_TICKS     (18 * 12)

#ifndef SMI_EXCHANGE
#define SMI_EXCHANGE    0
#endif
static uint32_t (*const smi_exchange)(uint32_t what, uint32_t slot,
                                      uint32_t token) = (void *)SMI_EXCHANGE;

struct tss {
    uint32_t back, esp0, ss0, other[22];
    uint16_t trap, io_map;
    uint8_t map[8192 + 1];
} __attribute__((packed));
_Static_assert(sizeof(struct tss) == IO_MAP + 8192 + 1, "as the CPU has it");

struct gate { uint16_t low, selector, type, high; };

static struct tss tss __attribute__((aligned(128)));
static struct gate idt[256] __attribute__((aligned(8)));
struct task tasks[2], *task;
uint32_t mode;
static uint32_t slice_length, slice;

extern uint8_t handlers[], gdt_tss[];
extern uint32_t virtual;
void enter(const struct frame *f) __attribute__((noreturn));
void leave(uint32_t ip, uint32_t sp) __attribute__((noreturn));
void monitor(struct frame *f);
void monitor_main(uint32_t how, uint32_t sp, uint32_t ip);

void *memcpy(void *to, const void *from, __SIZE_TYPE__ len)
{
    void *start = to;

    __asm__ volatile("rep movsb"
                     : "+D"(to), "+S"(from), "+c"(len) : : "memory");
    return start;
}

void fatal(struct frame *f, const char *what)
{
    uint32_t cr2;

    say("FAIL monitor: ");
    say(what);
    say_hex("vector", f->vector);
    say_hex("error", f->error);
    say_hex("cs", f->cs);
    say_hex("ip", f->eip);
    say_hex("flags", f->eflags);
    __asm__ volatile("movl %%cr2, %0" : "=r"(cr2));
    say_hex("cr2", cr2);
    if (f->eflags & FLAG_VM) {
        const uint8_t *code = (uint8_t *)((f->cs << 4) + (f->eip & 0xffff));

        say_hex("code", (uint32_t)code[0] << 24 | code[1] << 16 |
                        code[2] << 8 | code[3]);
        say_hex("eax", f->eax);
        say_hex("ss", f->ss);
        say_hex("sp", f->esp);
    }
    say("\n");
    if (!(f->eflags & FLAG_VM) || !task->guard_ip) {
        say("done\n");
        outb(PORT_EXIT, 0);
        for (;;)
            __asm__ volatile("cli; hlt");
    }
    f->eip = task->guard_ip;
    f->esp = task->guard_sp;
    f->cs = f->ss = f->ds = f->es = 0;
    f->eflags = (f->eflags | FLAG_IF) & ~(FLAG_TF | 0x400);
    task->interrupts = true;
    task->guard_ip = 0;
    task->halted = false;
}

/* ---------------------------------------------------- the guest's processor */

bool interrupts_on(const struct frame *f)
{
    return mode & MODE_IOPL0 ? task->interrupts : f->eflags & FLAG_IF;
}

static void set_interrupts(struct frame *f, bool on)
{
    if (mode & MODE_IOPL0)
        task->interrupts = on;
    else
        f->eflags = on ? f->eflags | FLAG_IF : f->eflags & ~FLAG_IF;
}

static uint32_t get_flags(const struct frame *f)
{
    uint32_t v = f->eflags & ~(FLAG_VM | FLAG_IF | 0x10000);

    return v | FLAGS_IOPL | (interrupts_on(f) ? FLAG_IF : 0);
}

/* POPF, IRET: not IOPL, VM, and of the high half only AC and ID. */
static void set_flags(struct frame *f, uint32_t v, bool wide)
{
    uint32_t may = wide ? 0x244dd5 : 0x4dd5;

    f->eflags = (f->eflags & ~may) | (v & may) | 2;
    set_interrupts(f, v & FLAG_IF);
}

static void push(struct frame *f, uint32_t v, bool wide)
{
    f->esp = (f->esp & 0xffff0000) | ((f->esp - (wide ? 4 : 2)) & 0xffff);
    for (unsigned i = 0; i < (wide ? 4 : 2); i++)
        *(uint8_t *)((f->ss << 4) + ((f->esp + i) & 0xffff)) = v >> 8 * i;
}

static uint32_t pop(struct frame *f, bool wide)
{
    uint32_t v = 0;

    for (unsigned i = 0; i < (wide ? 4 : 2); i++)
        v |= *(uint8_t *)((f->ss << 4) + ((f->esp + i) & 0xffff)) << 8 * i;
    f->esp = (f->esp & 0xffff0000) | ((f->esp + (wide ? 4 : 2)) & 0xffff);
    return v;
}

void reflect(struct frame *f, uint8_t vector)
{
    const uint16_t *entry = (uint16_t *)(vector * 4u);

    push(f, get_flags(f), false);
    push(f, f->cs, false);
    push(f, f->eip, false);
    f->eip = entry[0];
    f->cs = entry[1];
    f->eflags &= ~FLAG_TF;
    set_interrupts(f, false);
}

/* -------------------------------------------------------------------- tasks */

static void switch_to(struct frame *f, struct task *to)
{
    task->f = *f;
    *f = to->f;
    task = to;
    if (mode & MODE_PAGING)
        __asm__ volatile("movl %0, %%cr3" : : "r"(to->cr3) : "memory");
}

static void second_begin(struct frame *f, uint32_t ip)
{
    struct task *other = &tasks[1];

    memory_second();
    *other = (struct task){ .cr3 = other->cr3, .f = *f };
    other->f.eip = ip;
    other->f.cs = other->f.ss = other->f.ds = other->f.es = 0;
    other->f.eflags |= FLAG_IF;
    other->interrupts = true;
    other->there = true;
}

static struct task *other_task(void)
{
    struct task *other = task == &tasks[0] ? &tasks[1] : &tasks[0];

    return other->there ? other : NULL;
}

/* Nobody to run?  Wait for an IRQ, and let those run who have one. */
static void idle(struct frame *f)
{
    while (task->halted) {
        struct task *other = other_task();

        deliver(f);
        if (!task->halted)
            return;
        if (other && (!other->halted || other->pending)) {
            switch_to(f, other);
            continue;
        }
        __asm__ volatile("sti; hlt; cli" : : : "memory");
    }
}

static void tick(struct frame *f)
{
    struct task *other = other_task();

    for (unsigned i = 0; i < 2; i++)
        if (tasks[i].guard_ip)
            tasks[i].guard_ticks++;
    if (!(f->eflags & FLAG_VM))
        return;
    if (task->guard_ticks > GUARD_TICKS) {
        task->guard_ticks = 0;
        fatal(f, "no end of a call");
    }
    if (other && ++slice >= slice_length) {
        slice = 0;
        switch_to(f, other);
    }
}

static void call(struct frame *f)
{
    switch (f->eax & 0xffff) {
    case CALL_STOP:
        devices_off();
        memory_off();
        virtual = 0;
        leave(f->eip & 0xffff, f->esp & 0xffff);
    case CALL_VERIFY:
        f->eax = changed();
        break;
    case CALL_COUNTERS:
        f->eax = count_lazy;
        f->ebx = count_denied;
        f->ecx = count_ports;
        f->edx = other_task() != NULL;
        break;
    case CALL_PAGE:
        page_set(f->ebx, f->ecx & 0xffff);
        break;
    case CALL_A20:
        a20_set(f->ebx & 0xffff);
        break;
    case CALL_GUARD:
        f->eax = task->guard_ip | task->guard_sp << 16;
        task->guard_ip = f->ebx & 0xffff;
        task->guard_sp = f->ecx & 0xffff;
        task->guard_ticks = 0;
        break;
    case CALL_READ:
        f->eax = physical_read(f->ebx);
        break;
    case CALL_SECOND:
        second_begin(f, f->ebx & 0xffff);
        break;
    case CALL_FOCUS:
        focus = f->ebx & 1;
        break;
    case CALL_END:
        if (task == &tasks[1]) {
            switch_to(f, &tasks[0]);
            tasks[1].there = false;
        }
        break;
    case CALL_KILL:
        tasks[1].there = false;
        break;
    case CALL_WRITE:
        physical_write(f->ebx, f->ecx);
        break;
    case CALL_FLAT:
        f->eax = smi_exchange(f->ebx, f->ecx, 0x4b);
        break;
    case CALL_SMIS:
        for (unsigned i = 0; i < 0xf0; i++)
            outb(PORT_SMI, i);
        break;
    case CALL_SLICES:
        slice_length = f->ebx & 0xffff;
        break;
    }
}

/* #GP: what virtual-8086 mode leaves to the monitor. */
static void emulate(struct frame *f)
{
    const uint8_t *code = (uint8_t *)((f->cs << 4) + (f->eip & 0xffff));
    const uint8_t *start = code;
    bool wide = false, iopl0 = mode & MODE_IOPL0;
    uint32_t n;

    while (*code == 0x66 || *code == 0x67) {
        wide |= *code == 0x66;
        code++;
    }
    n = code - start + 1;
    switch (*code) {
    case 0xcd:
        f->eip = (f->eip + n + 1) & 0xffff;
        if (code[1] == CALL_MONITOR)
            call(f);
        else
            reflect(f, code[1]);
        return;
    case 0xf4:
        f->eip = (f->eip + n) & 0xffff;
        if (!interrupts_on(f)) {
            fatal(f, "HLT without interrupts");
            return;
        }
        task->halted = true;
        return;
    }
    if (iopl0)
        switch (*code) {
        case 0xfa:                          /* CLI */
            set_interrupts(f, false);
            f->eip = (f->eip + n) & 0xffff;
            return;
        case 0xfb:                          /* STI */
            set_interrupts(f, true);
            f->eip = (f->eip + n) & 0xffff;
            if (code[1] == 0xf4) {          /* nothing comes in between */
                f->eip = (f->eip + 1) & 0xffff;
                task->halted = true;
            }
            return;
        case 0x9c:                          /* PUSHF */
            push(f, get_flags(f), wide);
            f->eip = (f->eip + n) & 0xffff;
            return;
        case 0x9d:                          /* POPF */
            set_flags(f, pop(f, wide), wide);
            f->eip = (f->eip + n) & 0xffff;
            return;
        case 0xcf:                          /* IRET */
            f->eip = pop(f, wide) & 0xffff;
            f->cs = pop(f, wide) & 0xffff;
            set_flags(f, pop(f, wide), wide);
            return;
        }
    if (!port_instruction(f, code, code - start, wide))
        fatal(f, "what needs ring 0");
}

void monitor(struct frame *f)
{
    bool is_virtual = f->eflags & FLAG_VM;

    if (f->vector >= IRQS && f->vector < IRQS + 16) {
        irq(f, f->vector - IRQS);
        if (f->vector == IRQS)
            tick(f);
    } else if (!is_virtual)
        fatal(f, "an exception in ring 0");
    else if (f->vector == GENERAL_FAULT)
        emulate(f);
    else if (f->vector == PAGE_FAULT)
        page_fault(f);
    else if (f->vector == DEBUG_FAULT)
        stepped(f);
    else
        fatal(f, "an exception");
    if (is_virtual) {
        idle(f);
        deliver(f);
    }
}

/* -------------------------------------------------------------------- setup */

static void tables_setup(void)
{
    struct { uint16_t limit; uint32_t at; } __attribute__((packed)) idtr = {
        sizeof(idt) - 1, (uint32_t)idt };
    uint32_t *descriptor = (uint32_t *)gdt_tss;

    for (unsigned i = 0; i < 256; i++) {
        uint32_t at = (uint32_t)handlers + i * 16;

        idt[i] = (struct gate){ at & 0xffff, 0x08, 0x8e00, at >> 16 };
    }
    __asm__ volatile("lidt %0" : : "m"(idtr));
    tss.esp0 = MONITOR_STACK;
    tss.ss0 = 0x10;
    tss.io_map = IO_MAP;
    tss.map[8192] = 0xff;
    descriptor[0] = ((uint32_t)&tss & 0xffff) << 16 | (sizeof(tss) - 1);
    descriptor[1] = ((uint32_t)&tss & 0xff000000) | 0x8900 |
                    ((uint32_t)&tss >> 16 & 0xff);
    __asm__ volatile("ltr %w0" : : "r"(TSS));
}

void monitor_main(uint32_t how, uint32_t sp, uint32_t ip)
{
    uint32_t iopl = how & MODE_IOPL0 ? 0 : FLAGS_IOPL;
    static struct frame first;

    mode = how;
    task = &tasks[0];
    task->there = true;
    task->interrupts = true;
    slice_length = 1;
    virtual = 1;
    tables_setup();
    memory_setup();
    devices_setup(tss.map);
    keep_state();
    first.eip = ip;
    first.esp = sp;
    first.eflags = FLAG_VM | FLAG_IF | iopl | 2;
    enter(&first);
}
