/* SPDX-License-Identifier: MIT */
/*
 * Switches for what is measured at the boot, and kernels of -kernel that an
 * option ROM will start.
 *
 * QEMU docs/specs/fw_cfg.
 */
#include "boot/handover.h"

#include <string.h>

#include "core/alloc.h"
#include "fw/fwcfg.h"
#include "generated/autoconf.h"
#include "measure/tpm.h"
#include "tcg/multihash.h"
#include "tpm/steps.h"

#define CHUNK               0x10000u

#ifndef CONFIG_MEASURE_LINUX
#define CONFIG_MEASURE_LINUX 0
#endif
#ifndef CONFIG_MEASURE_BOOT_CODE
#define CONFIG_MEASURE_BOOT_CODE 0
#endif

struct item {
    uint16_t key;
    uint32_t len;
    uint8_t *buf;               /* CHUNK bytes */
};

static void feed_item(void *arg, struct multihash *m)
{
    const struct item *item = arg;
    uint32_t left = item->len;

    fwcfg_read(item->key, NULL, 0);
    while (left) {
        uint32_t n = left < CHUNK ? left : CHUNK;

        fwcfg_read_more(item->buf, n);
        multihash_update(m, item->buf, n);
        left -= n;
    }
}

static void measure_item(uint16_t size_key, uint16_t key, const char *name)
{
    struct item item = { .key = key, .len = fwcfg_read32(size_key) };
    struct tcg_digests d;

    item.buf = item.len ? malloc_temp(CHUNK, 16) : NULL;
    if (!item.buf)
        return;
    tcg_hash_feed(&tpm, feed_item, &item, &d);
    (void)tcg_measure_taken(&tpm, TCG_LINUX_FILE, &d, 0, name);
    free_zone(item.buf);
}

static void measure_cmdline(void)
{
    uint32_t len = fwcfg_read32(FWCFG_CMDLINE_SIZE);
    char *text = len && len <= CHUNK ? malloc_temp(len + 1, 4) : NULL;

    if (!text)
        return;
    fwcfg_read(FWCFG_CMDLINE_DATA, text, len);
    (void)tcg_measure_bytes(&tpm, TCG_LINUX_CMDLINE, text, strlen(text));
    free_zone(text);
}

void tpm_kernel_setup(bool rom_kernel)
{
    if (!tcg_usable(&tpm))
        return;
    handover.linux_hook = fwcfg_switch("opt/org.keelbios/measure-linux",
                                       CONFIG_MEASURE_LINUX);
    handover.boot_code = fwcfg_switch("opt/org.keelbios/measure-boot-code",
                                      CONFIG_MEASURE_BOOT_CODE);
    if (!rom_kernel)
        return;
    measure_cmdline();
    measure_item(FWCFG_KERNEL_SIZE, FWCFG_KERNEL_DATA, "kernel");
    measure_item(FWCFG_INITRD_SIZE, FWCFG_INITRD_DATA, "initrd");
}
