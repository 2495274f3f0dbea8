/* SPDX-License-Identifier: MIT */
/* libFuzzer: SMBIOS and ACPI tables of any bytes are hashed. */
#include <stdlib.h>
#include <string.h>

#include "fakehw.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tcg t = { .state = TCG_STARTED, .family = TCG_FAMILY_12 };
    struct tcg_digests d;
    struct tcg_piece piece;
    uint8_t *copy = malloc(size ? size : 1);

    memcpy(copy, data, size);
    piece = (struct tcg_piece){ copy, (uint32_t)size };
    t.bank_count = 1;
    t.bank[0] = (struct tcg_bank){ 4, 20 };
    (void)tcg_hash_acpi(&t, &piece, 1, &d);
    (void)tcg_measure_smbios(&t, copy, (uint32_t)size);
    free(copy);
    return 0;
}
