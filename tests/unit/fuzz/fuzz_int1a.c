/* SPDX-License-Identifier: MIT */
/*
 * libFuzzer: one INT 1Ah AH=BBh call with registers and memory from the
 * input.  The caller's memory ends exactly where it ends.
 */
#include <stdlib.h>
#include <string.h>

#include "fakehw.h"
#include "replay.h"

#define RAM_AT  0x100u

static struct fakehw hw;
static struct replay rp;
static uint8_t *ram;
static size_t ram_size;

static int exec(void *arg, const uint8_t *cmd, uint32_t len, uint8_t *rsp,
                uint32_t cap)
{
    struct wr w = wr_to(rsp, cap);

    (void)arg, (void)len;
    wr_bytes(&w, cmd, 2);
    wr_be32(&w, 19);
    wr_be32(&w, 0);
    wr_zero(&w, 9);
    return 19;
}

static void *map(void *ctx, uint32_t addr, uint32_t len, bool write)
{
    (void)ctx, (void)write;
    if (!len)
        abort();
    if (addr < RAM_AT || addr - RAM_AT >= ram_size ||
        len > ram_size - (addr - RAM_AT))
        return NULL;
    return ram + (addr - RAM_AT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t log_area[0x800];
    struct tcg t = { .state = TCG_MEASURING, .family = TCG_FAMILY_20 };
    struct rd in = rd_from(data, size);
    struct tcg_regs r = { .eax = 0xbb00 };

    fakehw_init(&hw, FAKE_CRB, exec, NULL);
    hw.plat.map = map;
    t.dev = (struct tpm_dev){
        .plat = &hw.plat, .interface = TPM_IF_CRB,
        .timeout_us = { 100, 100, 100, 100 },
        .cmd_at = 0x80, .cmd_cap = 0xf80, .rsp_at = 0x80, .rsp_cap = 0xf80,
    };
    t.bank_count = 2;
    t.bank[0] = (struct tcg_bank){ 11, 32 };
    t.bank[1] = (struct tcg_bank){ 4, 20 };
    tcglog_init(&t.log, log_area, sizeof(log_area));
    tcglog_header(&t);
    r.eax |= rd_u8(&in);
    r.ecx = rd_le32(&in);
    r.edx = rd_le32(&in);
    r.esi = rd_le32(&in);
    r.es_di = rd_le32(&in);
    r.ds_si = rd_le32(&in);
    if (in.bad)
        return 0;
    ram_size = in.left;
    ram = malloc(ram_size ? ram_size : 1);
    memcpy(ram, in.at, in.left);
    tcg_int1a(&t, &r);
    free(ram);
    if (replay_log(&rp, log_area, sizeof(log_area)))
        abort();
    return 0;
}
