/* SPDX-License-Identifier: MIT */
#ifndef USB_CONFIGS_H
#define USB_CONFIGS_H

#include <stdint.h>

/* Configurations of QEMU's devices, as they came. */
static const uint8_t storage_config[] = {
    9, 2, 32, 0, 1, 1, 0, 0xc0, 0,
    9, 4, 0, 0, 2, 8, 6, 0x50, 0,
    7, 5, 0x81, 2, 0, 2, 0,
    7, 5, 0x02, 2, 0, 2, 0,
};
static const uint8_t keyboard_config[] = {
    9, 2, 34, 0, 1, 1, 8, 0xa0, 50,
    9, 4, 0, 0, 1, 3, 1, 1, 0,
    9, 0x21, 0x11, 1, 0, 1, 0x22, 0x3f, 0,
    7, 5, 0x81, 3, 8, 0, 10,
};

#endif
