/* SPDX-License-Identifier: MIT */
/*
 * Wiring between the BIOS and src/tcg, the part that stays after POST: the
 * platform interface, boot measurements, INT 1Ah AH=BBh, resume.  In the
 * TPM's overlay.
 */
#include "measure/measure.h"

#include "fw/e820.h"
#include "tpm/hooks.h"
#include "lib/io.h"
#include "lib/print.h"
#include "lib/timer.h"
#include "measure/tpm.h"

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
 * RAM that E820 gives to everybody. */
static void *map(void *ctx, uint32_t addr, uint32_t len, bool write)
{
    (void)ctx;
    if (len - 1 > UINT32_MAX - addr)
        return NULL;
    if (e820_is_ram(addr, len) || (!write && e820_is_readable(addr, len)))
        return (void *)addr;
    return NULL;
}

struct tcg_platform tpm_platform = {
    .mmio_read = mmio_read, .mmio_write = mmio_write, .now_us = now_us,
    .delay_us = delay_us, .print = print_text, .debug = debug_text,
    .map = map,
};

static void int1a(struct bregs *r)
{
    struct tcg_regs t = {
        .eax = r->eax, .ebx = r->ebx, .ecx = r->ecx, .edx = r->edx,
        .esi = r->esi, .edi = r->edi,
        .es_di = (uint32_t)far_ptr(r->es, r->di),
        .ds_si = (uint32_t)far_ptr(r->ds, r->si),
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

static void option_rom_scan(void)
{
    (void)tcg_measure_action(&tpm, TCG_ROM_SCAN, NULL);
}

static void option_rom(pci_bdf bdf, const void *rom, uint32_t len)
{
    struct tcg_piece piece = { rom, len };

    (void)tcg_measure(&tpm, TCG_OPTION_ROM, &piece, 1,
                      bdf == PCI_NONE ? 0 : bdf, NULL);
}

static void setup_entered(void)
{
    (void)tcg_measure_action(&tpm, TCG_SETUP_ENTERED, NULL);
}

static void boot_intervention(void)
{
    (void)tcg_measure_action(&tpm, TCG_BOOT_INTERVENTION, NULL);
}

static void handover_done(void)
{
    (void)tcg_handover(&tpm);
}

static void boot_attempt(enum boot_kind kind, uint8_t drive,
                         const char *text)
{
    static const uint8_t events[] = {
        [BOOT_FLOPPY] = TCG_BOOT_BCV, [BOOT_HDD] = TCG_BOOT_BCV,
        [BOOT_CD] = TCG_BOOT_CD, [BOOT_BEV] = TCG_BOOT_BEV,
    };
    char name[64];

    if (!tcg_usable(&tpm))
        return;
    if (kind == BOOT_FLOPPY || kind == BOOT_HDD)
        format(name, sizeof(name), "%02Xh (%s)", drive,
               kind == BOOT_HDD ? "HDD" : "Floppy");
    else
        format(name, sizeof(name), "%s", text ? text : "");
    (void)tcg_measure_action(&tpm, events[kind], name);
}

static void mbr(const void *sector)
{
    (void)tcg_measure_mbr(&tpm, sector);
}

static void cd_catalog(const void *catalog, uint32_t len)
{
    (void)tcg_measure_bytes(&tpm, TCG_BOOT_CATALOG, catalog, len);
}

static void cd_image(const void *image, uint32_t len)
{
    (void)tcg_measure_bytes(&tpm, TCG_IPL_CD, image, len);
}

static void int18(void)
{
    (void)tcg_measure_action(&tpm, TCG_RETURN_INT18, NULL);
}

static void int19(void)
{
    (void)tcg_measure_action(&tpm, TCG_RETURNED_INT19, NULL);
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
    .option_rom_scan = option_rom_scan, .option_rom = option_rom,
    .setup_entered = setup_entered, .boot_intervention = boot_intervention,
    .handover = handover_done, .boot_attempt = boot_attempt, .mbr = mbr,
    .disk_boot_code = disk_boot_code, .cd_catalog = cd_catalog,
    .cd_image = cd_image, .cd_boot_code = cd_boot_code, .int18 = int18,
    .int19 = int19, .linux_at = linux_at, .linux_image = linux_image,
    .int1a = int1a, .resume = resume_tpm,
};
