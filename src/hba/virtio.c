/* SPDX-License-Identifier: MIT */
/*
 * Virtio at run time: one request through one queue.  Resident.
 */
#include "hba/virtio.h"

#include "disk/block.h"
#include "lib/err.h"
#include "lib/io.h"

int virtio_run(struct virtio *v, const struct virtio_buffer *buffers,
               unsigned count, uint32_t timeout_ms)
{
    struct poll p = poll_start(timeout_ms);
    uint16_t slot = v->avail->idx & (v->size - 1u);
    uint16_t expected = (uint16_t)(v->last_used + 1u);
    struct virtq_desc *chain = v->table != NULL ? v->table : v->desc;

    for (unsigned i = 0; i < count; i++) {
        chain[i] = (struct virtq_desc){
            .address = (uintptr_t)buffers[i].at,
            .len = buffers[i].len,
            .flags = (buffers[i].device_writes ? VIRTQ_DESC_WRITE : 0) |
                     (i + 1 < count ? VIRTQ_DESC_NEXT : 0),
            .next = (uint16_t)(i + 1),
        };
    }
    if (v->table != NULL)
        v->desc[0] = (struct virtq_desc){
            .address = (uintptr_t)v->table,
            .len = count * sizeof(*v->table),
            .flags = VIRTQ_DESC_INDIRECT,
        };
    v->avail->ring[slot] = 0;           /* the chain begins at desc[0] */
    barrier();
    v->avail->idx++;
    barrier();
    if (v->notify != NULL)
        *v->notify = v->queue;
    else
        outw(v->notify_port, v->queue);

    while (v->used->idx == v->last_used)
        if (!poll_again(&p))
            return ERR_TIMEOUT;
    barrier();
    if (v->used->idx != expected ||
        v->used->ring[v->last_used & (v->size - 1u)].id != 0)
        return ERR_FORMAT;
    v->last_used = expected;
    return 0;
}
