/* SPDX-License-Identifier: MIT */
/*
 * Decompression of the overlays (overlay.h): DEFLATE, RFC 1951.  Resident.
 */
#ifndef INFLATE_H
#define INFLATE_H

#include <stdbool.h>
#include <stdint.h>

/* So many bytes behind the input are read, too; what they are is no matter. */
#define INFLATE_BEHIND      8u

/*
 * Decompress in_len bytes at in, which must give exactly out_len bytes.
 * Returns false for anything else; nothing outside out is written, whatever
 * the input, and nothing but INFLATE_BEHIND bytes is read behind it.  Uses
 * about 3.8 KiB of stack.
 */
bool inflate_to(const uint8_t *in, uint32_t in_len, uint8_t *out,
                uint32_t out_len);

#endif
