/* SPDX-License-Identifier: MIT */
/*
 * The physical presence interface's memory, as the ACPI methods that QEMU
 * gives to an OS use it.  Physical Presence Interface 1.30; QEMU
 * docs/specs/tpm.rst.
 */
#ifndef TCG_PPI_SPEC_H
#define TCG_PPI_SPEC_H

/* The only place that QEMU puts it at; others are not believed. */
#define PPI_REGION_AT           0x5000u     /* from TPM_BASE */

#define PPI_REGION_FUNC         0x000u      /* 256 bytes, one per operation */
#define PPI_REGION_PPRP         0x105u      /* response */
#define PPI_REGION_PPRQ         0x109u      /* request */
#define PPI_REGION_PPRM         0x10du      /* its parameter */
#define PPI_REGION_LPPR         0x111u      /* the request last executed */
#define PPI_REGION_NEXT         0x159u      /* follow-up after a reset */
#define PPI_REGION_MOVV         0x15au      /* memory overwrite request */

/* movv: RAM is to be cleared at the next start (TCG Platform Reset Attack
 * Mitigation 1.10, 4). */
#define PPI_MOVV_CLEAR          (1u << 0)

/* func[]: what an OS may ask for */
#define PPI_FUNC_UNKNOWN        0u
#define PPI_FUNC_BLOCKED        2u
#define PPI_FUNC_USER           3u          /* a person is asked */
#define PPI_FUNC_NO_USER        4u

#endif
