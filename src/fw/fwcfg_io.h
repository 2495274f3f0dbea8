/* SPDX-License-Identifier: MIT */
/*
 * Transfers to and from QEMU's fw_cfg device.  Resident, since a resume from
 * S3 writes guest addresses back to the device.
 */
#ifndef FW_FWCFG_IO_H
#define FW_FWCFG_IO_H

#include "lib/compiler.h"

/* Use the DMA interface from now on (default: I/O ports). */
void fwcfg_io_use_dma(bool use);

/* Select an item; reading starts at its first byte. */
void fwcfg_io_select(uint16_t key);

/* Read the next len bytes of the selected item (zeros behind its end). */
void fwcfg_io_read(void *buf, uint32_t len);

/*
 * Write len bytes at offset of the item; needs the DMA interface.
 * 0, or ERR_DEVICE when the device has none or refuses.
 */
int fwcfg_io_write(uint16_t key, uint32_t offset, const void *buf,
                   uint32_t len);

#endif
