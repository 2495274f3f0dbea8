/* SPDX-License-Identifier: MIT */
/*
 * The guest of the virtual-8086 tests, 16-bit code: v86.c runs it in each mode,
 * v86_disk.c calls INT 13h, v86_services.c the other services, v86_tasks.c
 * has what goes on beside a call.  The report on port 402h: each check is a
 * line "ok ABOUT: NAME" or "FAIL ABOUT: NAME" with what came instead.
 */
#ifndef RM_V86_GUEST_H
#define RM_V86_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "report.h"
#include "v86.h"

#define FLAG_CF         1u
#define FLAG_ZF         0x40u
#define CANARY          0x12345678u
#define HIGH_HALF       0x5a5a0000u     /* with it 0 is no canary for call() */

/* v86.S knows these offsets. */
struct regs {
    uint16_t ds, es, fs, gs;
    uint32_t eax, ebx, ecx, edx, esi, edi, ebp;
    uint32_t flags;             /* 0: interrupts on, all others off */
    uint32_t fault;             /* the monitor has ended the call */
};

extern uint32_t virtual, mode;
extern const char *about;
extern uint8_t drive;

void service(uint32_t number, struct regs *r);
void start(uint32_t mode);
void stop(void);

bool check(bool good, const char *name, const struct regs *r);

/* The monitor's; their results are 0 in real mode. */
uint32_t monitor_call(uint32_t number, uint32_t ebx, uint32_t ecx);
void page_is(uint32_t at, uint32_t kind);
/* Has the monitor tables of single pages? */
bool pages(void);
/* UPPER, or other memory where that is not the monitor's. */
uint32_t upper(void);

/*
 * An interrupt with canaries in all registers that r leaves 0, and checked: but
 * for those in results (RESULT_... of what may change), all are the same
 * afterwards.
 */
#define RESULT_AX       1u
#define RESULT_BX       2u
#define RESULT_CX       4u
#define RESULT_DX       8u
#define RESULT_SI       0x10u
#define RESULT_DI       0x20u
#define RESULT_ES       0x40u
#define RESULT_EBX      0x80u           /* all 32 bits of these */
#define RESULT_ECX      0x100u
#define RESULT_EAX      0x200u
#define RESULT_EDX      0x400u
void call(uint32_t number, struct regs *r, uint32_t results);

static inline bool carry(const struct regs *r)
{
    return r->flags & FLAG_CF;
}

static inline uint8_t ah(const struct regs *r)
{
    return r->eax >> 8;
}

/* Virtual-8086 mode reaches 64 KiB less 16 bytes above 1 MiB. */
static inline uint16_t segment_of(uint32_t at)
{
    return at >> 4 > 0xffff ? 0xffff : (uint16_t)(at >> 4);
}

static inline uint32_t peek(uint32_t at)
{
    uint32_t v;

    __asm__ volatile("movw %1, %%fs; movl %%fs:(%2), %0"
                     : "=r"(v) : "r"(segment_of(at)),
                       "b"(at - ((uint32_t)segment_of(at) << 4)));
    return v;
}

static inline uint8_t peek8(uint32_t at)
{
    return peek(at);
}

static inline void poke8(uint32_t at, uint8_t v)
{
    __asm__ volatile("movw %1, %%fs; movb %0, %%fs:(%2)"
                     : : "q"(v), "r"(segment_of(at)),
                         "b"(at - ((uint32_t)segment_of(at) << 4))
                     : "memory");
}

static inline void poke(uint32_t at, uint32_t v)
{
    __asm__ volatile("movw %1, %%fs; movl %0, %%fs:(%2)"
                     : : "r"(v), "r"(segment_of(at)),
                         "b"(at - ((uint32_t)segment_of(at) << 4))
                     : "memory");
}

void test_disks(void);
/* In real mode: for comparison.  Then in virtual-8086 mode. */
void services_before(void);
void queries(void);
void test_services(void);
void test_tasks(void);
/* Without system management mode */
void alone_before(void);
void test_alone(void);
/* As an attacker; the last one in real mode again */
void attack_before(void);
void test_attack(void);
void attack_after(void);

#endif
