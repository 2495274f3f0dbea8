/* SPDX-License-Identifier: MIT */
/*
 * The buffer of keys in the BIOS data area: 40:1A, 40:1C, 40:80, 40:82.
 * Resident.
 */
#include "core/bda.h"
#include "services/keys.h"
#include "services/services.h"

/* Offsets into segment 40h. */
static volatile uint16_t *slot(uint16_t offset)
{
    return (volatile uint16_t *)((uintptr_t)bda + offset);
}

static uint16_t slot_after(uint16_t offset)
{
    uint16_t next = (uint16_t)(offset + 2);

    return next >= bda->kbd_buf_end ? bda->kbd_buf_start : next;
}

bool key_push(uint16_t key)
{
    uint16_t tail = bda->kbd_tail;
    uint16_t next = slot_after(tail);

    if (next == bda->kbd_head)
        return false;
    *slot(tail) = key;
    bda->kbd_tail = next;
    return true;
}

unsigned key_room(void)
{
    unsigned slots = (uint16_t)(bda->kbd_buf_end - bda->kbd_buf_start) / 2u;
    unsigned used = (uint16_t)(bda->kbd_tail - bda->kbd_head) / 2u;

    if (bda->kbd_tail < bda->kbd_head)
        used = slots - (uint16_t)(bda->kbd_head - bda->kbd_tail) / 2u;
    return used < slots ? slots - used - 1 : 0;
}

bool key_waits(void)
{
    return bda->kbd_head != bda->kbd_tail;
}

uint16_t key_first(void)
{
    return *slot(bda->kbd_head);
}

void key_drop(void)
{
    bda->kbd_head = slot_after(bda->kbd_head);
}
