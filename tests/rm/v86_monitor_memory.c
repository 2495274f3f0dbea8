/* SPDX-License-Identifier: MIT */
/*
 * The monitor's page tables, the faults that they make, and the state of
 * processor and memory that a guest's calls must not change.
 *
 * Intel SDM volume 3, 4.3, 4.4.
 */
#include "v86_monitor.h"

#define PRESENT         1u
#define WRITABLE        2u
#define USER            4u
#define LARGE           0x80u
#define ALL             (PRESENT | WRITABLE | USER)
#define CR4_PSE         0x10u
#define CR4_PAE         0x20u
#define CR4_OSFXSR      0x200u
#define WINDOW          0xc0000000u     /* physical memory, for the monitor */
#define PAGE            0x1000u
#define GAP             0x5a17c0deu
#define FAULT_WRITE     2u
#define ODD_PLACE       (MONITOR_AT + 0x3000)

uint32_t count_lazy, count_denied;

static bool paged, pae, a20_open;
static uint32_t next_table;
static uint8_t kinds[0x110];            /* PAGE_..., of each page */
static uint32_t stepping;               /* a page + 1 */
static uint32_t stepping_entry[2];

static void *window(uint32_t at)
{
    return (void *)(paged && mode & MODE_PAGING ? WINDOW + at : at);
}

uint32_t physical_read(uint32_t at)
{
    return *(uint32_t *)window(at);
}

void physical_write(uint32_t at, uint32_t v)
{
    *(uint32_t *)window(at) = v;
}

static uint32_t *new_table(void)
{
    uint32_t *table = (uint32_t *)next_table;

    next_table += PAGE;
    for (unsigned i = 0; i < PAGE / 4; i++)
        table[i] = 0;
    return table;
}

/* The entry of a linear page, in tables at their physical addresses. */
static uint32_t *entry_of(uint32_t cr3, uint32_t at, bool make)
{
    uint32_t *table = (uint32_t *)cr3, *entry;
    unsigned words = pae ? 2 : 1;

    if (pae) {
        entry = table + (at >> 30) * 2;
        if (!*entry && make)
            *entry = (uint32_t)new_table() | PRESENT;
        table = (uint32_t *)(*entry & ~(PAGE - 1));
    }
    entry = table + (pae ? at >> 21 & 511 : at >> 22) * words;
    if (!*entry && make)
        *entry = (uint32_t)new_table() | ALL;
    table = (uint32_t *)(*entry & ~(PAGE - 1));
    return table + (at / PAGE & (pae ? 511 : 1023)) * words;
}

static void map(uint32_t cr3, uint32_t at, uint32_t to, uint32_t bits)
{
    *entry_of(cr3, at, true) = to | bits;
}

static void flush(void)
{
    uint32_t cr3;

    __asm__ volatile("movl %%cr3, %0; movl %0, %%cr3" : "=r"(cr3) : : "memory");
}

static uint32_t frame_of(uint32_t page)
{
    uint32_t upper = page - UPPER / PAGE;

    if (page == 0 && mode & MODE_PAGE0)
        return MONITOR_PAGE0;
    if (upper < UPPER_PAGES)
        return MONITOR_FRAMES + (UPPER_PAGES - 1 - upper) * 2 * PAGE;
    return page * PAGE;
}

/* Page tables of the monitor's own, and of a guest with low memory there. */
static uint32_t tables_make(uint32_t low)
{
    uint32_t cr3 = (uint32_t)new_table();

    if ((mode & MODE_PAGING) == PAGING_4M) {
        uint32_t *directory = (uint32_t *)cr3;

        directory[0] = ALL | LARGE;
        directory[1] = 0x400000 | PRESENT | WRITABLE | LARGE;
        directory[WINDOW >> 22] = PRESENT | WRITABLE | LARGE;
        directory[(WINDOW >> 22) + 1] = 0x400000 | PRESENT | WRITABLE | LARGE;
        return cr3;
    }
    for (uint32_t at = 0; at < 0x110000; at += PAGE)
        map(cr3, at, low && at < LOW_MEMORY ? low + at : frame_of(at / PAGE),
            ALL);
    for (uint32_t at = 0x110000; at < 0x800000; at += PAGE)
        map(cr3, at, at, PRESENT | WRITABLE);
    for (uint32_t at = 0; at < 0x800000; at += PAGE)
        map(cr3, WINDOW + at, at, PRESENT | WRITABLE);
    return cr3;
}

static void cr4_set(uint32_t bits, uint32_t clear)
{
    uint32_t v;

    __asm__ volatile("movl %%cr4, %0" : "=r"(v));
    v = (v & ~clear) | bits;
    __asm__ volatile("movl %0, %%cr4" : : "r"(v));
}

static void cr0_set(uint32_t bits, uint32_t clear)
{
    uint32_t v;

    __asm__ volatile("movl %%cr0, %0" : "=r"(v));
    v = (v & ~clear) | bits;
    __asm__ volatile("movl %0, %%cr0" : : "r"(v) : "memory");
}

