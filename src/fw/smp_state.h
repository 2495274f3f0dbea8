/* SPDX-License-Identifier: MIT */
/*
 * Shared by smp.c, smp_post.c, mtrr.c and the assembly of smp_ap.S.
 */
#ifndef FW_SMP_STATE_H
#define FW_SMP_STATE_H

#define SMP_MSR_SIZE        12          /* index, low, high: 32 bits each */

#ifndef __ASSEMBLER__
#include "lib/compiler.h"

#define SMP_MSRS_MAX        20u
#define SMP_SHORT_IDS       255u        /* 255 itself means all */
#define SMP_UNKNOWN         0u

struct smp_msr { uint32_t index, low, high; };
_Static_assert(sizeof(struct smp_msr) == SMP_MSR_SIZE, "smp_ap.S");

/* Resident.  What every processor writes, in this order. */
extern struct smp_msr smp_msrs[SMP_MSRS_MAX];
extern uint32_t smp_msr_count;

/* Resident.  Processors that there should be, the first included, or
 * SMP_UNKNOWN until smp_wait(), when nobody tells; the others that are ready,
 * and one bit for each APIC ID (8 bits of it) seen. */
extern uint32_t smp_expected;
extern volatile uint32_t smp_ready;
extern volatile uint32_t smp_ids[8];

/* Resident.  APIC IDs may need more than eight bits. */
extern bool smp_long_ids;

/* Resident.  How many of the list a processor writes when it begins, and how
 * many at its end stay over INIT, and may be locked. */
extern uint32_t smp_msrs_now, smp_msrs_kept;

/* Resident.  Of smp_begin(): the next job, and how many there are. */
extern volatile uint32_t smp_next, smp_jobs;

/* Resident.  What smp_ap.S calls with the first job that it has taken. */
void smp_worker(unsigned job);

/* POST only: add to the list and write on this processor. */
void smp_write_msr(uint32_t index, uint64_t value);

/* POST only: put the MTRRs into the list. */
void mtrr_setup(void);

/* Resident: the two halves of smp_start() that do not choose anything. */
void smp_launch(void);
void smp_wait(void);

/*
 * Resident, after smp_wait(): where IDs are long, this processor is in x2APIC
 * mode from now on.  Linux takes that for leave to use the others' long IDs.
 */
void smp_use_x2apic(void);
#endif

#endif
