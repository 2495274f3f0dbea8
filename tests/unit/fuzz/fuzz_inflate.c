/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: any bytes as a DEFLATE stream, into memory of any size; what zlib
 * accepts must be unpacked to the same.
 */
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

#include "lib/inflate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t len = size > 1 ? data[0] | (uint32_t)data[1] << 8 : 0;
    uint8_t *ours = malloc(len + 1), *theirs = malloc(len + 1);
    uint8_t *in = malloc(size + INFLATE_BEHIND);
    z_stream z = { 0 };
    bool good;

    if (size < 2)
        goto out;
    memcpy(in, data, size);
    memset(in + size, data[0], INFLATE_BEHIND);
    good = inflate_to(in + 2, (uint32_t)size - 2, ours, len);
    inflateInit2(&z, -15);
    z.next_in = (uint8_t *)(uintptr_t)data + 2;
    z.avail_in = (uInt)size - 2;
    z.next_out = theirs;
    z.avail_out = len + 1;
    if (inflate(&z, Z_FINISH) == Z_STREAM_END && z.total_out == len &&
        (!good || memcmp(ours, theirs, len) != 0))
        abort();
    inflateEnd(&z);
out:
    free(in);
    free(ours);
    free(theirs);
    return 0;
}
