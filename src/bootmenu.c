/* SPDX-License-Identifier: MIT */
/*
 * The boot menu: "Press ESC for boot menu.", and a list to pick from, on
 * whatever the console is.  POST only.
 *
 * The inputs and the look are those that users of QEMU know: -boot menu=on,
 * splash-time, and the fw_cfg files named below.
 */
#include "boot_list.h"

#include "err.h"
#include "fw/fwcfg.h"
#include "print.h"
#include "services.h"
#include "tpm.h"

#define MESSAGE_MAX         0x1000u     /* bytes of etc/boot-menu-message */
#define WAIT_MS             2500u       /* default of etc/boot-menu-wait */
#define SCAN_ESC            0x01u       /* default of etc/boot-menu-key */
#define KEY_WAIT_MS         1000u
#define ASCII_ESC           0x1bu

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

/* Until the TPM side brings its menu, tcg_menu_available() is false. */
__attribute__((weak)) void tcg_menu_show(void)
{
}

/* The invitation; any other key than the menu's ends the wait. */
static bool is_asked_for(void)
{
    uint32_t wait_ms = (uint32_t)fwcfg_number("etc/boot-menu-wait", WAIT_MS);
    uint8_t menu_key = (uint8_t)fwcfg_number("etc/boot-menu-key", SCAN_ESC);
    uint32_t size;
    const char *text = NULL;
    int key;

    if (fwcfg_find("etc/boot-menu-message"))
        text = fwcfg_load("etc/boot-menu-message", MESSAGE_MAX, &size);
    key_flush();
    print("%s", text ? text : "\nPress ESC for boot menu.\n\n");
    key = key_read(wait_ms);
    return key >= 0 && (uint8_t)(key >> 8) == menu_key;
}

static void show(const struct boot_candidate *list)
{
    size_t n = 0;

    print("Select boot device:\n\n");
    for (; list && n < sizeof(keys) - 1; list = list->next)
        print("%c. %.76s\n", keys[n++], list->name);
    if (tcg_menu_available())
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
    measure_setup_entered();
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
        if (ascii == 't' && tcg_menu_available()) {
            print("\n");
            tcg_menu_show();
            show(list);
            continue;
        }
        c = take(&list, ascii);
        if (c) {
            measure_boot_intervention();
            c->priority = 0;            /* before every line, and HALT */
            c->next = list;
            list = c;
            break;
        }
    }
    print("\n");
    return list;
}
