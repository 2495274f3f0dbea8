/* SPDX-License-Identifier: MIT */
/*
 * INT 13h as a boot loader sees it, from a disk, a CD or an emulated floppy
 * or disk.  Started by int13.S; runs in real mode (gcc -m16).
 *
 * On the medium, 32-bit word i of 512-byte unit u holds BASE + 128 u + i,
 * from unit FIRST on.  Each check is a line on port 402h: "ok NAME" or "FAIL
 * NAME" with what came instead; "done" is the last, and QEMU is ended through
 * port 501h.
 */
#include "real16.h"

#define BASE            0x5a000000u
#define FIRST           100u
#define SEG_BUF         0x2000u
#define BUF             (SEG_BUF << 4)
#define CANARY          0x12345678u

struct packet {
    uint8_t size, reserved;
    uint16_t count, offset, segment;
    uint64_t lba, address;
} __attribute__((packed));

static uint8_t drive = 1;
static uint32_t unit = 1;                       /* 512-byte units a sector */

/* A packet call; registers that are not results must come back. */
static struct regs packet_call(uint8_t ah, uint32_t units_lba, uint16_t units,
                               uint16_t segment, uint16_t offset)
{
    static struct packet p;
    struct regs r = {
        .eax = ah << 8, .ebx = CANARY, .ecx = CANARY, .edi = CANARY,
        .edx = CANARY << 8 | drive, .esi = (uint32_t)&p,
    };

    p = (struct packet){ 16, 0, (uint16_t)(units / unit), offset, segment,
                         units_lba / unit, 0 };
    interrupt(0x13, &r);
    if (r.ebx != CANARY || r.ecx != CANARY || r.edi != CANARY ||
        r.edx != (CANARY << 8 | drive) || r.esi != (uint32_t)&p || r.es ||
        r.ds)
        check(false, "registers preserved", &r);
    return r;
}

static bool holds(uint32_t at, uint32_t first, uint32_t units)
{
    for (uint32_t i = 0; i < units * 128; i++)
        if (peek(at + 4 * i) != BASE + first * 128 + i)
            return false;
    return true;
}

static void read_check(const char *name, uint32_t first, uint16_t units,
                       uint16_t segment, uint16_t offset)
{
    uint32_t at = (uint32_t)(segment << 4) + offset;
    struct regs r;

    poke(at, 0);
    r = packet_call(0x42, first, units, segment, offset);
    check(!(r.flags & FLAG_CF) && !(r.eax & 0xff00) &&
          holds(at, first, units), name, &r);
}

static struct regs call(uint32_t eax, uint32_t ebx, uint32_t ecx,
                        uint32_t edx)
{
    struct regs r = {
        .eax = eax, .ebx = ebx, .ecx = ecx, .edx = edx | drive,
        .es = SEG_BUF,
    };

    interrupt(0x13, &r);
    return r;
}

/* Failed with that status, which AH=01h then repeats. */
static void check_status(const char *name, struct regs r, uint8_t status)
{
    bool good = (r.flags & FLAG_CF) && (r.eax >> 8 & 0xff) == status;

    if (check(good, name, &r)) {
        r = call(0x0100, 0, 0, 0);
        if ((r.eax >> 8 & 0xff) != status || !(r.flags & FLAG_CF))
            check(false, "status repeated", &r);
    }
}

static void test_packets(void)
{
    struct regs r;
    static struct packet p;

    read_check("read one", 4 * FIRST, 4, SEG_BUF, 0);
    read_check("read across 64 KiB", 800, 16, SEG_BUF, 0xfffe);
    read_check("read to odd address", 1200, 16, SEG_BUF, 1);
    read_check("read 124", 1000, 124, SEG_BUF, 8);
    read_check("read 400", 1040, 400, SEG_BUF, 8);
    r = packet_call(0x44, 1040, 400, 0, 0);
    check(!(r.flags & FLAG_CF), "verify", &r);
    r = packet_call(0x47, 1040, 0, 0, 0);
    check(!(r.flags & FLAG_CF), "seek", &r);
    r = packet_call(0x42, 0xfffffff0, 4, SEG_BUF, 0);
    check_status("read beyond the end", r, 1);
    p = (struct packet){ 8, 0, 1, 0, SEG_BUF, 0, 0 };
    r = (struct regs){ .eax = 0x4200, .edx = drive, .esi = (uint32_t)&p };
    interrupt(0x13, &r);
    check_status("short packet", r, 1);
    p = (struct packet){ 24, 0, 4, 0xffff, 0xffff, 1, 0x100500000ull };
    r = (struct regs){ .eax = 0x4200, .edx = drive, .esi = (uint32_t)&p };
    interrupt(0x13, &r);
    check_status("buffer above 4 GiB", r, 1);
    p = (struct packet){ 24, 0, 4, 0xffff, 0xffff, 1040 / unit, BUF };
    r = (struct regs){ .eax = 0x4200, .edx = drive, .esi = (uint32_t)&p };
    poke(BUF, 0);
    interrupt(0x13, &r);
    check(!(r.flags & FLAG_CF) && holds(BUF, 1040, 4 * unit),
          "64-bit buffer address", &r);
}

