/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: a log of an earlier boot with any bytes is adopted and appended
 * to; and events of any size go into an area of any size.
 */
#include <stdlib.h>
#include <string.h>

#include "fakehw.h"
#include "replay.h"

static struct replay rp;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tcg_digests d;
    struct tcg t = { .family = TCG_FAMILY_20, .bank_count = 2 };
    struct rd in = rd_from(data, size);
    uint16_t area_size = rd_le16(&in) & 0x1fff;
    uint8_t how = rd_u8(&in);
    uint8_t *area = malloc(area_size ? area_size : 1);

    t.bank[0] = (struct tcg_bank){ 4, 20 };
    t.bank[1] = (struct tcg_bank){ 11, 32 };
    if (how & 1) {
        t.family = TCG_FAMILY_12;
        t.bank_count = 1;
    }
    tcglog_init(&t.log, area, area_size);
    (void)tcglog_header(&t);
    if (how & 2) {
        /* Damage it and take it up again. */
        while (in.left > 3 && area_size) {
            uint16_t at = rd_le16(&in);

            area[at % area_size] = rd_u8(&in);
        }
        t.log = (struct tcg_log){ 0 };
        if (tcglog_adopt(&t, area, area_size) < 0) {
            free(area);
            return 0;
        }
    }
    while (in.left) {
        struct tcg_piece p = { data, rd_u8(&in) };

        if (p.len > size)
            p.len = (uint32_t)size;
        if (tcglog_append(&t, 1, 5, how & 4 ? &d : NULL, &p, 1) < 0 &&
            !t.log.full)
            abort();
    }
    if (!(how & 2) && t.log.count && t.log.count < 300 &&
        replay_log(&rp, area, area_size))
        abort();
    free(area);
    return 0;
}
