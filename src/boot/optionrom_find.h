/* SPDX-License-Identifier: MIT */
/*
 * The image for this machine in a PCI expansion ROM.  POST only.
 */
#ifndef OPTIONROM_FIND_H
#define OPTIONROM_FIND_H

#include "lib/compiler.h"

/*
 * Walk over the images in a mapped expansion ROM of len bytes, any bytes, and
 * find the one with code for this machine and that device.  Returns its
 * offset and *size, or ERR_FORMAT with the reason in *why; ERR_ABSENT when
 * there is just nothing for us.
 */
int option_rom_find(const uint8_t *window, uint32_t len, uint16_t vendor,
                    uint16_t device, uint32_t *size, const char **why);

#endif
