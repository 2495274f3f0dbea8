/* SPDX-License-Identifier: MIT */
/*
 * The TPM at register level; its behaviour follows QEMU's tpm_tis and tpm_crb.
 */
#include "fakehw.h"

#include <stdlib.h>
#include <string.h>

#include "tpmdev/tpm_crb.h"
#include "tpmdev/tpm_tis.h"

#define CRB_LOC_STATE   0x00u

enum { IDLE, READY, RECEPTION, EXECUTION, COMPLETION };

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 |
           p[3];
}

static void run(struct fakehw *h, const uint8_t *cmd, uint32_t len)
{
    int n;

    h->commands++;
    if (h->code_count < 256)
        h->codes[h->code_count++] = be32(cmd + 6);
    memset(h->rsp, 0, sizeof(h->rsp));
    n = h->exec(h->arg, cmd, len, h->rsp, sizeof(h->rsp));
    h->rsp_at = 0;
    h->rsp_len = n < 0 ? 0 : (uint32_t)n;
    h->rsp_full = h->rsp_len;
    h->done_at = n < 0 ? UINT64_MAX
                       : h->now + (h->commands == 1 && h->slow_first_us
                                       ? h->slow_first_us
                                       : h->busy_us);
}

static uint32_t wanted(const struct fakehw *h)
{
    return h->cmd_len < 6 ? 6 : be32(h->cmd + 2);
}

static uint32_t tis_sts(struct fakehw *h)
{
    uint32_t v = 0, burst = 0;

    if (h->state == EXECUTION && h->now >= h->done_at) {
        h->state = COMPLETION;
        if (h->bad_reads) {
            h->bad_reads--;
            h->rsp_at = 0;
            h->rsp_len -= h->rsp_len > 10 ? 1 : 0;
        }
    }
    if (h->kind == FAKE_TIS20)
        v |= 1u << 26;
    if (h->state == READY && !h->never_ready) {
        v |= TIS_STS_READY;
        burst = 4096;
    }
    if (h->state == RECEPTION) {
        v |= TIS_STS_VALID;
        if (h->cmd_len < wanted(h) || h->always_expect)
            v |= TIS_STS_EXPECT;
        burst = 4096 - h->cmd_len;
    }
    if (h->state == COMPLETION) {
        v |= TIS_STS_VALID;
        if (h->rsp_at < h->rsp_len) {
            v |= TIS_STS_DATA;
            burst = h->rsp_len - h->rsp_at;
        }
    }
    if (h->burst && burst > h->burst)
        burst = h->burst;
    if (h->no_burst)
        burst = 0;
    return v | (burst > 0xffff ? 0xffff : burst) << 8;
}

static uint32_t tis_read(struct fakehw *h, uint32_t at, unsigned bytes)
{
    uint32_t v = 0;

    switch (at) {
    case TIS_ACCESS:
        abort();        /* QEMU stops the machine until swtpm answers */
    case TIS_INTF_CAP:
        return h->intf_cap ? h->intf_cap
               : h->kind == FAKE_TIS20 ? 0x30000697u : 0x20000697u;
    case TIS_INTF_ID:
        return h->id_override ? h->id_override
               : h->kind == FAKE_TIS20 ? 0x2100u : 0xffffffffu;
    case TIS_DID_VID:
        return h->did_vid ? h->did_vid : 0x11014u;
    case TIS_STS:
        return h->active ? tis_sts(h) : 0xffffffffu;
    case TIS_DATA_FIFO:
        if (!h->active || h->state != COMPLETION)
            return 0xffffffffu;
        for (unsigned i = 0; i < bytes; i++) {
            uint32_t b = 0xff;

            if (h->rsp_at < h->rsp_len)
                b = h->rsp[h->rsp_at++];
            v |= b << (8 * i);
        }
        return v;
    default:
        return 0xffffffffu;
    }
}

static void tis_write(struct fakehw *h, uint32_t at, unsigned bytes,
                      uint32_t v)
{
    if (at == TIS_ACCESS) {
        if (v & TIS_ACCESS_ACTIVE)
            h->active = false;
        if (v & TIS_ACCESS_REQUEST && !h->never_granted)
            h->active = true;
    }
    if (!h->active)
        return;
    if (at == TIS_STS) {
        if (v & TIS_STS_READY && h->state == EXECUTION &&
            (h->done_at == UINT64_MAX || (h->no_cancel && h->now < h->done_at)))
            return;                     /* it cannot be stopped */
        if (v & TIS_STS_READY) {
            h->state = READY;
            h->cmd_len = 0;
        } else if (v & TIS_STS_GO && h->state == RECEPTION &&
                   h->cmd_len == wanted(h)) {
            h->state = EXECUTION;
            run(h, h->cmd, h->cmd_len);
        } else if (v & TIS_STS_RETRY && h->state == COMPLETION) {
            h->rsp_at = 0;
            h->rsp_len = h->rsp_full;
            if (h->bad_reads) {
                h->bad_reads--;
                h->rsp_len--;
            }
        }
    }
    if (at == TIS_DATA_FIFO && (h->state == READY || h->state == RECEPTION)) {
        h->state = RECEPTION;
        for (unsigned i = 0; i < bytes; i++, v >>= 8) {
            if (h->lose_bytes) {
                h->lose_bytes--;
                continue;
            }
            if (h->cmd_len < wanted(h) && h->cmd_len < sizeof(h->cmd))
                h->cmd[h->cmd_len++] = (uint8_t)v;
        }
    }
}

static uint32_t crb_size(const struct fakehw *h)
{
    return h->crb_size ? h->crb_size : 0xf80;
}

