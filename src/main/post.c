/* SPDX-License-Identifier: MIT */
/*
 * Power-on self-test: the machine's start from first instruction in C to the
 * first boot attempt, as a table of contents.  The order carries the root of
 * trust: the TPM is started before anything is read from the host but the
 * memory map, and no code that is not ours runs before the firmware itself,
 * SMBIOS and ACPI are measured (docs/architecture.md).
 */
#include "boot/boot.h"
#include "boot/drives.h"
#include "boot/handover.h"
#include "boot/optionrom.h"
#include "boot/pmm.h"
#include "boot/pnp.h"
#include "core/alloc.h"
#include "core/layout.h"
#include "core/real.h"
#include "core/v86.h"
#include "fw/acpi.h"
#include "fw/e820.h"
#include "fw/fwcfg.h"
#include "fw/mptable.h"
#include "fw/pirtable.h"
#include "fw/smbios.h"
#include "fw/smp.h"
#include "generated/version.h"
#include "hw/chipset.h"
#include "hw/shadow.h"
#include "hw/smm.h"
#include "lib/io.h"
#include "lib/print.h"
#include "main/gates.h"
#include "main/post.h"
#include "measure/mor.h"
#include "measure/tpm.h"
#include "pci/pci_setup.h"
#include "services/services.h"
#include "tpm/steps.h"

#define SERCON_DEFAULT_PORT 0x3f8u

/* Which serial port shows the console: what the host asks for; otherwise the
 * first one when there is no display and no ROM that would do the same. */
static uint16_t sercon_port(void)
{
    bool wanted = fwcfg_read16(FWCFG_NOGRAPHIC) != 0 &&
                  !fwcfg_find("vgaroms/sgabios.bin");

    return (uint16_t)fwcfg_number("etc/sercon-port",
                                  wanted ? SERCON_DEFAULT_PORT : 0);
}

/* A step that is there (in the overlay) and needed only with a TPM. */
static void with_tpm(void (*step)(void))
{
    if (tpm_present())
        step();
}

/* Memory, vectors and timers: what everything else stands on. */
static void start_foundation(void)
{
    static char early_text[2048];
    uint32_t ram_end;

    print_hold(early_text, sizeof(early_text));
    debug("KeelBIOS %s\n", KEEL_VERSION);
    pm_setup_early();           /* the clock, for every time-out */
    smi_off_early();
    if (!fwcfg_init())
        print("fw_cfg: no such device; memory size from CMOS, defaults for "
              "all else\n");
    ram_end = e820_init();
    memory_overwrite();
    alloc_init(ram_end);
    chipset_note_start();       /* before the 8259s, which forget its IRQ 1 */
    interrupts_init();
}

/* Devices get resources; the slow ones are started and not waited for. */
static void start_devices(void)
{
    smp_start();
    pci_setup();
    drives_start();
    keyboard_start();
}

/* What an operating system reads about the machine. */
static void make_tables(void)
{
    acpi_load();
    smbios_load();
    smp_finish();
    pirtable_setup();
    mptable_setup();
    bios32_setup();
}

/* -kernel, which this firmware or an option ROM starts. */
static void set_up_kernel(void)
{
    bool rom_kernel = handover_setup();

    if (tpm_present())
        tpm_kernel_setup(rom_kernel);
}

/* Before code that is not ours: services for virtual-8086 mode, and SMRAM is
 * closed. */
static void set_up_smm(void)
{
    v86_stacks = malloc_high_raw(V86_SLOTS * V86_STACK, 16);
    if (smm_setup(v86_stacks))
        return;
    free_zone(v86_stacks);
    v86_stacks = NULL;
    debug("No SMI by port B2h (smm=off, or acpi=off on pc): under a memory "
          "manager such as JEMMEX or EMM386, DOS finds no disk and no "
          "keyboard.  Leave out that switch, or the memory manager\n");
}

/* Code from cards and from the host, measured and then run. */
static void run_option_roms(void)
{
    uint16_t port = sercon_port();

    pnp_setup();
    pmm_setup();
    vga_rom_run();
    if (port)
        sercon_setup(port);
    print_console(console_put);
    drives_finish_usb();        /* a person may have to answer now */
    with_tpm(tpm_print_status);
    with_tpm(tpm_admin_run);
    set_up_kernel();
    option_roms_run();
}

/* After this only what the boot needs is left of POST. */
static void finish(void)
{
    option_roms_finish();
    pmm_finish();
    e820_finish(alloc_finish());
    pam_lock();
    pci_use_mmcfg(0);
}

void post(void)
{
    start_foundation();
    if (tpm_find(true))
        tpm_start();
    start_devices();
    make_tables();
    if (!tpm_present())
        tpm_check_absence();
    with_tpm(tpm_measure_platform);
    with_tpm(tpm_admin_capture);
    set_up_smm();
    gate_roms();
    run_option_roms();
    keyboard_finish();
    drives_finish();
    if (tpm_present())
        boot_tpm_menu = tpm_menu_show;
    boot_prepare();
    finish();
    real_restart(gate_boot);
}
