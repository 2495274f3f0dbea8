/* SPDX-License-Identifier: MIT */
/*
 * The link map.  The ROM image ends at 4 GiB; from its start:
 *
 *   (free)     zeros; the only part that is not measured
 *   overlays   compressed, unpacked on demand (overlay.h); scripts/image puts
 *              them here, so that they end at .init
 *   .init      POST-only code and constants, copied to 2 MiB at start
 *   .data      initial values of resident variables, copied to E4000
 *   .resident  code and constants that stay; resident addresses are ROM
 *              addresses minus FFF00000h
 *   .ibm_...   what has its address from IBM's ROM (ibm_entries.S), and more
 *              resident code between; up to 1 MiB
 *
 * .init.bss and .bss take no room in the image.
 */
#include "core/layout.h"
#include "generated/autoconf.h"

#define OVERLAY_PARTS   4           /* overlay.c; asserted there */

/*
 * The fixed places of the F segment: name, address, where the next one is.  X
 * is what becomes of each.  What belongs there is a section .ibm.NAME.
 */
#define IBM_PLACES(X)                                                       \
    X(e05b, 0xfe05b, 0xfe2c3)   X(e2c3, 0xfe2c3, 0xfe3fe)                   \
    X(e3fe, 0xfe3fe, 0xfe6f2)   X(e6f2, 0xfe6f2, 0xfe739)                   \
    X(e739, 0xfe739, 0xfe82e)   X(e82e, 0xfe82e, 0xfe987)                   \
    X(e987, 0xfe987, 0xfec59)   X(ec59, 0xfec59, 0xfef57)                   \
    X(ef57, 0xfef57, 0xfefc7)   X(efc7, 0xfefc7, 0xfefd2)                   \
    X(efd2, 0xfefd2, 0xff065)   X(f065, 0xff065, 0xff0a4)                   \
    X(f0a4, 0xff0a4, 0xff841)   X(f841, 0xff841, 0xff84d)                   \
    X(f84d, 0xff84d, 0xff859)   X(f859, 0xff859, 0xffa6e)                   \
    X(fa6e, 0xffa6e, 0xffe6e)   X(fe6e, 0xffe6e, 0xffea5)                   \
    X(fea5, 0xffea5, 0xfff53)   X(ff53, 0xfff53, 0xfff54)                   \
    X(ff54, 0xfff54, 0xfffd0)

/*
 * Behind it comes resident code: the linker fills one place after the other,
 * each until the next function is too large for it, and .resident with the rest
 * (--enable-non-contiguous-regions).  In this order they leave least unused.
 */
#define FILLING                                                             \
    */src/hw/?*.o(.text .text.*) */src/disk/?*.o(.text .text.*)               \
    */src/fw/?*.o(.text .text.*) *(.text .text.*)
#define IBM_REGION(name, at, end)                                           \
    r_##name : ORIGIN = at, LENGTH = end - at
#define IBM_SECTION(name, at, end)                                          \
    .ibm_##name at : AT(at + ROM_OFFSET) {                                  \
        KEEP(*(.ibm.name))                                                  \
        FILLING                                                             \
    } > r_##name
#define IBM_CHECK(name, at, end)                                            \
    ASSERT(ADDR(.ibm_##name) == at && SIZEOF(.ibm_##name) != 0,             \
           "a fixed place of the F segment is empty or elsewhere")

OUTPUT_FORMAT(elf32-i386)
OUTPUT_ARCH(i386)
ENTRY(reset_vector)
EXTERN(post)

ROM_SIZE = CONFIG_IMAGE_KIB * 1024;
ROM_START = 0x100000000 - ROM_SIZE;
DATA_ROM = ADDR(.resident) + ROM_OFFSET - ALIGN(SIZEOF(.data), 16);
INIT_ROM = DATA_ROM - SIZEOF(.init);        /* a multiple of 16, too */

MEMORY {
    elsewhere (rwxa) : ORIGIN = 0, LENGTH = 0xffffffff
    IBM_PLACES(IBM_REGION)
}

/*
 * The parts of an overlay: code and constants at the address where they run;
 * scripts/image packs them.  The resident part begins with .head, the table
 * by which other resident code reaches it.  Their ends are plain numbers, not
 * places in a section, so that using them does not count as a reference to the
 * section (NOCROSSREFS below).
 */
#define OVERLAY_RES(name, at)                                               \
    .name##_res at : AT(at) {                                               \
        name##_res_start = ABSOLUTE(.);                                     \
        KEEP(*(.name.res.head))                                             \
        *(.name.res.text .name.res.text.*)                                  \
        *(.name.res.rodata .name.res.rodata.*)                              \
        . = ALIGN(16);                                                      \
        name##_res_end = ABSOLUTE(.);                                       \
    }
#define OVERLAY_INIT(name)                                                  \
    .name##_init ALIGN(16) : AT(ADDR(.name##_init)) {                       \
        name##_init_start = ABSOLUTE(.);                                    \
        *(.name.init.text .name.init.text.*)                                \
        *(.name.init.rodata .name.init.rodata.*)                            \
        *(.name.init.data .name.init.data.*)                                \
        . = ALIGN(16);                                                      \
        name##_init_end = ABSOLUTE(.);                                      \
    }

