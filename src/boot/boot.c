/* SPDX-License-Identifier: MIT */
/*
 * Booting: the attempts, in the order that boot_post.c has left, and what
 * happens when one comes back.  Resident, since INT 18h and 19h may be called
 * by whatever was booted.
 *
 * The rule here is that what is measured is what runs: a boot sector is read
 * once, to where it runs, and measured there.
 *
 * BIOS Boot Specification 1.01, 4 and 6; El Torito 1.0.
 */
#include "boot/boot.h"

#include "boot/boot_list.h"
#include "boot/handover.h"
#include "core/gate.h"
#include "core/real.h"
#include "core/reset.h"
#include "core/v86.h"
#include "disk/disk.h"
#include "disk/eltorito.h"
#include "hw/pic.h"
#include "lib/print.h"
#include "lib/timer.h"
#include "measure/measure.h"
#include "measure/tpm.h"

#define SECTOR_ADDRESS      0x7c00u
#define SECTOR_MAGIC        0xaa55u
#define MBR_CODE_SIZE       440u        /* then disk signature and partitions */
#define SECTOR_MAGIC_AT     510u
#define CATALOG_ADDRESS     0x10000u    /* free before a loader runs */
#define BOOT_MAGIC          0xaa55u     /* AX for whatever is booted */
#define DISK_READ           0x02u       /* INT 13h AH */

/* pnp_entry.S: calls EBX (a far pointer) and does INT 18h if it returns. */
extern char boot_call_vector[];

struct boot_state boot_state;

/*
 * Go to cs:ip with the registers a boot sector or boot entry expects.  It
 * does not come back: what returns does so by INT 18h.
 */
static NORETURN void enter(uint16_t cs, uint16_t ip, uint8_t drive,
                           uint32_t ebx)
{
    struct bregs r = {
        .cs = cs, .ip = ip, .ax = BOOT_MAGIC, .dx = drive, .ebx = ebx,
        .flags = FLAG_IF,
    };

    debug("Booting from %04x:%04x\n", ebx ? ebx >> 16 : cs,
          ebx ? ebx & 0xffff : ip);
    jump16(&r);
}

/* Through INT 13h, so that the disk may be an option ROM's. */
static bool read_sector(uint8_t number)
{
    struct bregs r = {
        .ax = DISK_READ << 8 | 1, .bx = SECTOR_ADDRESS, .cx = 1,
        .dx = number,
    };

    call16_int(0x13, &r);
    return !(r.flags & FLAG_CF);
}

/* An attempt begins; the text names the device for the log. */
static void measure_attempt(const struct boot_entry *e)
{
    static const uint8_t events[] = {
        [BOOT_FLOPPY] = TCG_BOOT_BCV, [BOOT_HDD] = TCG_BOOT_BCV,
        [BOOT_CD] = TCG_BOOT_CD, [BOOT_BEV] = TCG_BOOT_BEV,
    };
    bool disk = e->kind == BOOT_FLOPPY || e->kind == BOOT_HDD;
    char name[16];

    format(name, sizeof(name), "%02Xh (%s)", e->number,
           e->kind == BOOT_HDD ? "HDD" : "Floppy");
    measure(events[e->kind], NULL, 0, 0, disk ? name : e->name);
}

/* Returns when there is nothing to boot. */
static void boot_disk(const struct boot_entry *e)
{
    const uint8_t *sector = (const uint8_t *)SECTOR_ADDRESS;
    bool floppy = e->kind == BOOT_FLOPPY;

    print("Booting from %s...\n", floppy ? "Floppy" : "Hard Disk");
    measure_attempt(e);
    if (!read_sector(e->number)) {
        print("Boot failed: could not read the boot disk\n\n");
        return;
    }
    if ((sector[SECTOR_MAGIC_AT] | sector[SECTOR_MAGIC_AT + 1] << 8) !=
        SECTOR_MAGIC && !(floppy && boot_state.any_floppy_sector)) {
        print("Boot failed: not a bootable disk\n\n");
        return;
    }
    measure(TCG_IPL_MBR, sector, MBR_CODE_SIZE, 0, NULL);
    measure(TCG_PARTITION_TABLE, sector + MBR_CODE_SIZE,
            SECTOR_SIZE - MBR_CODE_SIZE, 0, NULL);
    if (!floppy)
        measure_disk_boot_code(disk_by_number(e->number), sector);
    enter(0, SECTOR_ADDRESS, e->number, 0);
}

