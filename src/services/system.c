/* SPDX-License-Identifier: MIT */
/*
 * INT 11h, 12h and 15h: what the machine is, how much memory it has, and
 * services of the system.  Resident.
 *
 * The memory map is fw/e820.c's, waiting is in clock.c, the mouse in mouse.c,
 * power management in apm.c.
 *
 * IBM PS/2 BIOS Interface Technical Reference, INT 15h; ACPI 6.4, 15.1 (E820);
 * AMD BIOS and Kernel Developer's Guide, "Detect Target Operating Mode".
 */
#include "services/services.h"

#include <string.h>

#include "core/bda.h"
#include "core/caller.h"
#include "core/layout.h"
#include "core/real.h"
#include "core/v86.h"
#include "fw/e820.h"
#include "lib/io.h"
#include "measure/measure.h"
#include "services/apm.h"
#include "services/clock.h"
#include "services/mouse.h"

#define MIB                 0x100000u
#define RAM_END_MAX         0xffff0000u     /* what fits the answers */
#define E820_SIGNATURE      0x534d4150u     /* "SMAP" */
#define E820_ENTRY_SIZE     20u
#define EXTENDED_KIB_MAX    0xfc00u         /* AH=88h: 63 MiB */
#define E801_LOW_KIB        0x3c00u         /* 1 MiB to 16 MiB */

static void unsupported(struct bregs *r)
{
    r->ah = AH_UNSUPPORTED;
    set_cf(r, true);
}

static void success(struct bregs *r)
{
    r->ah = 0;
    set_cf(r, false);
}

void handle_11(struct bregs *r)
{
    r->ax = bda->equipment;
}

void handle_12(struct bregs *r)
{
    r->ax = bda->mem_kib;
}

/* --------------------------------------------------------------- A20 gate */

#define A20_PORT            0x92u
#define A20_PORT_ENABLE     (1u << 1)

/* entry.S opens the gate while C runs; whether it was closed, and so will be
 * closed again, it keeps behind the registers. */
static uint32_t *a20_was_closed(struct bregs *r)
{
    return (uint32_t *)((uint8_t *)r + ENTRY_A20);
}

/* AH=24h */
static void a20_service(struct bregs *r)
{
    switch (r->al) {
    case 0x00:
    case 0x01:
        if (v86_call)
            (void)v86_a20(r->al);       /* a monitor has the last word */
        else
            *a20_was_closed(r) = r->al == 0x00;
        success(r);
        break;
    case 0x02:
        success(r);
        r->al = v86_call ? v86_a20(2) : *a20_was_closed(r) == 0;
        r->cx = 0;
        break;
    case 0x03:
        success(r);
        r->bx = 0x0003;         /* by keyboard controller, by port 92h */
        break;
    default:
        unsupported(r);
        break;
    }
}

/* ------------------------------------------------------------------ memory */

/* Where the RAM that begins at or below 1 MiB ends; at least 1 MiB. */
static uint32_t ram_end(void)
{
    for (uint32_t i = 0; i < e820_count(); i++) {
        const struct e820_entry *e = e820_get(i);
        uint64_t end = e->base + e->size;

        if (e->type == E820_RAM && e->base <= MIB && end > MIB)
            return end >> 32 ? RAM_END_MAX : (uint32_t)end;
    }
    return MIB;
}

/* AH=88h */
static void extended_memory(struct bregs *r)
{
    uint32_t kib = (ram_end() - MIB) / 1024;

    r->ax = (uint16_t)(kib < EXTENDED_KIB_MAX ? kib : EXTENDED_KIB_MAX);
    set_cf(r, false);
}

static void memory_e801(struct bregs *r)
{
    uint32_t end = ram_end();
    uint32_t low_kib = (end - MIB) / 1024;

    r->cx = (uint16_t)(low_kib < E801_LOW_KIB ? low_kib : E801_LOW_KIB);
    r->dx = (uint16_t)(end > 16 * MIB ? (end - 16 * MIB) >> 16 : 0);
    r->ax = r->cx;
    r->bx = r->dx;
    set_cf(r, false);
}

static void memory_e820(struct bregs *r)
{
    const struct e820_entry *e;

    if (r->edx != E820_SIGNATURE || r->ecx < E820_ENTRY_SIZE ||
        r->ebx >= e820_count()) {
        unsupported(r);
        return;
    }
    e = e820_get(r->ebx);
    if (!caller_write(linear(r->es, r->di), e, E820_ENTRY_SIZE)) {
        unsupported(r);
        return;
    }
    r->eax = E820_SIGNATURE;
    r->ecx = E820_ENTRY_SIZE;
    r->ebx = r->ebx + 1 < e820_count() ? r->ebx + 1 : 0;
    set_cf(r, false);
}

