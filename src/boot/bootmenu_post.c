/* SPDX-License-Identifier: MIT */
/*
 * The boot menu: "Press ESC for boot menu.", and a list to pick from, on
 * whatever the console is.  POST only.
 *
 * The inputs and the look are those that users of QEMU know: -boot menu=on,
 * splash-time, and the fw_cfg files named below.
 */
#include "boot/boot_list.h"

#include <string.h>

#include "core/alloc.h"
#include "fw/fwcfg.h"
#include "lib/err.h"
#include "lib/print.h"
#include "measure/measure.h"
#include "measure/tpm.h"
#include "services/services.h"

#define MESSAGE_MAX         0x1000u     /* bytes of etc/boot-menu-message */
#define WAIT_MS             2500u       /* default of etc/boot-menu-wait */
#define SCAN_ESC            0x01u       /* default of etc/boot-menu-key */
#define KEY_WAIT_MS         1000u
#define ASCII_ESC           0x1bu
#define VOLUME_SECTOR       16u
#define VOLUME_NAME_AT      40u
#define VOLUME_NAME_LEN     32u

/* What etc/show-boot-menu (else fw_cfg item 0Eh) says. */
enum { MENU_OFF, MENU_ON, MENU_UNLESS_ALONE };

/* The keys of the entries, in order; t is the TPM's. */
static const char keys[] = "123456789abcdefghijklmnopqrsuvwxyz";

static bool is_wanted(const struct boot_candidate *list)
{
    uint64_t mode = fwcfg_number("etc/show-boot-menu",
                                 fwcfg_read16(FWCFG_BOOT_MENU));

    if (mode == MENU_UNLESS_ALONE)
        return list && list->next;
    return mode != MENU_OFF;
}

/*
 * The invitation; any other key than the menu's ends the wait.  A negative time
 * is for ever: the menu is shown at once, and waits for a choice.
 */
static bool is_asked_for(void)
{
    int32_t wait_ms = (int32_t)fwcfg_number("etc/boot-menu-wait", WAIT_MS);
    uint8_t menu_key = (uint8_t)fwcfg_number("etc/boot-menu-key", SCAN_ESC);
    uint32_t size;
    const char *text = NULL;
    int key;

    if (wait_ms < 0)
        return true;
    if (fwcfg_find("etc/boot-menu-message"))
        text = fwcfg_load("etc/boot-menu-message", MESSAGE_MAX, &size);
    key_flush();
    print("%s", text ? text : "\nPress ESC for boot menu.\n\n");
    key = key_read((uint32_t)wait_ms);
    return key >= 0 && (uint8_t)(key >> 8) == menu_key;
}

/*
 * The name of the medium in a CD drive, " (NAME)", as a help to choose; empty
 * when there is none.  ECMA-119, 8.4: primary volume descriptor.
 */
static void medium_name(const struct boot_candidate *c, char *text, size_t cap)
{
    uint8_t *sector;
    char name[VOLUME_NAME_LEN + 1];
    size_t len = 0;

    text[0] = '\0';
    if (c->class != CLASS_CD || drive_ready(c->drive) < 0)
        return;
    sector = malloc_temp(CD_SECTOR_SIZE, 16);
    if (!sector)
        return;
    if (drive_read(c->drive, VOLUME_SECTOR, 1, sector) == 0 &&
        memcmp(sector + 1, "CD001", 5) == 0) {
        for (size_t i = 0; i < VOLUME_NAME_LEN; i++) {
            uint8_t b = sector[VOLUME_NAME_AT + i];

            name[i] = b >= 0x20 && b < 0x7f ? (char)b : ' ';
            if (name[i] != ' ')
                len = i + 1;
        }
        name[len] = '\0';
        if (len)
            format(text, cap, " (%s)", name);
    }
    free_zone(sector);
}

void (*boot_tpm_menu)(void);

static bool tpm_menu_works(void)
{
    return boot_tpm_menu && tcg_usable(&tpm);
}

static void show(const struct boot_candidate *list)
{
    char line[BOOT_NAME_SIZE], medium[VOLUME_NAME_LEN + 4];
    size_t n = 0;

    print("Select boot device:\n\n");
    for (; list && n < sizeof(keys) - 1; list = list->next) {
        medium_name(list, medium, sizeof(medium));
        format(line, sizeof(line), "%s%s", list->name, medium);
        print("%c. %s\n", keys[n++], line);
    }
    if (tpm_menu_works())
        print("\nt. TPM Configuration\n");
}

/* The entry whose key that is, unlinked from the list, or NULL. */
static struct boot_candidate *take(struct boot_candidate **list, char key)
{
    for (size_t n = 0; *list && n < sizeof(keys) - 1; n++) {
        struct boot_candidate *c = *list;

        if (keys[n] == key) {
            *list = c->next;
            return c;
        }
        list = &c->next;
    }
    return NULL;
}

struct boot_candidate *bootmenu_run(struct boot_candidate *list)
{
    if (!is_wanted(list) || !is_asked_for())
        return list;
    measure_action(TCG_SETUP_ENTERED);
    key_flush();
    show(list);
    for (;;) {
        int key = key_read(KEY_WAIT_MS);
        struct boot_candidate *c;
        char ascii;

        if (key < 0)
            continue;
        ascii = (char)key;
        if (ascii >= 'A' && ascii <= 'Z')
            ascii = (char)(ascii - 'A' + 'a');
        if (ascii == ASCII_ESC)
            break;
        if (ascii == 't' && tpm_menu_works()) {
            print("\n");
            boot_tpm_menu();
            show(list);
            continue;
        }
        c = take(&list, ascii);
        if (c) {
            measure_action(TCG_BOOT_INTERVENTION);
            c->priority = 0;            /* before every line, and HALT */
            c->next = list;
            list = c;
            break;
        }
    }
    print("\n");
    return list;
}
