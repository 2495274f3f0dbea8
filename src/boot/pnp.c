/* SPDX-License-Identifier: MIT */
/*
 * The resident half of the Plug and Play and POST Memory Manager entries:
 * called far, with C arguments on the caller's stack.  pnp_post.c and
 * pmm_post.c announce them.
 *
 * BIOS Boot Specification 1.01, appendix B.2 (function 60h); POST Memory
 * Manager Specification 1.01, 3.2.
 */
#include "boot/pnp.h"

#include "boot/pmm.h"
#include "core/bda.h"
#include "core/caller.h"
#include "core/real.h"

#define PNP_GET_BBS_VERSION     0x60u
#define PNP_SUCCESS             0x00u
#define PNP_NOT_SUPPORTED       0x82u
#define BBS_VERSION             0x0101u
#define PMM_NOT_SUPPORTED       0xffffffffu

/* Arguments, from the word above the return address. */
struct pnp_args {
    uint16_t function;
    struct farptr version;
} PACKED;

extern uint32_t entry_caller_stack;     /* entry.S */

void (*pmm_service)(struct bregs *r, const uint8_t *args);

void handle_pnp(struct bregs *r)
{
    const uint16_t version = BBS_VERSION;
    struct pnp_args args = { 0 };

    (void)caller_read(&args, entry_caller_stack, sizeof(args));
    r->ax = PNP_NOT_SUPPORTED;
    if (args.function == PNP_GET_BBS_VERSION &&
        caller_write(linear(args.version.seg, args.version.off), &version,
                     sizeof(version)))
        r->ax = PNP_SUCCESS;
}

void handle_pmm(struct bregs *r)
{
    uint8_t args[PMM_ARGS_MAX];

    r->ax = (uint16_t)PMM_NOT_SUPPORTED;
    r->dx = (uint16_t)(PMM_NOT_SUPPORTED >> 16);
    if (pmm_service && caller_read(args, entry_caller_stack, sizeof(args)))
        pmm_service(r, args);
}
