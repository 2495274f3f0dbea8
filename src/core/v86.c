/* SPDX-License-Identifier: MIT */
/*
 * The C side of v86_entry.S and smi.S: callers in virtual-8086 mode, and their
 * memory.
 *
 * Their page tables are read where CR3 says, so all that is believed is what
 * the processor itself believes; the accessed and dirty bits are set as it sets
 * them.
 */
#include "core/v86.h"

#include <string.h>

#include "core/bda.h"
#include "core/caller.h"
#include "core/real.h"
#include "core/reset.h"
#include "core/smi.h"
#include "lib/err.h"
#include "lib/print.h"

#define CR0_PG              (1u << 31)
#define CR4_PSE             (1u << 4)
#define CR4_PAE             (1u << 5)
#define PAGE_PRESENT        (1u << 0)
#define PAGE_WRITE          (1u << 1)
#define PAGE_USER           (1u << 2)
#define PAGE_ACCESSED       (1u << 5)
#define PAGE_DIRTY          (1u << 6)
#define PAGE_LARGE          (1u << 7)       /* in a directory */
#define PAGE_SIZE           0x1000u
#define PAGE_LARGE_HIGH     0x1fe000u       /* PSE-36: address bits 32-39 */

/* What the handler exchanges with us; smi.S knows these offsets. */
struct v86_box {
    uint32_t eax, ecx, edx, ebx, esp, ebp, esi, edi;
    uint32_t cr0, cr3, cr4;
    uint32_t ss, ds, es;        /* the selector is the lower half */
    uint32_t slot, eip;
};
_Static_assert(offsetof(struct v86_box, cr0) == 32, "smi.S");
_Static_assert(offsetof(struct v86_box, slot) == 56, "smi.S");
_Static_assert(offsetof(struct v86_box, eip) == 60, "smi.S");

/* Shared with the assembly */
struct v86_box v86_box;
struct v86_call *v86_call;
uint8_t *v86_stacks;
struct farptr v86_video;
uint32_t low_page;
NORETURN void v86_leave(const struct v86_call *c);
void v86_begin(struct v86_call *c);
NORETURN void v86_end(struct v86_call *c);
NORETURN void v86_lost(void);
extern char v86_done[], v86_again[], v86_returned[];
extern char v86_touch[], v86_touch_write[], v86_gate[];
extern uint32_t entry_caller_stack;

static uint16_t offset_of(const char *code)
{
    return (uint16_t)(uintptr_t)code;
}

/* Somebody has switched SMIs off, and there is no other way back. */
void v86_lost(void)
{
    debug("A virtual-8086 caller cannot be returned to: SMIs by port B2h were "
          "switched off while its call ran.  Reset.\n");
    platform_reset();
}

/* ------------------------------------------------------------- page tables */

/*
 * Look at an entry of a table and note its use as the processor does.
 *
 * high  of the address: bits 32 and up
 * leaf  it maps a page (a write makes it dirty)
 * Returns the entry, or 0 when the caller cannot use it so.
 */
static uint32_t entry_use(uint32_t *entry, uint32_t high, bool leaf,
                          bool write)
{
    uint32_t need = PAGE_PRESENT | PAGE_USER | (write ? PAGE_WRITE : 0);
    uint32_t note = PAGE_ACCESSED | (leaf && write ? PAGE_DIRTY : 0);

    if ((*entry & need) != need || high)
        return 0;
    if ((*entry & note) != note)
        __asm__ volatile("lock orl %1, %0" : "+m"(*entry) : "r"(note)
                         : "cc");
    return *entry;
}

/*
 * Where the page at a linear address is.
 *
 * Returns false when the caller cannot reach it; it may not be there yet.
 */
static bool page_find(const struct v86_call *c, uint32_t at, bool write,
                      uint32_t *page)
{
    bool pae = c->cr4 & CR4_PAE;
    uint32_t words = pae ? 2 : 1;           /* of an entry */
    uint32_t bits = pae ? 21 : 22;          /* of a large page */
    uint32_t slots = pae ? 512 : 1024;
    uint32_t table = c->cr3 & ~(PAGE_SIZE - 1), e;
    uint32_t *entry;

    *page = at & ~(PAGE_SIZE - 1);
    if (at >= V86_MEMORY_END)
        return false;
    if (!(c->cr0 & CR0_PG))
        return true;
    if (pae) {
        entry = (uint32_t *)((c->cr3 & ~0x1fu) + (at >> 30) * 8);
        if (!(entry[0] & PAGE_PRESENT) || entry[1])
            return false;
        table = entry[0] & ~(PAGE_SIZE - 1);
    }
    entry = (uint32_t *)table + (at >> bits) % slots * words;
    if ((*entry & PAGE_LARGE) && (pae || c->cr4 & CR4_PSE)) {
        e = entry_use(entry, pae ? entry[1] & 0x7fffffff
                                 : *entry & PAGE_LARGE_HIGH, true, write);
        *page = (e & ~((1u << bits) - 1)) |
                (at & ((1u << bits) - PAGE_SIZE));
        return e;
    }
    e = entry_use(entry, pae ? entry[1] & 0x7fffffff : 0, false, write);
    if (!e)
        return false;
    entry = (uint32_t *)(e & ~(PAGE_SIZE - 1)) +
            (at / PAGE_SIZE) % slots * words;
    e = entry_use(entry, pae ? entry[1] & 0x7fffffff : 0, true, write);
    *page = e & ~(PAGE_SIZE - 1);
    return e;
}

