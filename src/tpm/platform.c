/* SPDX-License-Identifier: MIT */
/*
 * Wiring between the BIOS and src/tcg, the part that stays after POST: the
 * platform interface, events, INT 1Ah AH=BBh, resume.
 */
#include "measure/measure.h"

#include "core/caller.h"
#include "fw/e820.h"
#include "lib/io.h"
#include "lib/print.h"
#include "lib/timer.h"
#include "measure/tpm.h"
#include "tpm/hooks.h"
#include "tpm/rdrand.h"

static uint32_t mmio_read(void *ctx, uint32_t addr, unsigned bytes)
{
    const volatile void *p = (const volatile void *)addr;

    (void)ctx;
    return bytes == 1 ? mmio_read8(p) : bytes == 2 ? mmio_read16(p)
                                                   : mmio_read32(p);
}

static void mmio_write(void *ctx, uint32_t addr, unsigned bytes, uint32_t v)
{
    volatile void *p = (volatile void *)addr;

    (void)ctx;
    if (bytes == 1)
        mmio_write8(p, (uint8_t)v);
    else if (bytes == 2)
        mmio_write16(p, (uint16_t)v);
    else
        mmio_write32(p, v);
}

static uint64_t now_us(void *ctx)
{
    (void)ctx;
    return timer_now_us();
}

/* The TPM answers when it is ready, and QEMU needs the CPU to let it: a
 * pause per turn, the clock bounds the loop. */
static void delay_us(void *ctx, uint32_t us)
{
    (void)ctx;
    (void)us;
    cpu_pause();
}

static void print_text(void *ctx, const char *text)
{
    (void)ctx;
    print("%s", text);
}

static void debug_text(void *ctx, const char *text)
{
    (void)ctx;
    debug("%s", text);
}

/* INT 1Ah callers may have us read RAM, the BIOS area included, and write to
 * RAM that E820 gives to everybody.  What lies in pieces (virtual-8086 mode) is
 * refused. */
static void *map(void *ctx, uint32_t addr, uint32_t len, bool write)
{
    uint32_t piece = len;

    (void)ctx;
    if (len - 1 > UINT32_MAX - addr)
        return NULL;
    addr = (uint32_t)caller_span(addr, &piece, write);
    if (piece != len)
        return NULL;
    if (e820_is_ram(addr, len) || (!write && e820_is_readable(addr, len)))
        return (void *)addr;
    return NULL;
}

struct tcg_platform tpm_platform = {
    .mmio_read = mmio_read, .mmio_write = mmio_write, .now_us = now_us,
    .delay_us = delay_us, .print = print_text, .debug = debug_text,
    .map = map, .random = rdrand_bytes,
};

static void int1a(struct bregs *r)
{
    struct tcg_regs t = {
        .eax = r->eax, .ebx = r->ebx, .ecx = r->ecx, .edx = r->edx,
        .esi = r->esi, .edi = r->edi,
        .es_di = linear(r->es, r->di),
        .ds_si = linear(r->ds, r->si),
    };

    tcg_int1a(&tpm, &t);
    r->eax = t.eax;
    r->ebx = t.ebx;
    r->ecx = t.ecx;
    r->edx = t.edx;
    r->esi = t.esi;
    r->edi = t.edi;
    set_cf(r, t.cf);
}

static void event(enum tcg_event what, const void *data, uint32_t len,
                  uint32_t number, const char *text)
{
    struct tcg_piece piece = { data, len };

    (void)tcg_measure(&tpm, what, &piece, data != NULL, number, text);
}

static void handover_done(void)
{
    (void)tcg_handover(&tpm);
}

/* Bring the TPM back with the log of the boot that was suspended. */
static void resume_tpm(uint8_t *log, uint32_t log_size)
{
    static const char *const text[] = {
        [TCG_RESUME_RESTORED] = "restored",
        [TCG_RESUME_CAPPED] = "not trusted: capped and disabled",
        [TCG_RESUME_FAILED] = "not trusted: not all of it capped and disabled",
        [TCG_RESUME_UNUSED] = "started by somebody else: not used",
        [TCG_RESUME_DEAD] = "does not answer",
    };
    int rc = tcg_resume(&tpm, &tpm_platform, log, log_size);

    if (rc >= 0)
        debug("S3 resume: TPM %s\n", text[rc]);
}

const struct measure_ops measure_table SECTION(".head") = {
    .event = event, .disk_boot_code = disk_boot_code,
    .cd_boot_code = cd_boot_code, .linux_at = linux_at,
    .linux_image = linux_image, .handover = handover_done, .int1a = int1a,
    .resume = resume_tpm,
};
