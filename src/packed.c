/* SPDX-License-Identifier: MIT */
/*
 * Unpacking of what scripts/image has packed: one LZ4 block (LZ4 Block Format
 * Description), with its length before it.  It comes from our own ROM; the
 * bounds are checked nevertheless, and damage stops the machine with a message
 * instead of running what came out.
 */
#include "packed.h"

#include <string.h>

#include "compiler.h"
#include "print.h"

#define LENGTH_MORE         15u     /* a nibble's way to say: bytes follow */
#define MATCH_MIN           4u

/* From the linker script */
extern uint8_t packed_rom[], packed_start[], packed_end[];
extern uint8_t packed_bss_start[], packed_bss_end[];

/* What is left of the input and of the room for the output. */
struct unpacker {
    const uint8_t *in, *in_end;
    uint8_t *out, *out_end;
};

/* A length of the token, continued in the bytes that follow it. */
static uint32_t read_length(struct unpacker *u, uint32_t nibble)
{
    uint32_t len = nibble;
    uint8_t more = UINT8_MAX;

    if (nibble != LENGTH_MORE)
        return len;
    while (more == UINT8_MAX && u->in < u->in_end) {
        more = *u->in++;
        len += more;
    }
    return len;
}

/* Bytes that were in the output before: how far back, how many (the nibble).
 * The ranges may overlap, and then repeat, so it goes from low to high. */
static bool copy_match(struct unpacker *u, uint32_t nibble)
{
    uint32_t back, len;

    if (u->in_end - u->in < 2)
        return false;
    back = u->in[0] | (uint32_t)u->in[1] << 8;
    u->in += 2;
    len = read_length(u, nibble) + MATCH_MIN;
    if (back == 0 || back > (uint32_t)(u->out - packed_start) ||
        len > (uint32_t)(u->out_end - u->out))
        return false;
    while (len--) {
        *u->out = *(u->out - back);
        u->out++;
    }
    return true;
}

static bool unpack(struct unpacker *u)
{
    while (u->in < u->in_end) {
        uint8_t token = *u->in++;
        uint32_t len = read_length(u, token >> 4);

        if (len > (uint32_t)(u->in_end - u->in) ||
            len > (uint32_t)(u->out_end - u->out))
            return false;
        memcpy(u->out, u->in, len);
        u->in += len;
        u->out += len;
        if (u->in == u->in_end)
            break;                      /* the last sequence has no match */
        if (!copy_match(u, token & 0xf))
            return false;
    }
    return u->out == u->out_end;
}

void packed_load(void)
{
    static bool loaded;
    struct unpacker u = {
        .in = packed_rom + sizeof(uint32_t),
        .out = packed_start, .out_end = packed_end,
    };
    uint32_t len;

    if (loaded)
        return;
    loaded = true;
    memcpy(&len, packed_rom, sizeof(len));
    u.in_end = u.in + len;
    memset(packed_bss_start, 0, (size_t)(packed_bss_end - packed_bss_start));
    if (unpack(&u))
        return;
    print("KeelBIOS: the firmware image is damaged (packed code): stopped; "
          "use another copy of bios.bin\n");
    for (;;)
        __asm__ volatile("cli; hlt");
}
