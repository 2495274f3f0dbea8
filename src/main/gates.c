/* SPDX-License-Identifier: MIT */
/*
 * The gates that are passed at the end of POST and of a resume.
 */
#include "main/gates.h"

#include "boot/boot.h"
#include "core/gate.h"
#include "core/layout.h"
#include "measure/measure.h"
#include "measure/tpm.h"

/* Zeros over the resident stack, as far as it is free. */
static void wipe_stack(void)
{
    uint32_t at = DATA_START, count;

    __asm__ volatile("movl %%esp, %1\n\t"
                     "subl %0, %1\n\t"
                     "shrl $2, %1\n\t"
                     "rep stosl"
                     : "+D"(at), "=&c"(count) : "a"(0) : "memory", "cc");
}

void gate_boot(void)
{
    measure_handover();
    if (tpm_present())
        wipe_stack();           /* without a TPM there was no secret */
    gate_open(GATE_BOOT);
    boot();
}

void gate_resume(void)
{
    gate_open(GATE_BOOT);
}
