/* SPDX-License-Identifier: MIT */
/*
 * The SMI handler (smi.S), as v86.c uses it and hw/smm.c puts it in place.
 */
#ifndef SMI_H
#define SMI_H

#include "lib/compiler.h"

/*
 * Ask the handler for one of SMI_... (layout.h).
 *
 * slot, token  of SMI_CALL_OUT and SMI_RETURN; the latter does not come back
 * Returns, of SMI_CALL_OUT: 1 when the callee has returned,
 * SMI_CAME_BACK_CLOSED when A20 was closed then, 0 when nobody has taken the
 * SMI.  Of others 0.
 */
uint32_t smi_exchange(uint32_t what, uint32_t slot, uint32_t token);

/* The handler, which runs at SMM_CODE, and what runs at the first SMI: it
 * looks for the dword at smi_move_first at SMM_CODE, and writes 1 to
 * smi_move_done. */
extern char smi_start[], smi_end[];
extern char smi_move_start[], smi_move_first[], smi_move_done[], smi_move_end[];

#endif
