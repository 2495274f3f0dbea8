/* SPDX-License-Identifier: MIT */
/*
 * The C side of entry.S: calls into real mode, and pauses.
 */
#include "core/real.h"

#include "core/bda.h"
#include "core/gate.h"
#include "core/layout.h"
#include "core/v86.h"
#include "lib/print.h"

_Static_assert(offsetof(struct bregs, ds) == BREG_DS, "entry.S");
_Static_assert(offsetof(struct bregs, es) == BREG_ES, "entry.S");
_Static_assert(offsetof(struct bregs, edi) == BREG_EDI, "entry.S");
_Static_assert(offsetof(struct bregs, esi) == BREG_ESI, "entry.S");
_Static_assert(offsetof(struct bregs, ebp) == BREG_EBP, "entry.S");
_Static_assert(offsetof(struct bregs, ebx) == BREG_EBX, "entry.S");
_Static_assert(offsetof(struct bregs, edx) == BREG_EDX, "entry.S");
_Static_assert(offsetof(struct bregs, ecx) == BREG_ECX, "entry.S");
_Static_assert(offsetof(struct bregs, eax) == BREG_EAX, "entry.S");
_Static_assert(offsetof(struct bregs, ip) == BREG_IP, "entry.S");
_Static_assert(offsetof(struct bregs, cs) == BREG_CS, "entry.S");
_Static_assert(offsetof(struct bregs, flags) == BREG_FLAGS, "entry.S");
_Static_assert(sizeof(struct bregs) == BREG_SIZE, "entry.S");

/* Shared with entry.S */
uint32_t rt_sp = STACK_TOP - DATA_START;
uint32_t rt_entry;          /* the innermost entry's frame, or 0 */
uint32_t a20_probe;
uint32_t entry_caller_stack;
void real_call(struct bregs *r, uint32_t as_interrupt);
NORETURN void real_jump(const struct bregs *r, uint32_t stack);
extern char yield_16[], yield_halt_16[];

/* Foreign code comes behind its gate only; not to be there is our mistake. */
static void require(enum gate gate)
{
    if (gate_passed(gate))
        return;
    debug("KeelBIOS: internal error: foreign code before gate %u: stopped\n",
          (unsigned)gate);
    for (;;)
        __asm__ volatile("cli; hlt");
}

static void call(struct bregs *r, uint32_t as_interrupt)
{
    require(GATE_ROMS);
    if (v86_call)
        v86_call_out(r, as_interrupt);
    else
        real_call(r, as_interrupt);
}

void call16(struct bregs *r)
{
    call(r, 0);
}

void call16_iret(struct bregs *r)
{
    r->flags &= (uint16_t)~FLAG_IF;     /* as INT does */
    call(r, 1);
}

void call16_int(uint8_t vec, struct bregs *r)
{
    r->ip = ivt[vec].off;
    r->cs = ivt[vec].seg;
    call16_iret(r);
}

void jump16(const struct bregs *r)
{
    require(GATE_BOOT);
    real_jump(r, 0x7c00);
}

/* What real_call() has kept of rt_sp, from what it is while the call lasts. */
static uint32_t outer_sp(uint32_t sp)
{
    return *(uint32_t *)(uintptr_t)(DATA_START + sp + STACK_CALLEE +
                                    BREG_SIZE + 4);
}

void real_end_calls(uint32_t sp)
{
    uint32_t next;

    while ((next = outer_sp(rt_sp)) < sp && next > rt_sp)
        rt_sp = next;
    real_end_call();
}

static void yield_to(const char *code)
{
    struct bregs r = {
        .cs = SEG_BIOS,
        .ip = (uint16_t)(uintptr_t)code,
    };

    if (gate_passed(GATE_ROMS))
        call(&r, 0);
}

void yield(void)
{
    yield_to(yield_16);
}

void yield_halt(void)
{
    yield_to(yield_halt_16);
}

void idt_of_real_mode(void)
{
    static const struct { uint16_t limit; uint32_t base; } PACKED table = {
        256 * sizeof(struct farptr) - 1, 0,
    };

    __asm__ volatile("lidtl %0" : : "m"(table));
}
