/* SPDX-License-Identifier: MIT */
/*
 * What is there with or without a TPM: whether one is decoded, its state, the
 * way to its code in the overlay, and the reset that its administration needs.
 */
#include "measure/tpm.h"

#include "core/overlay.h"
#include "lib/io.h"
#include "measure/measure.h"
#include "tpmdev/tpm_tis.h"

#define TCG_PC_TPMERROR     1u          /* INT 1Ah: driver error in 31:16 */
#define TCG_NOT_PRESENT     0x23u

/* From the linker script: the table that the overlay begins with. */
extern const struct measure_ops tpm_res_start[];

struct tcg tpm;
const struct measure_ops *measure_ops;

static uint32_t reg(uint32_t at)
{
    return mmio_read32((const void *)(TPM_BASE + at));
}

bool tpm_find(bool post)
{
    if (tpm_dev_absent(reg(TIS_INTF_ID), reg(TIS_DID_VID)))
        return false;
    if (post)
        overlay_load(OVERLAY_TPM);
    else
        overlay_load_resident(OVERLAY_TPM);
    measure_ops = tpm_res_start;
    return true;
}

void handle_1a_tcg(struct bregs *r)
{
    if (measure_ops) {
        measure_ops->int1a(r);
        return;
    }
    r->eax = TCG_NOT_PRESENT << 16 | TCG_PC_TPMERROR;
    set_cf(r, false);
}
