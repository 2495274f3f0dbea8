/* SPDX-License-Identifier: MIT */
/*
 * What the TPM module and the TPM drivers need from the machine around them.
 * Nothing else crosses: no port I/O, no global address, no allocator.
 */
#ifndef TCG_PLATFORM_H
#define TCG_PLATFORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What the module needs from the machine.  ctx goes to every call.  Pointers
 * that may be NULL say so.  The structure must outlive the struct tcg.
 */
struct tcg_platform {
    /* bytes is 1, 2 or 4; addr is naturally aligned. */
    uint32_t (*mmio_read)(void *ctx, uint32_t addr, unsigned bytes);
    void (*mmio_write)(void *ctx, uint32_t addr, unsigned bytes, uint32_t v);
    /* Microseconds since any moment; never goes back. */
    uint64_t (*now_us)(void *ctx);
    /* Let time pass in a polling loop; may be shorter or longer. */
    void (*delay_us)(void *ctx, uint32_t us);
    /* One or more whole lines, with "\n", for the console and port 402h. */
    void (*print)(void *ctx, const char *text);
    /* The same for port 402h only; may be NULL. */
    void (*debug)(void *ctx, const char *text);
    /*
     * INT 1Ah: len bytes of RAM at a 32-bit physical address, or NULL when
     * that is not all RAM that a caller may read (write: may be changed, so
     * not the BIOS's own memory).  len is never 0.  Resident.  May be NULL
     * when tcg_int1a() is not used.
     */
    void *(*map)(void *ctx, uint32_t addr, uint32_t len, bool write);
    /*
     * For the menu and PPI, POST only, may be NULL: a key (0x20..0x7e
     * ASCII, TCG_KEY_*) or ERR_TIMEOUT; a fw_cfg file (its length, which may
     * exceed cap, or ERR_ABSENT); reset of the whole platform (may return in
     * tests).
     */
    int (*read_key)(void *ctx, uint32_t wait_ms);
    int (*read_file)(void *ctx, const char *name, void *buf, size_t cap);
    void (*reset)(void *ctx);
    /*
     * len bytes (a multiple of 4) that nobody can guess, from a source beside
     * the TPM: 0 or ERR_ABSENT.  Resident.  May be NULL.
     */
    int (*random)(void *ctx, void *to, size_t len);
    void *ctx;
};

#define TCG_KEY_ESC         0x1b
#define TCG_KEY_ENTER       0x0d
#define TCG_KEY_F10         0x110
#define TCG_KEY_F12         0x112

#endif
