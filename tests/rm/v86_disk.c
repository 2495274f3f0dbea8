/* SPDX-License-Identifier: MIT */
/*
 * INT 13h for a program in virtual-8086 mode, on all drives.
 *
 * On the media, 32-bit word i of 512-byte unit u holds BASE + 128 u + i, but
 * unit NAMED begins with the drive's name.
 */
#include "v86_guest.h"

#define BASE            0x5a000000u
#define NAMED           190
#define FIRST           250
#define WRITTEN         1500
#define BUF             0x20000u
#define OTHER           0x40000u
#define LAZY            (upper() + 0x4000)
#define READ_ONLY       (upper() + 0x6000)
#define SUPERVISOR      (upper() + 0x8000)
#define HIGH            (upper() + 0xa000)
#define HMA             0x10f000u
#define WRAPPED         0x00f000u       /* where that is with A20 closed */

struct packet {
    uint8_t size, reserved;
    uint16_t count, offset, segment;
    uint64_t lba, address;
} __attribute__((packed));

static uint32_t unit;                   /* 512-byte units of a sector */
static char name[16];
static uint8_t booted;

static bool holds(uint32_t at, uint32_t first, uint32_t units)
{
    for (uint32_t i = 0; i < units * 128; i++)
        if (peek(at + 4 * i) != BASE + first * 128 + i)
            return false;
    return true;
}

static bool all(uint32_t at, uint32_t len, uint32_t v)
{
    for (uint32_t i = 0; i < len; i += 4)
        if (peek(at + i) != v)
            return false;
    return true;
}

static void fill(uint32_t at, uint32_t len, uint32_t v)
{
    for (uint32_t i = 0; i < len; i += 4)
        poke(at + i, v);
}

/* A packet call, the packet at that place (0: ours). */
static struct regs packet_at(uint32_t place, uint8_t ah, uint32_t units_lba,
                             uint16_t units, uint32_t at)
{
    static struct packet ours;
    struct packet p = {
        16, 0, units / unit, at & 15, at >> 4, units_lba / unit, 0 };
    uint32_t where = place ? place : (uint32_t)&ours;
    struct regs r = { .eax = ah << 8, .edx = drive | 0x5a00,
                      .ds = where >> 4, .esi = HIGH_HALF | (where & 15) };

    if (at >= 0x100000) {
        p.segment = 0xffff;
        p.offset = at - 0xffff0;
    }
    for (unsigned i = 0; i < sizeof(p); i += 4)
        poke(where + i, ((uint32_t *)&p)[i / 4]);
    call(0x13, &r, RESULT_AX);
    return r;
}

static struct regs packet(uint8_t ah, uint32_t lba, uint16_t units,
                          uint32_t at)
{
    return packet_at(0, ah, lba, units, at);
}

static bool served(const struct regs *r)
{
    return !r->fault && !carry(r) && ah(r) == 0;
}

static bool refused(const struct regs *r)
{
    return !r->fault && carry(r) && ah(r) != 0;
}

static void read_check(const char *what, uint32_t lba, uint16_t units,
                       uint32_t at)
{
    struct regs r;

    fill(at, units * 512, 0);
    r = packet(0x42, lba, units, at);
    check(served(&r) && holds(at, lba, units), what, &r);
}

/* The sector number as cylinder, head, sector in CX, DH. */
static struct regs chs(uint8_t ah, uint8_t count, uint32_t lba, uint32_t at)
{
    struct regs g = { .eax = 0x0800, .edx = HIGH_HALF | drive };
    uint32_t heads, spt, c;
    struct regs r = { .eax = ah << 8 | count };

    call(0x13, &g, RESULT_AX | RESULT_BX | RESULT_CX | RESULT_DX | RESULT_DI |
         RESULT_ES);
    heads = (g.edx >> 8 & 0xff) + 1;
    spt = g.ecx & 63;
    if (carry(&g) || g.fault || !spt)
        return g;
    c = lba / spt / heads;
    r.ecx = (c & 0xff) << 8 | (c >> 2 & 0xc0) | (lba % spt + 1);
    r.edx = HIGH_HALF | (lba / spt % heads) << 8 | drive;
    r.es = at >> 4;
    r.ebx = HIGH_HALF | (at & 15);
    if (at >= 0x100000) {
        r.es = 0xffff;
        r.ebx = HIGH_HALF | (at - 0xffff0);
    }
    call(0x13, &r, RESULT_AX);
    return r;
}

