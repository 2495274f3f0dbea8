/* SPDX-License-Identifier: MIT */
/*
 * INT 1Ah: whose function it is.
 */
#include "core/regs.h"
#include "measure/tpm.h"
#include "services/clock.h"
#include "services/pcibios.h"
#include "services/services.h"

#define AH_PCI              0xb1u
#define AH_TCG              0xbbu

void handle_1a(struct bregs *r)
{
    set_cf(r, false);
    if (r->ah <= CLOCK_1A_LAST) {
        clock_1a(r);
    } else if (r->ah == AH_PCI) {
        pcibios(r);
    } else if (r->ah == AH_TCG) {
        handle_1a_tcg(r);
    } else {
        r->ah = AH_UNSUPPORTED;
        set_cf(r, true);
    }
}
