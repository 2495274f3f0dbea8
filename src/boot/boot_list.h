/* SPDX-License-Identifier: MIT */
/*
 * What boot_post.c (POST) leaves for boot.c (resident), and what the menu
 * works on.  Nobody else includes this.
 */
#ifndef BOOT_LIST_H
#define BOOT_LIST_H

#include "boot/boot.h"
#include "disk/block.h"

#define BOOT_NAME_SIZE      77u         /* one line of the menu, with NUL */
#define BOOT_LIST_MAX       32u

enum boot_kind { BOOT_FLOPPY, BOOT_HDD, BOOT_CD, BOOT_BEV };

/* An attempt to boot, after POST. */
struct boot_entry {
    uint8_t kind;               /* enum boot_kind */
    uint8_t number;             /* drive number; not for BEVs */
    struct farptr entry;        /* BEVs only */
    char name[65];              /* as long as the event log takes it */
};

/* Resident state; list is in the high zone. */
struct boot_state {
    struct boot_entry *list;
    uint8_t count, next;
    bool any_floppy_sector;     /* a floppy needs no 55AA at its end */
    uint32_t retry_ms;          /* UINT32_MAX: stay */
};
extern struct boot_state boot_state;

/* A bootable thing while POST still sorts: temp zone. */
struct boot_candidate {
    struct boot_candidate *next;
    uint8_t class;              /* enum boot_class */
    int priority;               /* lower is earlier */
    struct drive *drive;        /* or NULL: */
    struct farptr entry;
    char name[BOOT_NAME_SIZE];
};

/* bootmenu.c: let a person put one candidate first. Returns the new list. */
struct boot_candidate *bootmenu_run(struct boot_candidate *list);

#endif
