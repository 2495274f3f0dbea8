/* SPDX-License-Identifier: MIT */
/*
 * Does this machine have SMI timers that outlive a reset?  POST only.
 *
 * ICH9 13.8.3.
 */
#include "hw/chipset.h"
#include "hw/smm.h"
#include "lib/io.h"

#define ICH9_SMI_STS        (PM_BASE + 0x34u)
#define SMI_STS_SWSMI_TMR   (1u << 6)
#define SMI_STS_PERIODIC    (1u << 14)

bool smi_timers_present(void)
{
    const uint32_t timers = SMI_STS_SWSMI_TMR | SMI_STS_PERIODIC;
    bool present;

    if (!chipset_is_q35())
        return false;
    /* QEMU keeps what is written to the status bit of a timer that there is,
     * and of no other.  No SMI comes of it. */
    outl(ICH9_SMI_STS, timers);
    present = inl(ICH9_SMI_STS) & timers;
    outl(ICH9_SMI_STS, 0);
    return present;
}
