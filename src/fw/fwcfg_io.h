/* SPDX-License-Identifier: MIT */
/*
 * Transfers to and from QEMU's fw_cfg device.  Resident, since a resume from
 * S3 writes guest addresses back to the device.
 */
#ifndef FW_FWCFG_IO_H
#define FW_FWCFG_IO_H

#include "lib/compiler.h"

/* Find out whether the device has the DMA interface, which is used from then
 * on (by default it is I/O ports).  Says so. */
bool fwcfg_io_init(void);

/* Read the first len bytes of an item (zeros behind its end). */
void fwcfg_io_read(uint16_t key, void *buf, uint32_t len);

/*
 * The same of a large item by parts: len bytes at from, to the same place in
 * *item.  From 0 on, one part after the other, and no other item in between.
 */
void fwcfg_io_read_part(uint16_t key, uint8_t *item, uint32_t from,
                        uint32_t len);

/* Read the next len bytes of the item read last. */
void fwcfg_io_read_more(void *buf, uint32_t len);

/*
 * Write len bytes at offset of the item; needs the DMA interface.
 * 0, or ERR_DEVICE when the device has none or refuses.
 */
int fwcfg_io_write(uint16_t key, uint32_t offset, const void *buf,
                   uint32_t len);

#endif