static void chs_check(const char *what, uint32_t lba, uint8_t count,
                      uint32_t at)
{
    struct regs r;

    fill(at, count * 512, 0);
    r = chs(0x02, count, lba, at);
    check(!r.fault && !carry(&r) && holds(at, lba, count), what, &r);
}

static void test_chs(void)
{
    struct regs r;

    chs_check("02h", FIRST, 1, BUF);
    chs_check("02h to an odd address", FIRST + 1, 2, BUF + 0x4f7);
    chs_check("02h over pages", FIRST + 3, 3, upper() + 0xe01);
    chs_check("02h over many pages", FIRST, 17, upper() + 0x1f3);
    fill(BUF, 512, 0x11223344);
    fill(upper() + 0xf03, 512, 0x55667788);
    r = chs(0x03, 1, WRITTEN, upper() + 0xf03);
    check(!r.fault && !carry(&r), "03h", &r);
    r = chs(0x02, 1, WRITTEN, BUF);
    check(!r.fault && !carry(&r) && all(BUF, 512, 0x55667788), "03h wrote",
          &r);
    r = chs(0x04, 1, WRITTEN, BUF);
    check(!r.fault && !carry(&r), "04h", &r);
    r = (struct regs){ .eax = 0x0100, .edx = drive | 0x5a00 };
    call(0x13, &r, RESULT_AX);
    check(!r.fault && !carry(&r), "01h", &r);
    r = (struct regs){ .eax = 0x1500, .edx = drive | 0x5a00 };
    call(0x13, &r, RESULT_AX | RESULT_CX | RESULT_DX);
    check(!r.fault && !carry(&r) && ah(&r), "15h", &r);
    r = (struct regs){ .eax = 0x0000, .edx = drive | 0x5a00 };
    call(0x13, &r, RESULT_AX);
    check(served(&r), "00h", &r);
}

/* What the caller may not touch is an error, and stays. */
static void test_forbidden_chs(void)
{
    struct regs r;

    page_is(LAZY, PAGE_LAZY);
    r = chs(0x02, 1, FIRST, LAZY + 0x10);
    check(!r.fault && !carry(&r) && holds(LAZY + 0x10, FIRST, 1),
          "02h brings a page", &r);
    fill(READ_ONLY, 0x1000, 0x600d600d);
    page_is(READ_ONLY, PAGE_READ_ONLY);
    r = chs(0x02, 1, FIRST, READ_ONLY + 1);
    check(refused(&r) && all(READ_ONLY, 0x1000, 0x600d600d),
          "02h to a read-only page", &r);
    page_is(READ_ONLY, PAGE_NORMAL);
}