static void test_writes(void)
{
    struct regs r;

    read_check("source of write", 700, 100, SEG_BUF, 1);
    r = packet_call(0x43, 1500, 20, SEG_BUF, 1);
    check(!(r.flags & FLAG_CF), "write from odd address", &r);
    r = packet_call(0x43, 1600, 100, SEG_BUF, 1);
    check(!(r.flags & FLAG_CF), "write 100", &r);
    r = packet_call(0x42, 1500, 20, 0x4000, 0);
    check(!(r.flags & FLAG_CF) && holds(0x40000, 700, 20), "written 20", &r);
    r = packet_call(0x42, 1600, 100, 0x4000, 0x8000);
    check(!(r.flags & FLAG_CF) && holds(0x48000, 700, 100), "written 100",
          &r);
}

/* 1.44 MB: tracks of 18 sectors on two heads. */
static void test_floppy_write(void)
{
    struct regs r = call(0x0212, 0, 19 << 8 | 8, 0);    /* units 691..708 */

    check(!(r.flags & FLAG_CF) && holds(BUF, 691, 18), "read across heads",
          &r);
    r = call(0x0209, 0, 19 << 8 | 1, 0);                /* 684..692 */
    check(!(r.flags & FLAG_CF) && holds(BUF, 684, 9), "read half a track",
          &r);
    r = call(0x0309, 0, 40 << 8 | 5, 0x0100);
    check(!(r.flags & FLAG_CF) && (r.eax & 255) == 9, "write", &r);
    r = call(0x0209, 0x4001, 40 << 8 | 5, 0x0100);
    check(!(r.flags & FLAG_CF) && holds(BUF + 0x4001, 684, 9), "written",
          &r);
    r = call(0x4100, 0x55aa, 0, 0);
    check(r.flags & FLAG_CF, "no EDD", &r);
}

static void test_chs(void)
{
    struct regs r = call(0x0800, 0, 0, 0);
    uint32_t sectors = r.ecx & 63, heads = (r.edx >> 8 & 255) + 1;
    uint32_t cylinder, head, sector, cx;

    check(!(r.flags & FLAG_CF) && sectors && (r.edx & 255) != 0,
          "parameters", &r);
    if (!sectors)
        return;
    cylinder = 500 / sectors / heads;
    head = 500 / sectors % heads;
    sector = 500 % sectors + 1;
    cx = (cylinder & 255) << 8 | (cylinder >> 2 & 0xc0) | sector;
    r = call(0x0203, 0x10, cx, head << 8);
    check(!(r.flags & FLAG_CF) && (r.eax & 0xffff) == 3 &&
          holds(BUF + 0x10, 500, 3), "read by CHS", &r);
    r = call(0x0403, 0x10, cx, head << 8);
    check(!(r.flags & FLAG_CF), "verify by CHS", &r);
    check_status("sector 0", call(0x0201, 0, 0, 0), 1);
    check_status("no sectors", call(0x0200, 0, 1, 0), 1);
    check_status("beyond the heads", call(0x0201, 0, 1, 0xff00), 1);
    r = call(0x1500, 0, 0, 0);
    check(!(r.flags & FLAG_CF) &&
          (r.eax >> 8 & 255) == (drive & 0x80 ? 3 : 1), "drive type", &r);
}

