/* SPDX-License-Identifier: MIT */
/*
 * The Plug and Play installation structure, for option ROMs that look for it
 * (iPXE offers itself as a boot entry only then).  No device nodes.
 *
 * Plug and Play BIOS Specification 1.0A, 4.4.
 */
#include "boot/pnp.h"

#include <string.h>

#include "core/alloc.h"
#include "core/real.h"

#define PNP_VERSION         0x10u
#define SEG_BIOS_BASE       0xf0000u

struct pnp_structure {
    char signature[4];
    uint8_t version, length;
    uint16_t control;           /* no event notification */
    uint8_t checksum;
    uint32_t event_flag;
    uint16_t real_off, real_seg;
    uint16_t protected_off;
    uint32_t protected_base;
    uint32_t oem_id;
    uint16_t real_data_seg;
    uint32_t protected_data_base;
} PACKED;
_Static_assert(sizeof(struct pnp_structure) == 0x21, "$PnP is 33 bytes");

extern char entry_pnp[], pnp_protected_entry[];

static struct pnp_structure *pnp;

void pnp_setup(void)
{
    uint8_t sum = 0;

    if (pnp)
        return;
    pnp = malloc_fseg(sizeof(*pnp), 16);
    if (!pnp)
        return;
    memcpy(pnp->signature, "$PnP", 4);
    pnp->version = PNP_VERSION;
    pnp->length = sizeof(*pnp);
    pnp->real_off = (uint16_t)(uint32_t)entry_pnp;
    pnp->real_seg = SEG_BIOS;
    pnp->protected_off = (uint16_t)(uint32_t)pnp_protected_entry;
    pnp->protected_base = SEG_BIOS_BASE;
    pnp->real_data_seg = SEG_BIOS;
    pnp->protected_data_base = SEG_BIOS_BASE;
    for (size_t i = 0; i < sizeof(*pnp); i++)
        sum += ((const uint8_t *)pnp)[i];
    pnp->checksum = (uint8_t)-sum;
}

uint16_t pnp_offset(void)
{
    return (uint16_t)(uint32_t)pnp;
}
