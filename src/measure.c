/* SPDX-License-Identifier: MIT */
/*
 * Wiring between the BIOS and src/tcg, the part that stays after POST: the
 * platform interface, boot measurements, INT 1Ah AH=BBh.
 */
#include "measure.h"

#include "fw/e820.h"
#include "io.h"
#include "print.h"
#include "timer.h"
#include "tpm.h"

#define PORT_RESET          0xcf9u
#define RESET_HARD          0x02u
#define RESET_NOW           0x04u
#define PORT_KBC            0x64u
#define KBC_PULSE_RESET     0xfeu

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
struct tcg tpm;

void platform_reset(void)
{
    outb(PORT_RESET, RESET_HARD);
    outb(PORT_RESET, RESET_HARD | RESET_NOW);
    outb(PORT_KBC, KBC_PULSE_RESET);
    for (;;)
        __asm__ volatile("cli; hlt");
}

void handle_1a_tcg(struct bregs *r)
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

/*
 * Results of the measurements below are not looked at: a failure has been
 * printed and has closed measured boot in the module, and the boot goes on.
 */
void measure_option_rom_scan(void)
{
    (void)tcg_measure_action(&tpm, TCG_ROM_SCAN, NULL);
}

void measure_option_rom(pci_bdf bdf, const void *rom, uint32_t len)
{
    struct tcg_piece piece = { rom, len };

    (void)tcg_measure(&tpm, TCG_OPTION_ROM, &piece, 1,
                      bdf == PCI_NONE ? 0 : bdf, NULL);
}

void measure_setup_entered(void)
{
    (void)tcg_measure_action(&tpm, TCG_SETUP_ENTERED, NULL);
}

void measure_boot_intervention(void)
{
    (void)tcg_measure_action(&tpm, TCG_BOOT_INTERVENTION, NULL);
}

void measure_handover(void)
{
    (void)tcg_handover(&tpm);
}

void measure_boot_attempt(enum boot_kind kind, uint8_t drive,
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

void measure_mbr(const void *sector)
{
    (void)tcg_measure_mbr(&tpm, sector);
}

void measure_cd_catalog(const void *catalog, uint32_t len)
{
    (void)tcg_measure_bytes(&tpm, TCG_BOOT_CATALOG, catalog, len);
}

void measure_cd_image(const void *image, uint32_t len)
{
    (void)tcg_measure_bytes(&tpm, TCG_IPL_CD, image, len);
}

void measure_int18(void)
{
    (void)tcg_measure_action(&tpm, TCG_RETURN_INT18, NULL);
}

void measure_int19(void)
{
    (void)tcg_measure_action(&tpm, TCG_RETURNED_INT19, NULL);
}