static void test_edd(void)
{
    static union { uint16_t size; uint8_t b[80]; uint32_t l[20]; } info;
    static const uint8_t sizes[] = { 0x1a, 0x1e, 0x42 };
    struct regs r = call(0x4100, 0x55aa, 0, 0);

    check(!(r.flags & FLAG_CF) && (r.ebx & 0xffff) == 0xaa55 &&
          (r.eax >> 8 & 255) >= 0x21 && (r.ecx & 5) == 5, "EDD present", &r);
    for (int i = 0; i < 3; i++) {
        uint8_t sum = 0;

        info.size = sizes[i];
        info.b[sizes[i]] = 0xa5;
        r = (struct regs){
            .eax = 0x4800, .edx = drive, .esi = (uint32_t)&info,
        };
        interrupt(0x13, &r);
        check(!(r.flags & FLAG_CF) && info.size == sizes[i] &&
              info.b[sizes[i]] == 0xa5 &&
              (info.b[24] | info.b[25] << 8) == (int)(512 * unit),
              "EDD parameters", &r);
        for (int n = 0x1e; n < 0x42; n++)
            sum += info.b[n];
        if (sizes[i] == 0x42)
            check(info.b[0x1e] == 0xdd && info.b[0x1f] == 0xbe && !sum &&
                  info.l[9] == 0x20494350, "EDD device path", &r);
    }
    info.size = 0x19;
    r = (struct regs){ .eax = 0x4800, .edx = drive, .esi = (uint32_t)&info };
    interrupt(0x13, &r);
    check_status("EDD buffer too small", r, 1);
}

static void test_cd(bool booted_from_cd)
{
    static uint8_t p[20];
    struct regs r = {
        .eax = 0x4b01, .edx = drive, .esi = (uint32_t)p,
    };

    p[19] = 0xa5;
    interrupt(0x13, &r);
    if (booted_from_cd)
        check(!(r.flags & FLAG_CF) && p[0] == 0x13 && p[2] == drive &&
              p[19] == 0xa5, "El Torito packet", &r);
    else
        check(r.flags & FLAG_CF, "no El Torito packet", &r);
    if (drive < 0xe0)
        return;
    r = call(0x4500, 0, 0, 0);
    check(!(r.flags & FLAG_CF) && (r.eax & 255) == 1, "lock", &r);
    check_status("eject locked", call(0x4600, 0, 0, 0), 0xb1);
    r = call(0x4501, 0, 0, 0);
    check(!(r.flags & FLAG_CF) && !(r.eax & 255), "unlock", &r);
    check_status("unlock twice", call(0x4501, 0, 0, 0), 0xb0);
    r = call(0x4600, 0, 0, 0);
    check(!(r.flags & FLAG_CF), "eject", &r);
    check_status("no medium", packet_call(0x42, 1040, 4, SEG_BUF, 0), 0x31);
}

/* argument of the build: EMULATED for images that a CD emulates */
#ifndef EMULATED
#define EMULATED 0
#endif

void program_main(uint32_t dl)
{
    struct regs r;

    drive = (uint8_t)dl;
    if (drive >= 0xe0)
        unit = 4;
    if (drive >= 0x80) {
        test_packets();
        test_edd();
    }
    if (drive < 0xe0)
        test_chs();
    if (EMULATED)
        check_status("write to a CD", call(0x0301, 0, 1, 0), 3);
    else if (drive >= 0x80 && drive < 0xe0)
        test_writes();
    if (drive == 0 && !EMULATED)
        test_floppy_write();
    r = (struct regs){ .eax = 0x0201, .ecx = 1, .edx = 0x9f };
    interrupt(0x13, &r);
    check((r.flags & FLAG_CF) && (r.eax >> 8 & 255) == 1, "no such drive",
          &r);
    r = call(0xfe00, 0, 0, 0);
    check_status("no such service", r, 1);
    r = call(0x0000, 0, 0, 0);
    check(!(r.flags & FLAG_CF), "reset", &r);
    if (drive == 0x80)
        check((peek(0x475) & 255) == 1, "disk count", 0);
    test_cd(EMULATED || drive >= 0xe0);
    say("done\n");
    __asm__ volatile("outb %0, %1" : : "a"((uint8_t)0),
                     "d"((uint16_t)PORT_EXIT));
    for (;;)
        __asm__ volatile("hlt");
}
