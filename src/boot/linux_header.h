/* SPDX-License-Identifier: MIT */
/*
 * The header of the Linux/x86 boot protocol: offsets from the start of the
 * setup area.  Linux Documentation/arch/x86/boot.rst.
 */
#ifndef LINUX_HEADER_H
#define LINUX_HEADER_H

#include "lib/compiler.h"

#define LINUX_SETUP_SECTS       0x1f1u  /* u8: sectors behind the first */
#define LINUX_SYSSIZE           0x1f4u  /* u32: payload in 16 bytes */
#define LINUX_VID_MODE          0x1fau  /* u16 */
#define LINUX_BOOT_FLAG         0x1feu  /* u16: AA55h */
#define LINUX_MAGIC             0x202u  /* u32: "HdrS" */
#define LINUX_VERSION           0x206u  /* u16 */
#define LINUX_LOADER            0x210u  /* u8: type_of_loader */
#define LINUX_LOADFLAGS         0x211u  /* u8 */
#define LINUX_CODE32            0x214u  /* u32: where the payload is */
#define LINUX_RAMDISK           0x218u  /* u32: address */
#define LINUX_RAMDISK_SIZE      0x21cu  /* u32 */
#define LINUX_HEAP_END          0x224u  /* u16 */
#define LINUX_CMDLINE           0x228u  /* u32: address */
#define LINUX_INITRD_MAX        0x22cu  /* u32: highest address, from 2.03 */
#define LINUX_XLOADFLAGS    0x236u      /* u16, from protocol 2.12 on */
#define LINUX_XLOAD_HIGH    (1u << 1)   /* all of 4 GiB and more is reached */
#define LINUX_CMDLINE_SIZE      0x238u  /* u32: from 2.06 */
#define LINUX_SETUP_DATA        0x250u  /* u64 */
#define LINUX_HEADER_END        0x268u

/* A list behind LINUX_SETUP_DATA, from protocol 2.09 on. */
struct linux_setup_data {
    uint64_t next;                      /* address, 0: none */
    uint32_t type, len;                 /* of what follows */
};
#define LINUX_SETUP_DATA_VERSION    0x209u
#define LINUX_SETUP_RNG_SEED        9u

#define LINUX_BOOT_FLAG_VALUE   0xaa55u
#define LINUX_MAGIC_VALUE       0x53726448u
#define LINUX_LOADED_HIGH       (1u << 0)       /* loadflags */
#define LINUX_SETUP_SECTS_OLD   4u              /* what a 0 stands for */

static inline uint16_t linux_u16(const uint8_t *p)
{
    return *(const uint16_t *)p;        /* little-endian, as the CPU */
}

static inline uint32_t linux_u32(const uint8_t *p)
{
    return *(const uint32_t *)p;
}

/* A header of a kernel that is loaded at 1 MiB or above (a bzImage), of
 * protocol 2.02 or later; LINUX_HEADER_END bytes are there. */
static inline bool linux_header_ok(const uint8_t *setup)
{
    return linux_u16(setup + LINUX_BOOT_FLAG) == LINUX_BOOT_FLAG_VALUE &&
           linux_u32(setup + LINUX_MAGIC) == LINUX_MAGIC_VALUE &&
           linux_u16(setup + LINUX_VERSION) >= 0x202 &&
           setup[LINUX_LOADFLAGS] & LINUX_LOADED_HIGH;
}

#endif
