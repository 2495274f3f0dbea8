/* SPDX-License-Identifier: MIT */
/*
 * Starting the other processors, waiting for them, and sharing work with them.
 *
 * They begin at a page boundary below 1 MiB.  The lowest bytes of the
 * resident stack serve as that page: they are ours after POST, too, and the
 * stack never gets there.
 */
#include "fw/smp.h"

#include "core/layout.h"
#include "core/real.h"
#include "fw/smp_state.h"
#include "lib/io.h"
#include "lib/print.h"
#include "lib/timer.h"

#define CPUID_APIC          (1u << 9)       /* leaf 1, EDX */
#define CPUID_X2APIC        (1u << 21)      /* leaf 1, ECX */
#define CPUID_HYPERVISOR    (1u << 31)      /* leaf 1, ECX */
#define CPUID_HV_LEAF       0x40000000u
#define HV_TCG              0x54474354u     /* EBX: "TCGT" */

#define LAPIC               0xfee00000u
#define LAPIC_SVR           0xf0u
#define LAPIC_SVR_ENABLE    (1u << 8)
#define LAPIC_SVR_VECTOR    0xffu           /* as after reset */
#define LAPIC_ICR_LOW       0x300u
#define LAPIC_ICR_TO_OTHERS (3u << 18)
#define LAPIC_ICR_ASSERT    (1u << 14)
#define LAPIC_ICR_INIT      (5u << 8)
#define LAPIC_ICR_STARTUP   (6u << 8)
#define LAPIC_LINT0         0x350u
#define LAPIC_LINT1         0x360u
#define LAPIC_LVT_EXTINT    (7u << 8)
#define LAPIC_LVT_NMI       (4u << 8)
#define LAPIC_LVT_LEVEL     (1u << 15)

#define MSR_APIC_BASE       0x1bu
#define APIC_BASE_X2APIC    (1u << 10)
#define MSR_X2APIC          0x800u          /* registers by 16 bytes */

#define OPCODE_JMP_FAR      0xeau
#define READY_TIMEOUT_MS    2000u
#define UNKNOWN_MS          10u             /* for those nobody tells of */

extern char smp_ap[];

struct smp_msr smp_msrs[SMP_MSRS_MAX];
uint32_t smp_msr_count, smp_expected;
bool smp_long_ids;
volatile uint32_t smp_ready, smp_ids[8];
uint32_t smp_msrs_now, smp_msrs_kept;
volatile uint32_t smp_next, smp_jobs, smp_done;
static bool (*smp_help)(unsigned job);
static bool too_late;           /* once: no help any more */

static bool has_x2apic(void)
{
    uint32_t r[4];

    cpuid(1, 0, r);
    return r[2] & CPUID_X2APIC;
}

/* QEMU 11 leaves x2APIC mode on at the reset that ends S3. */
static bool x2apic_is_on(void)
{
    return has_x2apic() && (rdmsr(MSR_APIC_BASE) & APIC_BASE_X2APIC);
}

static void lapic_write(uint32_t reg, uint32_t v)
{
    if (x2apic_is_on())
        wrmsr(MSR_X2APIC + reg / 16, v);
    else
        mmio_write32((void *)(LAPIC + reg), v);
}

/*
 * After a reset processors wait for a start-up message, and INIT changes
 * nothing.  KVM still insists on it; QEMU's TCG does not, and with -icount
 * each INIT there makes the clock jump to its next timer.
 */
static bool needs_init(uint32_t cpuid_1_ecx)
{
    uint32_t r[4];

    if (!(cpuid_1_ecx & CPUID_HYPERVISOR))
        return true;
    cpuid(CPUID_HV_LEAF, 0, r);
    return r[1] != HV_TCG;
}

static void tell_others(uint32_t what)
{
    lapic_write(LAPIC_ICR_LOW, LAPIC_ICR_TO_OTHERS | LAPIC_ICR_ASSERT | what);
}