static void fill(uint32_t at, uint32_t len, uint32_t v)
{
    for (uint32_t i = 0; i < len; i += 4)
        *(uint32_t *)(at + i) = v;
}

void memory_setup(void)
{
    next_table = MONITOR_TABLES;
    a20_open = true;
    pae = (mode & MODE_PAGING) == PAGING_PAE;
    for (unsigned i = 0; i < PAGE; i += 4)
        *(uint32_t *)(MONITOR_PAGE0 + i) = *(uint32_t *)i;
    fill(MONITOR_FRAMES, UPPER_PAGES * 2 * PAGE, GAP);
    if ((mode & MODE_PAGING) == PAGING_NONE) {
        __asm__ volatile("movl %%cr3, %0" : "=r"(tasks[0].cr3));
        return;
    }
    tasks[0].cr3 = tables_make(0);
    cr4_set(pae ? CR4_PAE : (mode & MODE_PAGING) == PAGING_4M ? CR4_PSE : 0,
            CR4_PAE | CR4_PSE);
    __asm__ volatile("movl %0, %%cr3" : : "r"(tasks[0].cr3));
    cr0_set(1u << 31, 0);
    paged = true;
}

void memory_second(void)
{
    for (uint32_t i = 0; i < LOW_MEMORY; i += 4)
        *(uint32_t *)(MONITOR_SECOND + i) = *(uint32_t *)i;
    if (!tasks[1].cr3)
        tasks[1].cr3 = tables_make(MONITOR_SECOND);
}

void memory_off(void)
{
    __asm__ volatile("movl %0, %%dr7" : : "r"(0x400));
    cr0_set(0, 1u << 31);
    cr4_set(0, CR4_PAE | CR4_PSE);
    paged = false;
}

/* Tables of their own pages only, so not with PAGING_NONE and PAGING_4M. */
static bool pages(void)
{
    return (mode & MODE_PAGING) == PAGING_4K || pae;
}

void page_set(uint32_t page, uint32_t kind)
{
    static const uint8_t bits[] = {
        [PAGE_NORMAL] = ALL, [PAGE_LAZY] = 0,
        [PAGE_READ_ONLY] = PRESENT | USER,
        [PAGE_SUPERVISOR] = PRESENT | WRITABLE,
        [PAGE_HIGH] = ALL,
    };
    uint32_t *entry;

    if (!pages() || page >= 0x110 || kind >= sizeof(bits))
        return;
    entry = entry_of(task->cr3, page * PAGE, false);
    kinds[page] = kind;
    *entry = frame_of(page) | bits[kind];
    if (pae)
        entry[1] = kind == PAGE_HIGH;
    flush();
}

void a20_set(bool open)
{
    a20_open = open;
    if (!pages())
        return;
    for (uint32_t at = 0; at < 0x10000; at += PAGE)
        *entry_of(task->cr3, 0x100000 + at, false) =
            (open ? 0x100000 + at : frame_of(at / PAGE)) | ALL;
    flush();
}

bool a20_get(void)
{
    return a20_open;
}

/* A page that a guest may not use reads and writes as another for that one
 * instruction, as monitors do it for what shall look like ROM. */
void page_fault(struct frame *f)
{
    uint32_t at, page, *entry;

    __asm__ volatile("movl %%cr2, %0" : "=r"(at));
    page = at / PAGE;
    if (page >= 0x110 || kinds[page] == PAGE_NORMAL || stepping) {
        fatal(f, "a page fault");
        return;
    }
    entry = entry_of(task->cr3, at, false);
    if (kinds[page] == PAGE_LAZY) {
        count_lazy++;
        kinds[page] = PAGE_NORMAL;
        *entry |= ALL;
        flush();
        return;
    }
    if (f->cs == 0) {
        fatal(f, "the guest's own page fault");
        return;
    }
    count_denied++;
    stepping = page + 1;
    stepping_entry[0] = entry[0];
    entry[0] = MONITOR_SCRATCH | ALL;
    if (pae) {
        stepping_entry[1] = entry[1];
        entry[1] = 0;
    }
    f->eflags |= FLAG_TF;
    flush();
}

void stepped(struct frame *f)
{
    uint32_t *entry;

    if (!stepping) {
        fatal(f, "a debug exception");
        return;
    }
    entry = entry_of(task->cr3, (stepping - 1) * PAGE, false);
    entry[0] = stepping_entry[0];
    if (pae)
        entry[1] = stepping_entry[1];
    stepping = 0;
    f->eflags &= ~FLAG_TF;
    __asm__ volatile("movl %0, %%dr6" : : "r"(0xffff0ff0));
    flush();
}

/* ---------------------------------------------------------- the same state */

struct state {
    uint8_t gdtr[6], idtr[6];
    uint16_t tr, ldtr;
    uint32_t cr0, cr4, dr[6], under, low, msr[3];
};
static struct state before;
static uint8_t fpu_before[512] __attribute__((aligned(16)));
static uint8_t fpu_now[512] __attribute__((aligned(16)));

