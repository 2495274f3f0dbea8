/* SPDX-License-Identifier: MIT */
/*
 * The layout of option ROMs.
 *
 * PCI Firmware Specification 3.0, 5.1; Plug and Play BIOS Specification 1.0A,
 * 3.2 (expansion header).
 */
#ifndef OPTIONROM_FORMAT_H
#define OPTIONROM_FORMAT_H

#include "lib/compiler.h"

#define ROM_SIGNATURE           0xaa55u
#define ROM_UNIT                512u    /* of all sizes */
#define ROM_SIZE_AT             2u
#define ROM_SIZE_MAX            (255u * ROM_UNIT)
#define ROM_INIT_OFFSET         3u
#define ROM_HEADER_SIZE         0x1cu

struct rom_header {
    uint16_t signature;
    uint8_t size;               /* in units */
    uint8_t init[21];
    uint16_t pcir_offset;       /* 18h */
    uint16_t pnp_offset;        /* 1Ah */
} PACKED;
_Static_assert(sizeof(struct rom_header) == ROM_HEADER_SIZE, "ROM header");
_Static_assert(offsetof(struct rom_header, pcir_offset) == 0x18, "PCIR");

#define PCIR_CODE_X86           0u
#define PCIR_LAST_IMAGE         (1u << 7)
#define PCIR_REVISION_3         3u      /* from here on: a device list, and
                                         * the image can be moved */

struct pcir_header {
    char signature[4];          /* "PCIR" */
    uint16_t vendor, device;
    uint16_t device_list;       /* from this structure; ends with 0 */
    uint16_t length;
    uint8_t revision;
    uint8_t class[3];
    uint16_t image_units;       /* 10h */
    uint16_t code_revision;
    uint8_t code_type;          /* 14h */
    uint8_t indicator;
    uint16_t runtime_units;     /* 16h, revision 3: at most so many stay */
} PACKED;
_Static_assert(sizeof(struct pcir_header) == 0x18, "PCIR");

struct pnp_header {
    char signature[4];          /* "$PnP" */
    uint8_t revision, length;
    uint16_t next;
    uint8_t reserved, checksum;
    uint32_t device_id;
    uint16_t manufacturer, product_name;
    uint8_t type[3];
    uint8_t indicators;
    uint16_t bcv;               /* 16h */
    uint16_t disconnect;
    uint16_t bev;               /* 1Ah */
    uint16_t reserved1c;
    uint16_t resources;
} PACKED;
_Static_assert(sizeof(struct pnp_header) == 0x20, "PnP header");

/* A structure of len bytes at an offset, or NULL when it is not all inside. */
static inline const void *rom_inside(const uint8_t *rom, uint32_t size,
                                     uint32_t at, uint32_t len)
{
    return at <= size && size - at >= len ? rom + at : NULL;
}

#endif