/* All others begin at smp_ap, with so many jobs.  INIT stops what they do:
 * nobody takes a number before it is valid. */
static void start_others(bool init, unsigned jobs)
{
    volatile uint8_t *start = (volatile uint8_t *)SMP_START;
    uint32_t entry = (uint32_t)smp_ap - (SEG_BIOS << 4);

    if (init)
        tell_others(LAPIC_ICR_INIT);
    smp_ready = smp_done = smp_next = 0;
    smp_jobs = jobs;
    start[0] = OPCODE_JMP_FAR;
    start[1] = (uint8_t)entry;
    start[2] = (uint8_t)(entry >> 8);
    start[3] = (uint8_t)SEG_BIOS;
    start[4] = (uint8_t)(SEG_BIOS >> 8);
    barrier();
    tell_others(LAPIC_ICR_STARTUP | SMP_START >> 12);
}

void smp_launch(void)
{
    uint32_t r[4];

    cpuid(1, 0, r);
    smp_msrs_now = smp_msr_count;
    smp_ids[r[1] >> 29] |= 1u << (r[1] >> 24 & 31);
    if (!(r[3] & CPUID_APIC)) {
        smp_expected = 1;
        return;
    }
    /* The 8259 interrupts this processor through LINT0. */
    lapic_write(LAPIC_SVR, LAPIC_SVR_ENABLE | LAPIC_SVR_VECTOR);
    lapic_write(LAPIC_LINT0, LAPIC_LVT_LEVEL | LAPIC_LVT_EXTINT);
    lapic_write(LAPIC_LINT1, LAPIC_LVT_LEVEL | LAPIC_LVT_NMI);
    if (smp_expected == 1)
        return;
    start_others(needs_init(r[2]), 0);
}

/* However many come in that time: those are all. */
static void count(void)
{
    struct deadline d = timer_deadline_ms(UNKNOWN_MS);

    while (!timer_expired(&d))
        cpu_pause();
    smp_expected = smp_ready + 1;
}

void smp_wait(void)
{
    struct deadline d;

    if (smp_expected == SMP_UNKNOWN)
        count();
    if (smp_ready + 1 >= smp_expected)
        return;
    d = timer_deadline_ms(READY_TIMEOUT_MS);
    while (smp_ready + 1 < smp_expected) {
        if (timer_expired(&d)) {
            print("CPUs: %u of %u answered within %u s: the others keep their "
                  "reset state\n", smp_ready + 1, smp_expected,
                  READY_TIMEOUT_MS / 1000);
            return;
        }
        cpu_pause();                /* lets QEMU run the others */
    }
}

void smp_use_x2apic(void)
{
    if (smp_long_ids && has_x2apic())
        wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | APIC_BASE_X2APIC);
}

bool smp_begin(unsigned count, bool (*help)(unsigned job))
{
    if (smp_expected == 1 || too_late)
        return false;
    smp_help = help;
    smp_msrs_now = smp_msr_count - smp_msrs_kept;
    start_others(true, count);
    return true;
}

unsigned smp_take(void)
{
    uint32_t n = 1;

    __asm__ volatile("lock xaddl %0, %1" : "+r"(n), "+m"(smp_next)
                     : : "memory", "cc");
    return n;
}

void smp_worker(unsigned job)
{
    for (; job < smp_jobs; job = smp_take())
        if (smp_help(job))
            __asm__ volatile("lock btsl %1, %0" : "+m"(smp_done) : "r"(job)
                             : "memory", "cc");
}

void smp_stop(void)
{
    too_late = true;
    start_others(true, 0);
}

void smp_resume(void)
{
    for (uint32_t i = 0; i < smp_msr_count && i < SMP_MSRS_MAX; i++) {
        const struct smp_msr *m = &smp_msrs[i];

        wrmsr(m->index, (uint64_t)m->high << 32 | m->low);
    }
    smp_launch();
    smp_wait();
    smp_use_x2apic();
}