static uint32_t sum(uint32_t at, uint32_t len)
{
    const uint32_t *p = window(at);
    uint32_t v = 0;

    for (uint32_t i = 0; i < len / 4; i++)
        v = (v << 1 | v >> 31) ^ p[i];
    return v;
}

static uint32_t msr_read(uint32_t number)
{
    uint32_t low, high;

    __asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(number));
    return low;
}

static void state_get(struct state *s)
{
    __asm__ volatile("sgdt %0" : "=m"(s->gdtr));
    __asm__ volatile("sidt %0" : "=m"(s->idtr));
    __asm__ volatile("str %0" : "=m"(s->tr));
    __asm__ volatile("sldt %0" : "=m"(s->ldtr));
    __asm__ volatile("movl %%cr0, %0" : "=r"(s->cr0));
    __asm__ volatile("movl %%cr4, %0" : "=r"(s->cr4));
    __asm__ volatile("movl %%dr0, %0" : "=r"(s->dr[0]));
    __asm__ volatile("movl %%dr1, %0" : "=r"(s->dr[1]));
    __asm__ volatile("movl %%dr2, %0" : "=r"(s->dr[2]));
    __asm__ volatile("movl %%dr3, %0" : "=r"(s->dr[3]));
    __asm__ volatile("movl %%dr6, %0" : "=r"(s->dr[4]));
    __asm__ volatile("movl %%dr7, %0" : "=r"(s->dr[5]));
    for (unsigned i = 0; i < 3; i++)
        s->msr[i] = msr_read(0x174 + i);
    s->under = sum(UPPER, UPPER_PAGES * PAGE);
    /* The interrupt table and what lies behind the BDA's counters. */
    s->low = sum(0, 0x400);
}

/* Registers that nobody has touched prove little: they all get a value. */
void keep_state(void)
{
    uint32_t flat = MONITOR_FRAMES + 0x40;

    cr4_set(CR4_OSFXSR, 0);
    cr0_set(0x22, 0xc);                 /* NE, MP; not EM, TS */
    __asm__ volatile("fninit; fldpi; fldln2; fldl2e");
    __asm__ volatile("fxsave %0" : "=m"(fpu_before));
    for (unsigned i = 160; i < 288; i++)
        fpu_before[i] = i * 7;
    __asm__ volatile("fxrstor %0" : : "m"(fpu_before));
    __asm__ volatile("fxsave %0" : "=m"(fpu_before));
    /* A watchpoint on what the firmware writes at its physical address. */
    __asm__ volatile("movl %0, %%dr0" : : "r"(flat));
    __asm__ volatile("movl %0, %%dr1" : : "r"(0x12345678));
    __asm__ volatile("movl %0, %%dr2" : : "r"(0x87654321));
    __asm__ volatile("movl %0, %%dr3" : : "r"(0x0badcafe));
    __asm__ volatile("movl %0, %%dr6" : : "r"(0xffff0ff0));
    __asm__ volatile("movl %0, %%dr7" : : "r"(0x000d0402));
    state_get(&before);
}

static bool differ(const void *a, const void *b, uint32_t len)
{
    const uint8_t *x = a, *y = b;

    while (len--)
        if (*x++ != *y++)
            return true;
    return false;
}

/* Is all between the upper memory's pages as it was? */
static bool gaps_hold(void)
{
    for (uint32_t i = 0; i < UPPER_PAGES; i++) {
        const uint32_t *gap = window(MONITOR_FRAMES + (2 * i + 1) * PAGE);

        for (uint32_t j = 0; j < PAGE / 4; j++)
            if (gap[j] != GAP)
                return false;
    }
    return true;
}

uint32_t changed(void)
{
    static struct state now;
    uint32_t cr3, v = 0;

    state_get(&now);
    __asm__ volatile("movl %%cr3, %0" : "=r"(cr3));
    __asm__ volatile("fxsave %0" : "=m"(fpu_now));
    if (differ(now.gdtr, before.gdtr, 6))
        v |= CHANGED_GDTR;
    if (differ(now.idtr, before.idtr, 6))
        v |= CHANGED_IDTR;
    if (now.cr0 != before.cr0 || now.cr4 != before.cr4 || cr3 != task->cr3)
        v |= CHANGED_CR;
    if (now.tr != before.tr || now.ldtr != before.ldtr)
        v |= CHANGED_TR;
    if (differ(now.dr, before.dr, sizeof(now.dr)))
        v |= CHANGED_DR;
    if (differ(fpu_now, fpu_before, 288))
        v |= CHANGED_FPU;
    if (differ(now.msr, before.msr, sizeof(now.msr)))
        v |= CHANGED_MSR;
    if (pages()) {
        if (!gaps_hold())
            v |= CHANGED_GAPS;
        if (now.under != before.under)
            v |= CHANGED_UNDER;
        if (mode & MODE_PAGE0 && now.low != before.low)
            v |= CHANGED_LOW;
    }
    if (!(inb(0x92) & 2))
        v |= CHANGED_A20;
    return v;
}