static void test_packets(void)
{
    struct regs r = { .eax = 0x4100, .ebx = 0x55aa, .edx = drive | 0x5a00 };
    static struct packet p;

    call(0x13, &r, RESULT_AX | RESULT_BX | RESULT_CX);
    check(!r.fault && !carry(&r) && (uint16_t)r.ebx == 0xaa55, "41h", &r);
    read_check("42h", FIRST + 2, 4, BUF);
    read_check("42h to an odd address", 300, 8, BUF + 1);
    read_check("42h over 64 KiB", 300, 8, 0x2f801);
    read_check("42h over pages", 400, 24, upper() + 0x10f5);
    read_check("42h over many pages", 500, 100, upper() + 0x7);
    read_check("42h to the end of upper memory", 600, 8, upper() + 0xeff1);
    read_check("42h over pages, even", 620, 16, upper() + 0x2ff8);
    fill(upper() + 0x2fff, 2048, 0xc0ffee00 + drive);
    r = packet(0x43, WRITTEN + 4, 4, upper() + 0x2fff);
    check(served(&r), "43h", &r);
    fill(BUF, 2048, 0);
    r = packet(0x42, WRITTEN + 4, 4, BUF);
    check(served(&r) && all(BUF, 2048, 0xc0ffee00 + drive), "43h wrote", &r);
    r = packet(0x44, FIRST + 2, 4, 0);
    check(served(&r), "44h", &r);
    r = packet(0x47, FIRST + 2, 4, 0);
    check(served(&r), "47h", &r);
    r = packet_at(upper() + 0xff9, 0x42, FIRST + 2, 4, upper() + 0x3ffd);
    check(served(&r) && holds(upper() + 0x3ffd, FIRST + 2, 4),
          "42h by a packet over pages", &r);
    fill(upper() + 0x1ff0, 32, 0);
    poke(upper() + 0x1ff1, 0x1e);
    r = (struct regs){ .eax = 0x4800, .edx = drive | 0x5a00,
                       .ds = (upper() + 0x1ff0) >> 4, .esi = 1 };
    call(0x13, &r, RESULT_AX);
    check(served(&r) && (peek(upper() + 0x1ff1 + 24) & 0xffff) == 512 * unit,
          "48h over pages", &r);
    fill(upper() + 0x9001, 2048, 0);
    p = (struct packet){ 24, 0, 4 / unit, 0xffff, 0xffff, 252 / unit,
                          upper() + 0x9001 };
    r = (struct regs){ .eax = 0x4200, .edx = drive | 0x5a00,
                       .esi = (uint32_t)&p };
    call(0x13, &r, RESULT_AX);
    check(served(&r) && holds(upper() + 0x9001, 252, 4),
          "42h by 64-bit address", &r);
    p = (struct packet){ 24, 0, 4 / unit, 0xffff, 0xffff, 252 / unit,
                          0x120000 };
    r = (struct regs){ .eax = 0x4200, .edx = drive | 0x5a00,
                       .esi = (uint32_t)&p };
    call(0x13, &r, RESULT_AX);
    check(refused(&r), "42h beyond the guest's memory", &r);
    r = packet(0x42, 0xfffffff0, 4, BUF);
    check(refused(&r), "42h beyond the end", &r);
}

static void forbidden(const char *what, const char *across, uint32_t page,
                      uint32_t kind, uint32_t lba)
{
    struct regs r, s;
    bool good;

    fill(page - 0x1000, 0x3000, 0x600d600d);
    page_is(page, kind);
    r = packet(0x42, lba, 4, page + 0x201);
    s = packet(0x42, lba, 8, page - 0x7ff);
    page_is(page, PAGE_NORMAL);
    good = all(page, 0x2000, 0x600d600d);
    check(refused(&r) && good, what, &r);
    check(refused(&s) && good, across, &s);
}

static void test_forbidden_reads(uint32_t lba)
{
    struct regs r;

    page_is(LAZY, PAGE_LAZY);
    page_is(LAZY + 0x1000, PAGE_LAZY);
    r = packet(0x42, lba, 12, LAZY - 0x403);
    check(served(&r) && holds(LAZY - 0x403, lba, 12), "42h brings pages", &r);
    forbidden("42h to a read-only page", "42h into a read-only page",
              READ_ONLY, PAGE_READ_ONLY, lba);
    forbidden("42h to a supervisor page", "42h into a supervisor page",
              SUPERVISOR, PAGE_SUPERVISOR, lba);
    if ((mode & MODE_PAGING) == PAGING_PAE)
        forbidden("42h to a page above 4 GiB", "42h into a page above 4 GiB",
                  HIGH, PAGE_HIGH, lba);
}

