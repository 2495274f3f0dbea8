/* SPDX-License-Identifier: MIT */
/*
 * QEMU's fw_cfg device: DMA interface when there is one, I/O ports otherwise.
 * QEMU docs/specs/fw_cfg.  POST only, but for fwcfg_write_resume().
 */
#ifndef FW_FWCFG_H
#define FW_FWCFG_H

#include "lib/compiler.h"

/* Numbered items. */
enum fwcfg_key {
    FWCFG_SIGNATURE = 0x00, FWCFG_UUID = 0x02,
    FWCFG_RAM_SIZE = 0x03, FWCFG_NOGRAPHIC = 0x04, FWCFG_CPUS = 0x05,
    FWCFG_KERNEL_SIZE = 0x08, FWCFG_INITRD_SIZE = 0x0b,
    FWCFG_BOOT_MENU = 0x0e, FWCFG_MAX_CPUS = 0x0f,
    FWCFG_KERNEL_DATA = 0x11, FWCFG_INITRD_DATA = 0x12,
    FWCFG_CMDLINE_SIZE = 0x14, FWCFG_CMDLINE_DATA = 0x15,
    FWCFG_SETUP_SIZE = 0x17, FWCFG_SETUP_DATA = 0x18,
    FWCFG_FILE_DIR = 0x19,
    FWCFG_IRQ0_OVERRIDE = 0x8002, FWCFG_E820_LEGACY = 0x8003,
    FWCFG_NO_ITEM = 0xffff,             /* reads as zeros */
};

struct fwcfg_file {
    uint32_t size;
    uint16_t key;
    uint16_t name_len;
    char name[56];          /* always NUL-terminated here */
};

/* Find the device and read its directory.  false: no fw_cfg at all. */
bool fwcfg_init(void);

/* Read the directory again: sizes change when the host makes its tables. */
void fwcfg_read_directory(void);

/* Select an item and read its first len bytes. */
void fwcfg_read(uint16_t key, void *buf, uint32_t len);
uint16_t fwcfg_read16(uint16_t key);
uint32_t fwcfg_read32(uint16_t key);
uint64_t fwcfg_read64(uint16_t key);

/* Go on reading the item selected last. */
void fwcfg_read_more(void *buf, uint32_t len);

/* The entry of that name, or NULL. */
const struct fwcfg_file *fwcfg_find(const char *name);

/* The entries whose names begin with prefix, one after another: start with
 * NULL; ends with NULL. */
const struct fwcfg_file *fwcfg_next(const struct fwcfg_file *after,
                                    const char *prefix);

/*
 * Read a whole file into memory of the temp zone, with a NUL behind its last
 * byte that *size does not count.  NULL: absent, larger than max (said on
 * the console), or no memory.
 */
void *fwcfg_load(const char *name, uint32_t max, uint32_t *size);

/* Read up to cap bytes of a file; returns its size or ERR_ABSENT. */
int fwcfg_read_file(const char *name, void *buf, uint32_t cap);

/*
 * A number in a file of 1, 2, 4 or 8 bytes, little-endian; fallback when the
 * file is absent or has another size (which is reported).
 */
uint64_t fwcfg_number(const char *name, uint64_t fallback);

/* A switch: false is a file with a text such as 0, off, no, or a zero byte,
 * true any other; fallback when there is none. */
bool fwcfg_switch(const char *name, bool fallback);

/*
 * Zeros into memory below 4 GiB.  The host writes them where it takes DMA: an
 * item that does not exist reads as zeros.  That is one access, in place of an
 * instruction for every 4 bytes.
 */
void fwcfg_clear(void *at, uint32_t len);

/* Write into a writable file by DMA.  0 or ERR_DEVICE. */
int fwcfg_write(const struct fwcfg_file *f, uint32_t offset, const void *buf,
                uint32_t len);

#endif
