/* SPDX-License-Identifier: MIT */
/*
 * Wiring between POST and src/tcg: log area, what the firmware says about
 * itself and the machine.  Runs when there is a TPM.
 */
#include <string.h>

#include "core/alloc.h"
#include "core/overlay.h"
#include "core/reset.h"
#include "fw/acpi.h"
#include "fw/fwcfg.h"
#include "fw/smbios.h"
#include "generated/autoconf.h"
#include "generated/version.h"
#include "hw/smm.h"
#include "lib/cursor.h"
#include "lib/print.h"
#include "measure/tpm.h"
#include "services/services.h"
#include "tcg/acpi_log.h"
#include "tcg/config.h"
#include "tpm/hooks.h"
#include "tpm/sha_xmm.h"
#include "tpm/steps.h"

#define ACPI_REVISION       8u      /* of every table */
#define TPM2_START_METHOD   48u     /* TCG ACPI Specification 1.4, 8 */

/* Which of the linked files are tables (others are the log, counters, ...). */
#define ACPI_FILES          "etc/acpi/"

#define BOOTORDER_MAX       0x10000u    /* bytes of the file */

static int read_key(void *ctx, uint32_t wait_ms)
{
    int key = key_read(wait_ms);

    (void)ctx;
    if (key < 0)
        return key;
    switch (key >> 8) {
    case 0x44: return TCG_KEY_F10;
    case 0x86: return TCG_KEY_F12;
    default:   return key & 0xff;
    }
}

static int read_file(void *ctx, const char *name, void *buf, size_t cap)
{
    (void)ctx;
    return fwcfg_read_file(name, buf, cap);
}

static void reset(void *ctx)
{
    (void)ctx;
    platform_reset();
}

void tpm_start(void)
{
    (void)tcg_start(&tpm, &tpm_platform);   /* why it fails was printed */
    tpm_platform.read_key = read_key;
    tpm_platform.read_file = read_file;
    tpm_platform.reset = reset;
    acpi_keep_blobs = tpm.state == TCG_STARTED;
    if (tpm.state == TCG_STARTED)
        sha_xmm_setup();
}

/* What QEMU says about the TPM: etc/tpm/config and the ACPI tables. */
static struct tcg_promise promise(void)
{
    struct tcg_promise p = { 0 };
    uint8_t bytes[TCG_CONFIG_SIZE];
    struct tcg_config config;
    uint32_t len;
    const uint8_t *tpm2 = acpi_find_table("TPM2", &len);
    int size = fwcfg_read_file(TCG_CONFIG_FILE, bytes, sizeof(bytes));

    if (size > 0)
        p.config_size = (uint32_t)size;
    if (tcg_config_read(bytes, size, &config))
        p.version = config.version;
    if (tpm2) {
        struct rd r = { .at = tpm2, .left = len };

        (void)rd_bytes(&r, TPM2_START_METHOD);
        p.tpm2 = true;
        p.start_method = rd_le32(&r);
    }
    p.tcpa = acpi_find_table("TCPA", &len) != NULL;
    return p;
}

/* Why a table names no event log. */
static const char *why_no_log(int rc)
{
    return rc == ERR_FORMAT ? "is of a kind whose event log is not known"
         : rc == ERR_SPACE  ? "ends before its event log"
                            : "names no event log";
}

/*
 * Where the ACPI table of the TPM's family says that the log is: only an area
 * that the firmware itself set aside is believed.  Returns false without one.
 */
static bool find_log(uint8_t **area, uint32_t *size)
{
    const char *name = tpm.family == TCG_FAMILY_20 ? "TPM2" : "TCPA";
    uint32_t len;
    const uint8_t *t = acpi_find_table(name, &len);
    struct tcg_acpi_log log;
    int rc;

    if (!t)
        return false;
    rc = tcg_acpi_log(t, len, &log);
    if (rc < 0) {
        print("TPM: the ACPI table %s (revision %u, %u bytes) %s\n", name,
              t[ACPI_REVISION], len, why_no_log(rc));
        return false;
    }
    if (log.address > UINT32_MAX || log.size > UINT32_MAX ||
        !alloc_owns((uint32_t)log.address, (uint32_t)log.size)) {
        print("TPM: the ACPI table puts the event log at %08llx, outside the "
              "memory set aside for it: no log\n",
              (unsigned long long)log.address);
        return false;
    }
    *area = (uint8_t *)(uint32_t)log.address;
    *size = (uint32_t)log.size;
    return true;
}

/* The tables as the host delivered them: as one event. */
static void measure_acpi(void)
{
    struct tcg_piece pieces[ACPI_FILES_MAX];
    unsigned files, count = 0;
    const struct acpi_blob *blob = acpi_blobs(&files);

    for (unsigned i = 0; i < files; i++)
        if (strncmp(blob[i].name, ACPI_FILES, sizeof(ACPI_FILES) - 1) == 0)
            pieces[count++] = (struct tcg_piece){ blob[i].data, blob[i].size };
    if (count)
        (void)tcg_measure_acpi(&tpm, pieces, count);
}

/* The file of `bootindex`; nothing without one. */
static void measure_boot_order(void)
{
    uint32_t len;
    const char *order = fwcfg_load("bootorder", BOOTORDER_MAX, &len);

    if (order && *order)
        (void)tcg_measure_bytes(&tpm, TCG_BOOT_ORDER, order, len);
}

/*
 * A machine whose measurements an OS can forge at the next boot, which no
 * firmware can prevent: the operator and a verifier are told.  In PCR 1, since
 * it is how the machine is set up.
 */
static void measure_smi_timers(void)
{
    if (!smi_timers_present())
        return;
    print("TPM: this machine's SMI timers outlive a reset, so an operating "
          "system can forge the next boot's measurements.  To take the timers "
          "away: -global ICH9-LPC.x-smi-swsmi-timer=off "
          "-global ICH9-LPC.x-smi-periodic-timer=off\n");
    (void)tcg_measure_action(&tpm, TCG_SMI_TIMERS, NULL);
}

void tpm_measure_platform(void)
{
    static const char version[] = "KeelBIOS " KEEL_VERSION;
    uint8_t *area = NULL;
    struct tcg_promise promised = promise();
    const void *image = overlay_image_start(), *table;
    struct tcg_piece code = { image, 0u - (uint32_t)image };
    struct tcg_digests digests;
    uint32_t size = 0, len;

    (void)tcg_cross_check(&tpm, &promised);     /* the hardware is believed */
    if (tpm.state != TCG_STARTED)
        return;
    /* The longest to hash, while the TPM tests itself: the next command has to
     * wait for that. */
    (void)tcg_hash(&tpm, &code, 1, &digests);
    if (!find_log(&area, &size))
        size = 0;
    (void)tcg_attach_log(&tpm, area, size);
    (void)tcg_measure_bytes(&tpm, TCG_CRTM_VERSION, version,
                            sizeof(version) - 1);
    (void)tcg_measure_taken(&tpm, TCG_POST_CODE, &digests, 0, NULL);
    table = smbios_table(&len);
    if (table)
        (void)tcg_measure_smbios(&tpm, table, len);
    measure_acpi();
    measure_boot_order();
    measure_smi_timers();
}

void tpm_before_third_party(void)
{
    (void)tcg_before_third_party(&tpm);
}

void tpm_print_status(void)
{
    char line[160];

    if (!tcg_usable(&tpm))
        return;
    tcg_status_line(&tpm, line, sizeof(line));
    print("%s\n", line);
}