/* The same; a page that is not there is touched in the caller's name, once. */
static bool page_get(uint32_t at, bool write, uint32_t *page)
{
    struct bregs r = {
        .cs = SEG_BIOS,
        .ip = offset_of(write ? v86_touch_write : v86_touch),
        .es = (uint16_t)(at < 0x100000 ? at >> 4 : 0xffff),
    };

    if (page_find(v86_call, at, write, page))
        return true;
    if (at >= V86_MEMORY_END - 16)
        return false;
    r.edi = at - ((uint32_t)r.es << 4);
    v86_call_out(&r, false);
    return page_find(v86_call, at, write, page);
}

uint8_t *caller_span(uint32_t at, uint32_t *len, bool write)
{
    uint32_t want = *len, in_page = at % PAGE_SIZE, first, next;
    uint32_t have = PAGE_SIZE - in_page;

    if (!v86_call)
        return (uint8_t *)at;
    *len = 0;
    if (!page_get(at, write, &first))
        return NULL;
    while (have < want && page_find(v86_call, at + have, write, &next) &&
           next == first + in_page + have)
        have += PAGE_SIZE;
    *len = have < want ? have : want;
    return (uint8_t *)(first + in_page);
}

static bool copy(uint8_t *ours, uint32_t at, uint32_t len, bool write)
{
    while (len) {
        uint32_t n = len;
        uint8_t *theirs = caller_span(at, &n, write);

        if (n == 0)
            return false;
        if (write)
            memcpy(theirs, ours, n);
        else
            memcpy(ours, theirs, n);
        ours += n;
        at += n;
        len -= n;
    }
    return true;
}

bool caller_read(void *to, uint32_t at, uint32_t len)
{
    return copy(to, at, len, false);
}

bool caller_write(uint32_t at, const void *from, uint32_t len)
{
    return copy((uint8_t *)(uintptr_t)from, at, len, true);
}

/* ------------------------------------------------------ in, out, and back */

/* A word of the caller's stack, whose offset wraps: the processor has just used
 * it, so it is there. */
static bool stack_word(uint16_t offset, uint16_t *word, bool write)
{
    uint8_t *bytes = (uint8_t *)word;

    for (unsigned i = 0; i < sizeof(*word); i++) {
        uint32_t at = linear(v86_call->ss, (uint16_t)(offset + i));
        uint32_t page;
        uint8_t *theirs;

        if (!page_find(v86_call, at, write, &page))
            return false;
        theirs = (uint8_t *)(page + at % PAGE_SIZE);
        if (write)
            *theirs = bytes[i];
        else
            bytes[i] = *theirs;
    }
    return true;
}

static bool stack_read(uint16_t offset, uint16_t *word)
{
    return stack_word(offset, word, false);
}

static bool stack_write(uint16_t offset, uint16_t word)
{
    return stack_word(offset, &word, true);
}

/* The processor's state is the caller's: its registers, and where its memory
 * is.  40:00 and the vectors lie in its first page. */
static void from_box(struct v86_call *c, struct bregs *r)
{
    uint32_t page;

    r->eax = v86_box.eax;
    r->ebx = v86_box.ebx;
    r->ecx = v86_box.ecx;
    r->edx = v86_box.edx;
    r->ebp = v86_box.ebp;
    r->esi = v86_box.esi;
    r->edi = v86_box.edi;
    r->ds = (uint16_t)v86_box.ds;
    r->es = (uint16_t)v86_box.es;
    c->ss = (uint16_t)v86_box.ss;
    c->cr0 = v86_box.cr0;
    c->cr3 = v86_box.cr3;
    c->cr4 = v86_box.cr4;
    v86_call = c;
    low_page = page_find(c, 0, true, &page) ? page : 0;
}