static void boot_cd(const struct boot_entry *e)
{
    struct drive *cd = disk_by_number(e->number);
    uint8_t *catalog = (uint8_t *)CATALOG_ADDRESS;
    struct eltorito boot;
    void *image;
    uint32_t len;

    print("Booting from DVD/CD...\n");
    measure_attempt(e);
    if (!cd || eltorito_find(cd, &boot, catalog) < 0)
        goto failed;
    measure(TCG_BOOT_CATALOG, catalog, CD_SECTOR_SIZE, 0, NULL);
    if (eltorito_load(&boot, &image, &len) < 0)
        goto failed;
    measure(TCG_IPL_CD, image, len, 0, NULL);
    measure_cd_boot_code(&boot, image, len);
    /* The customary 07C0h becomes 0000:7C00, as loaders like it. */
    enter(boot.load_segment & 0xf000,
          (uint16_t)((boot.load_segment & 0xfff) << 4), boot.drive, 0);

failed:
    print("Boot failed: could not boot from the CD\n\n");
}

/* Returns when the kernel of -kernel cannot be started. */
static void boot_bev(const struct boot_entry *e)
{
    print("Booting from ROM...\n");
    measure_attempt(e);
    if (!(e->entry.seg | e->entry.off)) {
        linux_boot(boot_state.next == 1);
        return;
    }
    enter(SEG_BIOS, (uint16_t)(uint32_t)boot_call_vector, 0,
          (uint32_t)e->entry.seg << 16 | e->entry.off);
}

/* Milliseconds in which interrupts are served. */
static void idle_ms(uint32_t ms)
{
    while (ms) {
        uint32_t step = ms < 1000 ? ms : 1000;
        struct deadline d = timer_deadline_ms(step);

        while (!timer_expired(&d))
            yield_halt();
        ms -= step;
    }
}

static NORETURN void boot_nothing(void)
{
    uint32_t ms = boot_state.retry_ms;

    if (ms == UINT32_MAX) {
        print("No bootable device.\n");
        for (;;)
            yield_halt();
    }
    print("No bootable device.  Retrying in %u seconds.\n", ms / 1000);
    idle_ms(ms);
    print("Rebooting.\n");
    platform_reset();
}

static NORETURN void boot_next(void)
{
    while (boot_state.next < boot_state.count) {
        const struct boot_entry *e = &boot_state.list[boot_state.next++];

        switch (e->kind) {
        case BOOT_FLOPPY:
        case BOOT_HDD:
            boot_disk(e);
            break;
        case BOOT_CD:
            boot_cd(e);
            break;
        case BOOT_BEV:
            boot_bev(e);
            break;
        }
    }
    boot_nothing();
}

void boot(void)
{
    boot_state.next = 0;
    boot_next();
}

static void boot_after_18(void)
{
    eltorito_stop();
    measure_action(TCG_RETURN_INT18);
    boot_next();
}

static void boot_after_19(void)
{
    eltorito_stop();
    measure_action(TCG_RETURNED_INT19);
    boot_state.next = 0;
    boot_next();
}

/*
 * The boot is over, or is to begin anew.  The caller is gone for good, so its
 * place on the resident stack is free.  Before POST's end there is no boot:
 * whoever wants one (an option ROM) is taken to have done its work, and POST
 * goes on where it had called it.  Under a monitor (virtual-8086 mode) the
 * whole machine begins anew.
 */
static NORETURN void go_on(uint8_t vector, void (*next)(void))
{
    static bool said;

    if (v86_call)
        platform_reset();       /* its system, which is gone, has the memory */
    pic_eoi_all();              /* it may have been a hook of the tick */
    if (gate_passed(GATE_BOOT))
        drive_finish_first(next);
    if (!said)
        print("An option ROM asked for the boot (INT %02Xh) before POST has "
              "ended: not yet; its call ends here\n", vector);
    said = true;
    real_end_call();
}

void handle_18(struct bregs *r)
{
    (void)r;
    go_on(0x18, boot_after_18);
}

void handle_19(struct bregs *r)
{
    (void)r;
    go_on(0x19, boot_after_19);
}
