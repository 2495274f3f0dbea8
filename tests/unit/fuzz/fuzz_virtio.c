/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: a virtio device that writes whatever it likes into the rings
 * while the driver waits.  A request counts as done only when the used ring
 * says so in the one right way.
 */
#include <stdlib.h>
#include <string.h>

#include "disk/block.h"
#include "hba/virtio.h"

#define SIZE        4u
#define USED_LEN    (4 + 8 * SIZE + 2)
#define AVAIL_LEN   (4 + 2 * SIZE + 2)

static const uint8_t *input;
static size_t left;
static uint8_t *rings[3];
static const size_t ring_len[3] = { USED_LEN, AVAIL_LEN,
                                    SIZE * sizeof(struct virtq_desc) };

/* Three bytes: which ring, where, what; at the end of the input time is up. */
bool poll_again(struct poll *p)
{
    unsigned ring;

    (void)p;
    if (left < 3)
        return false;
    ring = input[0] < 0xe0 ? 0 : 1 + (input[0] & 1);
    rings[ring][input[1] % ring_len[ring]] = input[2];
    input += 3;
    left -= 3;
    return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint16_t bell;
    uint8_t a[16], b[512], c;
    const struct virtio_buffer buffers[] = {
        { a, sizeof(a), false }, { b, sizeof(b), true }, { &c, 1, true },
    };
    struct virtio v = { .size = SIZE, .notify = &bell };
    struct virtq_used *used;

    for (unsigned i = 0; i < 3; i++)
        rings[i] = calloc(1, ring_len[i]);
    used = (struct virtq_used *)rings[0];
    v.used = used;
    v.avail = (struct virtq_avail *)rings[1];
    v.desc = (struct virtq_desc *)rings[2];
    input = data;
    left = size;
    for (;;) {
        uint16_t before = v.last_used;
        int rc = virtio_run(&v, buffers, 3, 1);

        if (rc < 0)
            break;
        if (v.last_used != (uint16_t)(before + 1) ||
            used->idx != v.last_used || used->ring[before % SIZE].id != 0)
            abort();
        if (left < 3)
            break;
    }
    for (unsigned i = 0; i < 3; i++)
        free(rings[i]);
    return 0;
}
