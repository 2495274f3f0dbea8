/* SPDX-License-Identifier: MIT */
/*
 * The image for this machine in a PCI expansion ROM.  What is read is the
 * device's and may change meanwhile: the copy that is made of the image is
 * checked again (optionrom_post.c).
 *
 * PCI Firmware Specification 3.0, 5.1.
 */
#include "boot/optionrom_find.h"

#include <string.h>

#include "boot/optionrom_format.h"
#include "lib/err.h"

#define ROM_IMAGES_MAX      16u         /* in one PCI expansion ROM */
#define DEVICE_LIST_MAX     1024u       /* entries of an image's list */

/*
 * Is the image for this device, by its IDs or by its list of device IDs?
 * 0, ERR_ABSENT if not, ERR_FORMAT when the list does not end.
 */
static int check_ids(const uint8_t *image, uint32_t left, uint32_t pcir_at,
                     uint16_t vendor, uint16_t device)
{
    const struct pcir_header *p = (const void *)(image + pcir_at);
    uint32_t at = pcir_at + p->device_list;

    if (p->vendor != vendor)
        return ERR_ABSENT;
    if (p->device == device)
        return 0;
    if (p->revision < PCIR_REVISION_3 || p->device_list == 0)
        return ERR_ABSENT;
    for (unsigned n = 0; n < DEVICE_LIST_MAX; n++) {
        const uint16_t *id = rom_inside(image, left, at, sizeof(*id));

        if (!id || *id == 0)
            return ERR_ABSENT;
        if (*id == device)
            return 0;
        at += sizeof(*id);
    }
    return ERR_FORMAT;
}

int option_rom_find(const uint8_t *window, uint32_t len, uint16_t vendor,
                    uint16_t device, uint32_t *size, const char **why)
{
    uint32_t at = 0;

    for (unsigned n = 0; n < ROM_IMAGES_MAX; n++) {
        const struct rom_header *h = rom_inside(window, len, at, sizeof(*h));
        const struct pcir_header *p;
        uint32_t pcir_at, step;
        int rc = ERR_ABSENT;

        *why = "its images run past its end";
        if (!h)
            return ERR_FORMAT;
        if (n == 0 && (h->signature == 0xffff))
            return ERR_ABSENT;          /* an empty socket */
        *why = "no option ROM signature";
        if (h->signature != ROM_SIGNATURE)
            return ERR_FORMAT;
        pcir_at = h->pcir_offset;
        *why = "no PCI data structure";
        p = rom_inside(window + at, len - at, pcir_at, sizeof(*p));
        if (!p || pcir_at < sizeof(*h) || memcmp(p->signature, "PCIR", 4))
            return ERR_FORMAT;
        if (p->code_type == PCIR_CODE_X86)
            rc = check_ids(window + at, len - at, pcir_at, vendor, device);
        *why = "its list of devices does not end";
        if (rc == ERR_FORMAT)
            return rc;
        if (rc == 0) {
            *size = h->size * ROM_UNIT;
            *why = "shorter than its header says";
            if (*size == 0 || *size > len - at)
                return ERR_FORMAT;
            return (int)at;
        }
        if (p->indicator & PCIR_LAST_IMAGE)
            return ERR_ABSENT;
        step = p->image_units * ROM_UNIT;
        *why = "an image of length 0";
        if (step == 0)
            return ERR_FORMAT;
        *why = "its images run past its end";
        if (step > len - at)
            return ERR_FORMAT;
        at += step;
    }
    *why = "too many images";
    return ERR_FORMAT;
}