static void test_forbidden(void)
{
    struct regs r;

    test_forbidden_reads(FIRST + 2);
    /* Written from, a read-only page is one like others. */
    fill(READ_ONLY, 2048, 0xfeed0000);
    page_is(READ_ONLY, PAGE_READ_ONLY);
    r = packet(0x43, WRITTEN + 8, 4, READ_ONLY);
    page_is(READ_ONLY, PAGE_NORMAL);
    check(served(&r), "43h from a read-only page", &r);
    fill(SUPERVISOR, 2048, 0xbad0bad0);
    page_is(SUPERVISOR, PAGE_SUPERVISOR);
    r = packet(0x43, WRITTEN + 8, 4, SUPERVISOR);
    page_is(SUPERVISOR, PAGE_NORMAL);
    check(refused(&r), "43h from a supervisor page", &r);
    r = packet(0x42, WRITTEN + 8, 4, BUF);
    check(served(&r) && all(BUF, 2048, 0xfeed0000), "43h did not write", &r);
    page_is(SUPERVISOR, PAGE_SUPERVISOR);
    r = (struct regs){ .eax = 0x4200, .edx = drive | 0x5a00,
                       .ds = SUPERVISOR >> 4, .esi = 0x20 };
    call(0x13, &r, RESULT_AX);
    check(refused(&r), "42h by a packet in a supervisor page", &r);
    r = (struct regs){ .eax = 0x4800, .edx = drive | 0x5a00,
                       .ds = SUPERVISOR >> 4, .esi = 0x20 };
    call(0x13, &r, RESULT_AX);
    check(refused(&r), "48h to a supervisor page", &r);
    page_is(SUPERVISOR, PAGE_NORMAL);
}

/* Above 1 MiB, and where that is while the monitor has A20 closed. */
static void test_a20(void)
{
    struct regs r;

    fill(WRAPPED, 2048, 0xabababab);
    read_check("42h above 1 MiB", FIRST + 2, 4, HMA);
    check(all(WRAPPED, 2048, 0xabababab), "42h above 1 MiB only", NULL);
    monitor_call(CALL_A20, 0, 0);
    fill(WRAPPED, 2048, 0xcdcdcdcd);
    r = packet(0x42, 304, 4, HMA);
    check(served(&r) && holds(WRAPPED, 304, 4), "42h with A20 closed", &r);
    monitor_call(CALL_A20, 1, 0);
    check(holds(HMA, FIRST + 2, 4), "42h with A20 closed only", NULL);
}

/* Sectors of 2048 bytes, only to read. */
static void test_cd(void)
{
    struct regs r = { .eax = 0x4100, .ebx = 0x55aa, .edx = drive | 0x5a00 };

    call(0x13, &r, RESULT_AX | RESULT_BX | RESULT_CX);
    check(!r.fault && !carry(&r) && (uint16_t)r.ebx == 0xaa55, "41h", &r);
    read_check("42h", 300, 4, BUF);
    read_check("42h to an odd address", 304, 8, BUF + 1);
    read_check("42h over pages", 400, 24, upper() + 0x10f5);
    read_check("42h over many pages", 500, 100, upper() + 0x7);
    if (pages())
        test_forbidden_reads(300);
}

/* Is there a drive, and what?  Asked in this mode, too. */
static bool identify(uint8_t number)
{
    struct regs r;

    drive = number;
    about = "probe";
    unit = number >= 0xe0 ? 4 : 1;
    name[0] = 0;
    if (number < 0x80) {
        r = chs(0x02, 1, NAMED, BUF);
        if (r.fault || carry(&r))
            return false;
    } else {
        r = packet(0x42, NAMED / unit * unit, unit, BUF);
        if (number == booted)
            check(served(&r), "boot disk", &r);
        if (r.fault || carry(&r))
            return false;
    }
    for (unsigned i = 0; i < sizeof(name) - 1; i++)
        name[i] = peek(BUF + (NAMED % unit) * 512 + i);
    if (name[0] < 'a' || name[0] > 'z')
        return false;
    about = name;
    return true;
}

void test_disks(void)
{
    booted = drive;
    for (unsigned i = 0x80; i < 0x90; i++) {
        if (!identify(i))
            continue;
        test_chs();
        test_packets();
        if (pages()) {
            test_forbidden_chs();
            test_forbidden();
            test_a20();
        }
    }
    for (unsigned i = 0xe0; i < 0xe2; i++)
        if (identify(i))
            test_cd();
    if (identify(0)) {
        test_chs();
        if (pages())
            test_forbidden_chs();
    }
    drive = booted;
}