/* A segment descriptor, as far as a block move looks at it. */
struct descriptor {
    uint16_t limit_low, base_low;
    uint8_t base_mid, access, flags, base_high;
} PACKED;

static uint32_t descriptor_base(const struct descriptor *d)
{
    return (uint32_t)d->base_high << 24 | (uint32_t)d->base_mid << 16 |
           d->base_low;
}

static uint32_t descriptor_limit(const struct descriptor *d)
{
    uint32_t limit = (uint32_t)(d->flags & 0x0f) << 16 | d->limit_low;

    return d->flags & 0x80 ? limit << 12 | 0xfff : limit;
}

/* Copy within the caller's memory. */
static bool move(uint32_t to, uint32_t from, uint32_t len)
{
    while (len) {
        uint32_t n = len;
        uint8_t *at = caller_span(from, &n, false);

        if (n == 0 || !caller_write(to, at, n))
            return false;
        from += n;
        to += n;
        len -= n;
    }
    return true;
}

/* AH=87h: CX words from the third to the fourth descriptor of ES:SI. */
static void block_move(struct bregs *r)
{
    struct descriptor table[4] = { { 0 } };
    const struct descriptor *src = table + 2, *dst = table + 3;
    uint32_t len = r->cx * 2u;

    (void)caller_read(table, linear(r->es, r->si), sizeof(table));
    r->ah = 0;
    if (len && (descriptor_limit(src) < len - 1 ||
                descriptor_limit(dst) < len - 1 ||
                !move(descriptor_base(dst), descriptor_base(src), len)))
        r->ah = 2;              /* the move would fault */
    set_cf(r, r->ah != 0);
    set_flag(r, FLAG_ZF, r->ah == 0);
}

/* ------------------------------------------------------------- the machine */

static const struct {
    uint16_t size;
    uint8_t model, submodel, revision, features[5];
} PACKED configuration = {
    .size = sizeof(configuration) - sizeof(configuration.size),
    .model = 0xfc,
    .submodel = 0x00,
    .revision = 0x01,
    .features = {
        0x74,   /* two 8259, RTC, INT 15h AH=4Fh is called, EBDA */
        0x40,   /* INT 16h AH=09h works */
    },
};

/* AH=C0h */
static void get_configuration(struct bregs *r)
{
    uint32_t at = (uint32_t)(uintptr_t)&configuration;

    r->es = (uint16_t)(at >> 4 & 0xf000);
    r->bx = (uint16_t)at;
    success(r);
}

/*
 * AX=EC00h: the caller will run in 32-bit (BL=1) or 64-bit mode (2), or both
 * (3).  Linux' setup code says so before it reads the memory map; its header
 * is then at DS:01F1h; what it says is measured from memory.
 */
static void target_mode(struct bregs *r)
{
    measure_linux_at(r->ds);
    r->ah = 0;
    set_cf(r, r->bl < 1 || r->bl > 3);
}

void handle_15(struct bregs *r)
{
    switch (r->ax) {
    case 0xe801:
        memory_e801(r);
        return;
    case 0xe820:
        memory_e820(r);
        return;
    case 0xec00:
        target_mode(r);
        return;
    }
    switch (r->ah) {
    case 0x24:
        a20_service(r);
        break;
    case 0x4f:                  /* keyboard intercept: take the key as it is */
        set_cf(r, true);
        break;
    case 0x52:                  /* a medium may be ejected */
    case 0x85:                  /* the SysReq key */
    case 0x90:                  /* a device is busy */
    case 0x91:                  /* it no longer is */
        success(r);
        break;
    case 0x53:
        apm_service(r);
        break;
    case 0x83:
        clock_event_wait(r);
        break;
    case 0x86:
        clock_wait(r);
        break;
    case 0x87:
        block_move(r);
        break;
    case 0x88:
        extended_memory(r);
        break;
    case 0xc0:
        get_configuration(r);
        break;
    case 0xc1:
        r->es = bda->ebda_seg;
        set_cf(r, false);
        break;
    case 0xc2:
        mouse_service(r);
        break;
    default:
        unsupported(r);
        break;
    }
}