static uint32_t crb_read(struct fakehw *h, uint32_t at)
{
    uint32_t base = h->crb_at ? h->crb_at : TPM_BASE + CRB_DATA;

    switch (at) {
    case CRB_LOC_STATE:
        abort();        /* QEMU stops the machine until swtpm answers */
    case CRB_LOC_STS:
        return h->active ? CRB_LOC_STS_GRANTED : 0;
    case CRB_INTF_ID:
        return h->id_override ? h->id_override : 0x25811u;
    case CRB_CTRL_REQ:
        return h->never_ready ? 1 : h->never_idle ? 2 : 0;
    case CRB_CTRL_STS:
        return (h->fatal ? CRB_STS_ERROR : 0) |
               (h->state == IDLE ? CRB_STS_IDLE : 0);
    case CRB_CTRL_START:
        if (h->started && h->now >= h->done_at) {
            h->started = false;
            memcpy(h->crb + CRB_DATA, h->rsp,
                   h->rsp_full < 0xf80 ? h->rsp_full : 0xf80);
        }
        return h->started ? CRB_START : 0;
    case CRB_CMD_SIZE:
    case CRB_RSP_SIZE:
        return crb_size(h);
    case CRB_CMD_LOW:
    case CRB_RSP_LOW:
        return base;
    case CRB_CMD_HIGH:
    case CRB_RSP_HIGH:
        return 0;
    default:
        if (at >= CRB_DATA && at + 4 <= sizeof(h->crb)) {
            uint32_t v;

            memcpy(&v, h->crb + at, 4);
            return v;
        }
        return 0;
    }
}

static void crb_write(struct fakehw *h, uint32_t at, uint32_t v)
{
    if (at == CRB_LOC_CTRL) {
        if (v == CRB_LOC_CTRL_REQUEST && !h->never_granted)
            h->active = true;
        else if (v == CRB_LOC_CTRL_RELINQUISH)
            h->active = false;
    } else if (at == CRB_CTRL_REQ) {
        h->state = v == CRB_REQ_READY ? READY : IDLE;
    } else if (at == CRB_CTRL_CANCEL) {
        if (v && h->started && h->done_at != UINT64_MAX && !h->no_cancel)
            h->done_at = h->now;
    } else if (at == CRB_CTRL_START) {
        if (v != CRB_START)
            abort();    /* PTP 1.07's chunks: no command of ours needs them */
        if (v == CRB_START && h->active && !h->started) {
            uint32_t n = be32(h->crb + CRB_DATA + 2);

            h->started = true;
            if (n < 10 || n > 0xf80) {
                h->fatal = true;
                h->done_at = h->now;
                return;
            }
            run(h, h->crb + CRB_DATA, n);
        }
    } else if (at >= CRB_DATA && at + 4 <= sizeof(h->crb)) {
        memcpy(h->crb + at, &v, 4);
    }
}

static bool gone(struct fakehw *h)
{
    h->accesses++;
    return h->dead_after && h->accesses > h->dead_after;
}

static uint32_t mmio_read(void *ctx, uint32_t addr, unsigned bytes)
{
    struct fakehw *h = ctx;
    uint32_t at = addr - TPM_BASE;
    uint32_t mask = bytes == 4 ? 0xffffffffu : (1u << (8 * bytes)) - 1;

    if (addr % bytes)
        abort();
    if (h->registers_zero)
        return 0;
    if (h->kind == FAKE_NONE)
        return 0;
    if (gone(h) || h->kind == FAKE_FLOATING)
        return 0xffffffffu & mask;
    return (h->kind == FAKE_CRB ? crb_read(h, at) : tis_read(h, at, bytes)) &
           mask;
}

static void mmio_write(void *ctx, uint32_t addr, unsigned bytes, uint32_t v)
{
    struct fakehw *h = ctx;
    uint32_t at = addr - TPM_BASE;

    if (addr % bytes)
        abort();
    if (gone(h) || h->kind == FAKE_NONE || h->kind == FAKE_FLOATING)
        return;
    if (h->kind == FAKE_CRB)
        crb_write(h, at, v);
    else
        tis_write(h, at, bytes, v);
}

static uint64_t now_us(void *ctx)
{
    struct fakehw *h = ctx;

    return h->now++;
}

static void delay_us(void *ctx, uint32_t us)
{
    struct fakehw *h = ctx;

    h->now += us * (h->hurry ? h->hurry : 1) + 1;
}

static void append(char *to, size_t cap, const char *text)
{
    size_t n = strlen(to);

    strncat(to, text, cap - n - 1);
}

static void print(void *ctx, const char *text)
{
    struct fakehw *h = ctx;

    append(h->out, sizeof(h->out), text);
}

static void debug(void *ctx, const char *text)
{
    struct fakehw *h = ctx;

    append(h->dbg, sizeof(h->dbg), text);
}

static int read_key(void *ctx, uint32_t wait_ms)
{
    struct fakehw *h = ctx;

    if (h->keys && *h->keys)
        return (unsigned char)*h->keys++;
    h->now += (uint64_t)wait_ms * 1000;
    return ERR_TIMEOUT;
}

static void reset(void *ctx)
{
    struct fakehw *h = ctx;

    h->resets++;
}

void fakehw_init(struct fakehw *h, enum fake_kind kind, fake_exec exec,
                 void *arg)
{
    memset(h, 0, sizeof(*h));
    h->kind = kind;
    h->exec = exec;
    h->arg = arg;
    h->plat = (struct tcg_platform){
        .mmio_read = mmio_read, .mmio_write = mmio_write, .now_us = now_us,
        .delay_us = delay_us, .print = print, .debug = debug,
        .read_key = read_key, .reset = reset, .ctx = h,
    };
}
