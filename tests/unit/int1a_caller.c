/* SPDX-License-Identifier: MIT */
/*
 * The caller of int1a_caller.h.
 */
#include "int1a_caller.h"

#include "check.h"

struct fakehw hw;
struct tcg t;
struct replay rp;
uint8_t log_area[0x4000];
uint8_t *ram;

static void *map(void *ctx, uint32_t addr, uint32_t len, bool write)
{
    (void)ctx;
    assert_int_not_equal(len, 0);
    if (addr >= RAM_SIZE || len > RAM_SIZE - addr ||
        (write && (addr >= WRITABLE || len > WRITABLE - addr)))
        return NULL;
    return ram + addr;
}

void begin(int version)
{
    realtpm_new(version);
    fakehw_init(&hw, version == 1 ? FAKE_TIS12 : FAKE_CRB, realtpm_exec, NULL);
    hw.plat.map = map;
    free(ram);
    ram = calloc(1, RAM_SIZE);
    for (unsigned i = 0; i < 1000; i++)
        ram[DATA + i] = (uint8_t)(i * 3);
    assert_int_equal(tcg_start(&t, &hw.plat), 0);
    assert_int_equal(tcg_attach_log(&t, log_area, sizeof(log_area)), 0);
    assert_int_equal(tcg_before_third_party(&t), 0);
    assert_int_equal(tcg_handover(&t), 0);
}

void end(void)
{
    assert_no_text(replay_log(&rp, log_area, sizeof(log_area)));
    realtpm_end();
}

struct tcg_regs regs(uint8_t al)
{
    return (struct tcg_regs){
        .eax = 0xbb00u | al, .ebx = 0x41504354, .es_di = IN, .ds_si = OUT,
        .cf = true,
    };
}

uint32_t call(struct tcg_regs *r)
{
    tcg_int1a(&t, r);
    assert_false(r->cf);
    return r->eax;
}

void put32(uint32_t at, uint32_t v)
{
    for (int i = 0; i < 4; i++, v >>= 8)
        ram[at + (uint32_t)i] = (uint8_t)v;
}

uint32_t get32(uint32_t at)
{
    return ram[at] | (uint32_t)ram[at + 1] << 8 | (uint32_t)ram[at + 2] << 16 |
           (uint32_t)ram[at + 3] << 24;
}

void event(uint32_t pcr, uint32_t type, const char *text)
{
    put32(EVENT, pcr);
    put32(EVENT + 4, type);
    memset(ram + EVENT + 8, 0x99, 20);
    put32(EVENT + 28, (uint32_t)strlen(text));
    memcpy(ram + EVENT + 32, text, strlen(text));
}

void block01(bool is_long, uint32_t ptr, uint32_t len, uint32_t pcr,
             uint32_t log_len)
{
    uint32_t at = IN + 0x10;

    put32(IN, is_long ? 0x1c : 0x18);
    put32(IN + 4, ptr);
    put32(IN + 8, len);
    put32(IN + 0xc, pcr);
    if (is_long) {
        put32(at, 0x55555555);
        at += 4;
    }
    put32(at, EVENT);
    put32(at + 4, log_len);
}

const struct replay_event *last_event(void)
{
    assert_no_text(replay_log(&rp, log_area, sizeof(log_area)));
    assert_no_text(replay_compare(&rp));
    return &rp.event[rp.count - 1];
}
