/* SPDX-License-Identifier: MIT */
/*
 * The link map.  The ROM image ends at 4 GiB; from its start:
 *
 *   .init      POST-only code and constants, copied to 2 MiB at start
 *   .data      initial values of resident variables, copied to E4000
 *   packed     .packed, compressed; unpacked behind .init on demand
 *   (free)
 *   .resident  code and constants that stay, up to 1 MiB; resident addresses
 *              are ROM addresses minus FFF00000h
 *
 * .init.bss and .bss take no room in the image.
 */
#include "generated/autoconf.h"
#include "layout.h"

OUTPUT_FORMAT(elf32-i386)
OUTPUT_ARCH(i386)
ENTRY(reset_vector)
EXTERN(post)

ROM_SIZE = CONFIG_IMAGE_KIB * 1024;
ROM_START = 0x100000000 - ROM_SIZE;

SECTIONS
{
    .init INIT_START : AT(ROM_START) {
        *(.init.text .init.text.*)
        *(.init.rodata .init.rodata.*)
        *(.init.data .init.data.*)
        . = ALIGN(16);
    }
    init_rom = LOADADDR(.init);
    init_size = SIZEOF(.init);
    .init.bss (NOLOAD) : {
        init_bss_start = ABSOLUTE(.);
        *(.init.bss .init.bss.*)
        . = ALIGN(4);
        init_bss_end = ABSOLUTE(.);
    }
    init_entry = ABSOLUTE(post);

    .packed ALIGN(16) : AT(ADDR(.packed)) {
        packed_start = .;
        *(.packed.text .packed.text.*)
        *(.packed.rodata .packed.rodata.*)
        *(.packed.data .packed.data.*)
        packed_end = .;
    }
    .packed.bss (NOLOAD) : {
        packed_bss_start = .;
        *(.packed.bss .packed.bss.*)
        packed_bss_end = .;
    }

    .data STACK_TOP : AT(ROM_START + SIZEOF(.init)) {
        data_start = .;
        *(.data .data.*)
        . = ALIGN(4);
    }
    data_rom = LOADADDR(.data);
    data_size = SIZEOF(.data);
    packed_rom = data_rom + data_size;
    packed_rom_end = LOADADDR(.resident);
    .bss (NOLOAD) : {
        bss_start = .;
        *(.bss .bss.* COMMON)
        . = ALIGN(16);
        bss_end = .;
    }
    low_zone_start = bss_end;
    low_zone_end = DATA_END;

    .resident ALIGN(0xfffe0 - SIZEOF(.resident) - 15, 16) :
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
    .resetvec 0xfffe0 : AT(0xffffffe0) {
        KEEP(*(.resetvec))
    }
    resident_dwords = (fseg_zone_start - resident_start) / 4;
    fixed_dwords = (0x100000 - fixed_start) / 4;

    /DISCARD/ : { *(.note*) *(.comment) *(.eh_frame*) *(.init.eh_frame*)
                  *(.init.note*) *(.init.comment) }
}

/* Resident code outlives .init and may not know it. */
NOCROSSREFS_TO(.init .resident)
NOCROSSREFS_TO(.init .data)
NOCROSSREFS_TO(.init.bss .resident)
NOCROSSREFS_TO(.packed .resident)
NOCROSSREFS_TO(.packed .data)
NOCROSSREFS_TO(.packed.bss .resident)

ASSERT(LOADADDR(.data) + SIZEOF(.data) <= LOADADDR(.resident),
       "the image is full: .init, .data and .resident overlap")
ASSERT(ADDR(.resident) >= DATA_END,
       "resident code reaches down into the resident data")
ASSERT(fseg_zone_start >= 0xf0000, "F segment zone and 16-bit code left F0000")
ASSERT(bss_end <= DATA_END, "resident variables do not fit below E8000")
ASSERT(bss_end - data_start <= STACK_SIZE / 2,
       "a resume puts resident variables aside in half of the stack's room")
ASSERT(packed_bss_end <= TEMP_START, "POST code and data reach the temp zone")
ASSERT(SIZEOF(.resetvec) == 32 && reset_vector == 0xffff0,
       "the reset vector is the last 16 bytes, reset_soft the 16 before")