SECTIONS
{
    .init INIT_START : AT(INIT_ROM) {
        *(.init.text .init.text.*)
        *(.init.rodata .init.rodata.*)
        *(.init.data .init.data.*)
        . = ALIGN(16);
    }
    init_rom = LOADADDR(.init);
    init_size = SIZEOF(.init);
    .init.bss ALIGN(ALIGNOF(.init.bss)) (NOLOAD) : AT(ADDR(.init.bss)) {
        init_data_start = ABSOLUTE(.);
        *(.init.bss.not_zeroed)
        . = ALIGN(16);
        init_bss_start = ABSOLUTE(.);
        *(.init.bss .init.bss.*)
        *(.tpm.init.bss .tpm.init.bss.*)
        *(.usb.init.bss .usb.init.bss.*)
        . = ALIGN(4);
        init_bss_end = ABSOLUTE(.);
    }
    init_entry = ABSOLUTE(post);

    OVERLAY_INIT(tpm)
    OVERLAY_INIT(usb)

    .data STACK_TOP : AT(DATA_ROM) {
        data_start = .;
        *(.data .data.*)
        *(.tpm.res.data .tpm.res.data.*)
        *(.usb.res.data .usb.res.data.*)
        . = ALIGN(4);
    }
    data_rom = LOADADDR(.data);
    data_size = SIZEOF(.data);
    rom_start = ROM_START;
    overlay_lengths = INIT_ROM - 4 * OVERLAY_PARTS;
    .bss ALIGN(ALIGNOF(.bss)) (NOLOAD) : AT(ADDR(.bss)) {
        bss_start = .;
        *(.bss .bss.* COMMON)
        *(.tpm.res.bss .tpm.res.bss.*)
        *(.usb.res.bss .usb.res.bss.*)
        . = ALIGN(16);
        bss_end = .;
    }
    low_zone_start = bss_end;
    low_zone_end = DATA_END;

    OVERLAY_RES(tpm, DATA_END)
    OVERLAY_RES(usb, tpm_res_end)
    overlays_res_end = usb_res_end;

    IBM_PLACES(IBM_SECTION)
    .resident ALIGN(0xfe050 - SIZEOF(.resident) - 15, 16) :
            AT(ADDR(.resident) + ROM_OFFSET) {
        resident_start = .;
        *(.text .text.*)
        *(.rodata .rodata.*)
        . = ALIGN(16);
        fseg_zone_start = .;
        . += FSEG_ZONE_SIZE;
        fseg_zone_end = .;
        fixed_start = .;
        KEEP(*(.fixed16))
        . = ALIGN(16);
    }
    .resetvec 0xfffd0 : AT(0xffffffd0) {
        KEEP(*(.resetvec))
    }
    resident_dwords = (fseg_zone_start - resident_start) / 4;
    fixed_dwords = (0x100000 - fixed_start) / 4;

    /DISCARD/ : { *(.note*) *(.comment) *(.eh_frame*) *(.init.eh_frame*)
                  *(.init.note*) *(.init.comment) }
}

/* Resident code outlives POST-only code and overlays may not be there. */
#define IBM_STAYS(name, at, end)                                            \
    NOCROSSREFS_TO(.init .ibm_##name)                                       \
    NOCROSSREFS_TO(.init.bss .ibm_##name)                                   \
    NOCROSSREFS_TO(.tpm_init .ibm_##name)                                   \
    NOCROSSREFS_TO(.usb_init .ibm_##name)                                   \
    NOCROSSREFS_TO(.tpm_res .ibm_##name)                                    \
    NOCROSSREFS_TO(.usb_res .ibm_##name)
IBM_PLACES(IBM_STAYS)
#define POST_ONLY(section)                                                  \
    NOCROSSREFS_TO(section .resident)                                       \
    NOCROSSREFS_TO(section .data)                                           \
    NOCROSSREFS_TO(section .tpm_res)                                        \
    NOCROSSREFS_TO(section .usb_res)
POST_ONLY(.init)
POST_ONLY(.init.bss)
POST_ONLY(.tpm_init)
POST_ONLY(.usb_init)
NOCROSSREFS_TO(.tpm_res .resident)
NOCROSSREFS_TO(.tpm_res .usb_res)
NOCROSSREFS_TO(.usb_res .resident)
NOCROSSREFS_TO(.usb_res .tpm_res)

ASSERT(INIT_ROM >= ROM_START,
       "the image is full: .init, .data and .resident do not fit")
ASSERT(ADDR(.resident) >= overlays_res_end,
       "resident code reaches down into the overlays")
IBM_PLACES(IBM_CHECK)
ASSERT(ADDR(.resident) + SIZEOF(.resident) <= ADDR(.ibm_e05b),
       "resident code reaches up into the fixed places")
ASSERT(ADDR(.ibm_e05b) == 0xfe05b, "reset32 puts a jump to it at FFFF0")
ASSERT(fseg_zone_start >= 0xf0000, "F segment zone and 16-bit code left F0000")
ASSERT(bss_end <= DATA_END, "resident variables do not fit below E8000")
ASSERT(bss_end - data_start <= STACK_SIZE - STACK_RESUME,
       "a resume puts resident variables aside in the lower part of the stack")
ASSERT(usb_init_end <= TEMP_START, "POST code and data reach the temp zone")
ASSERT(SIZEOF(.resetvec) == 48 && reset_vector == 0xffff0,
       "the last 48 bytes: null IDT, reset_soft and reset vector, 16 each")