static void to_box(const struct bregs *r, const char *code, uint32_t sp)
{
    v86_box.eax = r->eax;
    v86_box.ebx = r->ebx;
    v86_box.ecx = r->ecx;
    v86_box.edx = r->edx;
    v86_box.ebp = r->ebp;
    v86_box.esi = r->esi;
    v86_box.edi = r->edi;
    v86_box.esp = sp;
    v86_box.eip = offset_of(code);
}

/* What is on the caller's stack, in this order: AX and the number by
 * v86_entry, the rest by INT; of a far call the flags are before its IP. */
#define FRAME_WORDS         5u
enum { WORD_AX, WORD_NUMBER, WORD_IP, WORD_CS, WORD_FLAGS };
enum { WORD_FAR_FLAGS = 2, WORD_FAR_IP, WORD_FAR_CS };

void v86_begin(struct v86_call *c)
{
    uint16_t words[FRAME_WORDS] = { 0 };
    bool far;

    c->slot = v86_box.slot;
    c->sp = v86_box.esp;
    from_box(c, &c->r);
    for (unsigned i = 0; i < FRAME_WORDS; i++)
        (void)stack_read((uint16_t)(c->sp + 2 * i), &words[i]);
    c->r.ax = words[WORD_AX];
    c->number = words[WORD_NUMBER];
    far = c->number & ENTRY_FAR;
    c->r.ip = words[far ? WORD_FAR_IP : WORD_IP];
    c->r.cs = words[far ? WORD_FAR_CS : WORD_CS];
    c->r.flags = words[far ? WORD_FAR_FLAGS : WORD_FLAGS];
    entry_caller_stack =
        linear(c->ss, (uint16_t)(c->sp + 2 * FRAME_WORDS));
}

/* In the place of these words: the segments, and what v86_done's IRET takes. */
void v86_end(struct v86_call *c)
{
    const uint16_t words[FRAME_WORDS] = {
        c->r.ds, c->r.es, c->r.ip, c->r.cs, c->r.flags,
    };

    for (unsigned i = 0; i < FRAME_WORDS; i++)
        (void)stack_write((uint16_t)(c->sp + 2 * i), words[i]);
    to_box(&c->r, v86_done, c->sp);
    v86_leave(c);
}

void v86_ask_again(void)
{
    if (!v86_call)
        return;
    to_box(&v86_call->r, v86_again, v86_call->sp);
    v86_leave(v86_call);
}

/* v86_call_out(); returns what smi_exchange() does, 0 if there is no stack. */
static uint32_t call_out(struct bregs *r, bool as_interrupt)
{
    static uint32_t calls;
    struct v86_call *c = v86_call;
    uint32_t token = ++calls << 8 | SMI_COMMAND;
    const uint16_t frame[] = {
        r->ds, r->es,                               /* v86_done takes these */
        r->ip, r->cs, r->flags,                     /* and its IRETs these, */
        offset_of(v86_returned), SEG_BIOS, r->flags /* the callee's these */
    };
    unsigned words = ARRAY_SIZE(frame) - !as_interrupt;
    uint32_t sp = c->sp - 4, came_back;
    uint16_t ax[2] = { 0 }, flags = 0;

    (void)stack_write((uint16_t)sp, (uint16_t)token);
    (void)stack_write((uint16_t)(sp + 2), (uint16_t)(token >> 16));
    sp -= 2 * words;
    for (unsigned i = 0; i < words; i++)
        if (!stack_write((uint16_t)(sp + 2 * i), frame[i]))
            return 0;
    to_box(r, v86_done, sp);
    came_back = smi_exchange(SMI_CALL_OUT, c->slot, token);
    if (!came_back)
        v86_lost();
    from_box(c, r);
    sp = v86_box.esp;           /* v86_returned: EAX, flags, and the token */
    (void)stack_read((uint16_t)sp, &ax[0]);
    (void)stack_read((uint16_t)(sp + 2), &ax[1]);
    (void)stack_read((uint16_t)(sp + 4), &flags);
    r->eax = (uint32_t)ax[1] << 16 | ax[0];
    r->flags = flags;
    return came_back;
}

void v86_call_out(struct bregs *r, bool as_interrupt)
{
    (void)call_out(r, as_interrupt);
}

bool v86_a20(uint8_t what)
{
    struct bregs r = {
        .cs = SEG_BIOS, .ip = offset_of(v86_gate), .eax = what,
    };
    bool closed = call_out(&r, false) == SMI_CAME_BACK_CLOSED;

    if (what < 2)
        v86_call->a20_was_closed = closed;
    return r.al;
}
