/* SPDX-License-Identifier: MIT */
/*
 * Resume from S3 (ACPI 6.4, 16.3.2): the chipset, the CPUs and the TPM are
 * brought back, then the OS goes on at its waking vector.
 *
 * Nothing in RAM is believed before the TPM is settled.  The resident
 * variables of the POST before the sleep are put aside, since the INT services
 * need them again later; until then the firmware runs with fresh ones.  Who
 * tampered with them tampers with a system whose TPM is either truly restored
 * or capped and disabled.
 */
#include "main/resume.h"

#include <string.h>

#include "core/bda.h"
#include "core/layout.h"
#include "core/real.h"
#include "core/reset.h"
#include "core/v86.h"
#include "fw/acpi.h"
#include "fw/smp.h"
#include "hw/chipset.h"
#include "hw/pic.h"
#include "hw/rtc.h"
#include "hw/shadow.h"
#include "hw/smm.h"
#include "lib/io.h"
#include "lib/print.h"
#include "main/gates.h"
#include "main/start.h"
#include "measure/measure.h"
#include "measure/tpm.h"

#define CMOS_SHUTDOWN       0x0fu
#define SHUTDOWN_RESUME     0xfeu
#define PORT_PM1_STATUS     0x600u      /* as pm_setup_early() places it */
#define PM1_WAK_STS         (1u << 15)

/* RAM that may hold the event log: above the BIOS, below the chipset's own
 * registers. */
#define LOG_LOWEST          0x100000u
#define LOG_LIMIT           0xfec00000u

extern char data_start[], bss_end[];

bool resume_wanted(void)
{
    uint8_t code = cmos_read(CMOS_SHUTDOWN);

    if (code == 0)
        return false;
    cmos_write(CMOS_SHUTDOWN, 0);
    if (code != SHUTDOWN_RESUME)
        return false;
    pm_setup_early();
    return inw(PORT_PM1_STATUS) & PM1_WAK_STS;
}

/*
 * Bring the TPM back; saved is the struct tcg of before the sleep, which the
 * OS can have changed.  Of it only the log's place is used, and only what
 * cannot be the firmware or a device: the worst that a forged one does is that
 * a log of ours at another place in the OS's RAM is written to.
 */
static void resume_tpm(const struct tcg *saved)
{
    uint8_t *area = saved->log.area;
    uint32_t at = (uint32_t)area, size = saved->log.size;

    if (at < LOG_LOWEST || at >= LOG_LIMIT || size > LOG_LIMIT - at)
        area = NULL;
    measure_ops->resume(area, size);
}

void resume(enum chipset chipset)
{
    /* The lower half of the stack's room is not used by anything here. */
    uint8_t *aside = (uint8_t *)DATA_START;
    size_t len = (size_t)(bss_end - data_start);
    struct bregs r = { 0 };
    struct tcg now;
    uint32_t vector;

    memcpy(aside, data_start, len);
    data_init();
    chipset_set(chipset);
    smi_off_early();
    debug("S3 resume\n");
    if (tpm_find(false))
        resume_tpm((const struct tcg *)
                   (aside + ((char *)&tpm - data_start)));
    chipset_resume();
    chipset_note_start();
    pic_init(0);

    now = tpm;
    memcpy(data_start, aside, len);
    tpm = now;
    chipset_set(chipset);
    v86_call = NULL;            /* whoever that was does not wait any more */
    low_page = 0;
    idt_of_real_mode();         /* from here on it may be the OS's */
    (void)smm_setup(v86_stacks);
    smp_resume();               /* needs the MSR list, and the lowest bytes */
    vector = acpi_resume();
    pam_lock();
    if (vector == 0 || vector >= 0x100000) {
        print("S3 resume: no usable waking vector in the ACPI tables "
              "(%08x): starting anew\n", vector);
        platform_reset();
    }
    gate_resume();
    r.cs = (uint16_t)(vector >> 4);
    r.ip = (uint16_t)(vector & 0xf);
    call16(&r);                 /* on our stack: all other RAM is the OS's */
    platform_reset();
}
