/* SPDX-License-Identifier: MIT */
/*
 * The BIOS32 service directory's header, and the place of its code.  POST
 * only.  Standard BIOS 32-bit Service Directory Proposal 0.4.
 */
#include "services/services.h"

#include <string.h>

#include "core/alloc.h"
#include "hw/pci.h"

/* In bios32.S */
extern char bios32_code[], bios32_code_end[], bios32_directory[];
extern char bios32_pci[], bios32_pci_offset[], bios32_last_bus[];

struct bios32_header {
    char signature[4];
    uint32_t entry;
    uint8_t revision, paragraphs, checksum, reserved[5];
} PACKED;
_Static_assert(sizeof(struct bios32_header) == 16, "one paragraph");

#define SEGMENT_START       0xf0000u

/* Where something of bios32.S is in its copy. */
static uint32_t in_copy(const char *code, const char *what)
{
    return (uint32_t)(uintptr_t)code + (uint32_t)(what - bios32_code);
}

void bios32_setup(void)
{
    uint32_t size = (uint32_t)(bios32_code_end - bios32_code);
    struct bios32_header *header = malloc_fseg(sizeof(*header) + size, 16);
    char *code = (char *)(header + 1);
    uint32_t pci_offset, last_bus = pci_last_bus;

    if (!header)
        return;                 /* said by the allocator */
    memcpy(code, bios32_code, size);
    pci_offset = in_copy(code, bios32_pci) - SEGMENT_START;
    memcpy((void *)(uintptr_t)in_copy(code, bios32_pci_offset), &pci_offset, 4);
    memcpy((void *)(uintptr_t)in_copy(code, bios32_last_bus), &last_bus, 4);
    header->entry = in_copy(code, bios32_directory);
    header->paragraphs = sizeof(*header) / 16;
    memcpy(header->signature, "_32_", 4);
    for (size_t i = 0; i < sizeof(*header); i++)
        if (i != offsetof(struct bios32_header, checksum))
            header->checksum -= ((const uint8_t *)header)[i];
}
