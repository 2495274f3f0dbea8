/* SPDX-License-Identifier: MIT */
/*
 * Processors: what POST finds out about them.  QEMU docs/specs/fw_cfg.
 */
#include "fw/fwcfg.h"
#include "fw/smp.h"
#include "fw/smp_state.h"
#include "hw/rtc.h"
#include "lib/io.h"
#include "lib/print.h"

#define CMOS_CPUS           0x5fu       /* that many more than one */
#define MSR_FEATURE_CONTROL 0x3au

static uint16_t max_count;      /* as the host says; all ones: it does not */

void smp_write_msr(uint32_t index, uint64_t value)
{
    if (smp_msr_count == SMP_MSRS_MAX) {
        print("CPUs: MSR %x does not fit the list: only the first processor "
              "has it\n", index);
    } else {
        smp_msrs[smp_msr_count++] = (struct smp_msr){
            index, (uint32_t)value, (uint32_t)(value >> 32),
        };
    }
    wrmsr(index, value);
}

uint32_t smp_max_count(void)
{
    return max_count == UINT16_MAX || max_count < smp_expected ? smp_expected
                                                               : max_count;
}

void smp_start(void)
{
    uint64_t features = fwcfg_number("etc/msr_feature_control", 0);

    mtrr_setup();
    if (features) {
        smp_write_msr(MSR_FEATURE_CONTROL, features);
        smp_msrs_kept = 1;
    }
    smp_expected = fwcfg_read16(FWCFG_CPUS);
    if (smp_expected == 0)
        smp_expected = cmos_read(CMOS_CPUS) + 1u;
    else if (smp_expected == UINT16_MAX)
        smp_expected = SMP_UNKNOWN;
    max_count = fwcfg_read16(FWCFG_MAX_CPUS);
    smp_long_ids = smp_max_count() > SMP_SHORT_IDS;
    smp_launch();
}

void smp_finish(void)
{
    smp_wait();
    smp_use_x2apic();
}

bool smp_present(uint8_t apic_id)
{
    return smp_ids[apic_id / 32] & 1u << (apic_id & 31);
}
