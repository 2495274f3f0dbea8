/* SPDX-License-Identifier: MIT */
/*
 * Services without an effect: in virtual-8086 mode they say what they have said
 * in real mode, also where they write to the caller's memory.
 */
#include "v86_guest.h"

#define SMAP            0x534d4150u
#define E820_MAX        24
#define QUERIES_MAX     40
#define PNP             0x506e5024u     /* "$PnP" */
#define PNP_BBS_VERSION 0x60

static struct regs seen[QUERIES_MAX];
static unsigned query_at;
static uint8_t map_seen[E820_MAX * 20], routes_seen[0x300];

static void query(const char *name, uint32_t number, struct regs r,
                  uint32_t results)
{
    struct regs *s = &seen[query_at++];

    call(number, &r, results);
    if (!virtual) {
        *s = r;
        return;
    }
    check(!r.fault && r.eax == s->eax && r.ebx == s->ebx && r.ecx == s->ecx &&
          r.edx == s->edx && r.es == s->es && carry(&r) == carry(s), name, &r);
}

#define ALL_RESULTS     (RESULT_AX | RESULT_BX | RESULT_CX | RESULT_DX | \
                         RESULT_SI | RESULT_DI | RESULT_ES)

static void query_map(void)
{
    uint32_t at = upper() + 0xff1, next = HIGH_HALF;
    bool good = true;
    struct regs r;

    about = "INT 15h";
    for (unsigned i = 0; i < E820_MAX; i++) {
        r = (struct regs){ .eax = 0xe820, .ecx = 20, .edx = SMAP,
                           .ebx = next, .es = at >> 4, .edi = at & 15 };
        if (i == 0) {                   /* EBX=0 means the first */
            r.ebx = 0;
            r.ecx = 24;
        }
        r.flags = 0x202;
        service(0x15, &r);
        if (r.fault || carry(&r) || r.eax != SMAP || r.ecx != 20)
            good = false;
        for (unsigned j = 0; j < 20; j++)
            if (!virtual)
                map_seen[i * 20 + j] = peek8(at + j);
            else if (map_seen[i * 20 + j] != peek8(at + j))
                good = false;
        next = r.ebx;
        if (!next)
            break;
    }
    if (virtual)
        check(good, "E820h over pages", &r);
}

static void query_routes(void)
{
    uint32_t at = upper() + 0x1ffd, to = upper() + 0x2fe1;
    struct regs r = { .eax = 0xb10e, .ebx = HIGH_HALF, .es = at >> 4,
                      .edi = HIGH_HALF | (at & 15) };
    uint16_t len = sizeof(routes_seen);
    bool same = true;

    about = "INT 1Ah";
    poke8(at, len & 0xff);
    poke8(at + 1, len >> 8);
    poke(at + 2, (to >> 4) << 16 | (to & 15));
    call(0x1a, &r, RESULT_AX | RESULT_BX);
    len = peek(at);
    if (len > sizeof(routes_seen))
        len = 0;
    for (unsigned i = 0; i < len; i++)
        if (!virtual)
            routes_seen[i] = peek8(to + i);
        else if (routes_seen[i] != peek8(to + i))
            same = false;
    if (virtual)
        check(!r.fault && !carry(&r) && len && same, "B10Eh over pages", &r);
}

/* Called far, with words on the stack; function 60h writes to BX:CX. */
static void query_pnp(void)
{
    uint32_t at = 0xf0000, to = upper() + 0x4ffd, result = 0xffff;
    static uint32_t entry;

    about = "PnP";
    while (at < 0x100000 && peek(at) != PNP)
        at += 16;
    if (at == 0x100000)
        return;
    entry = peek(at + 13);              /* offset, segment */
    poke(to, 0xffffffff);
    __asm__ volatile("pushw $0xf000; pushw %%bx; pushw %%cx; pushw %3;"
                     "lcallw *%2; addw $8, %%sp"
                     : "+a"(result)
                     : "b"(to >> 4), "m"(entry), "i"(PNP_BBS_VERSION),
                       "c"(to & 15)
                     : "memory", "cc");
    if (virtual)
        check(!(uint16_t)result && (uint16_t)peek(to) == 0x0101,
              "60h over pages", &(struct regs){ .eax = result });
}

void queries(void)
{
    query_at = 0;
    about = "INT 11h";
    query("11h", 0x11, (struct regs){ 0 }, RESULT_AX);
    about = "INT 12h";
    query("12h", 0x12, (struct regs){ 0 }, RESULT_AX);
    about = "INT 14h";
    query("00h", 0x14, (struct regs){ .eax = 0x00e3, .edx = HIGH_HALF },
          RESULT_AX);
    query("03h", 0x14, (struct regs){ .eax = 0x0300, .edx = HIGH_HALF },
          RESULT_AX);
    query("03h of a port that is not there", 0x14,
          (struct regs){ .eax = 0x0300, .edx = HIGH_HALF | 3 }, RESULT_AX);
    about = "INT 17h";
    query("01h", 0x17, (struct regs){ .eax = 0x0100, .edx = HIGH_HALF },
          RESULT_AX);
    query("02h", 0x17, (struct regs){ .eax = 0x0200, .edx = HIGH_HALF },
          RESULT_AX);
    about = "INT 15h";
    query("E801h", 0x15, (struct regs){ .eax = 0xe801 }, ALL_RESULTS);
    query("88h", 0x15, (struct regs){ .eax = 0x8800 }, RESULT_AX);
    query("C0h", 0x15, (struct regs){ .eax = 0xc000 },
          RESULT_AX | RESULT_BX | RESULT_ES);
    query("C1h", 0x15, (struct regs){ .eax = 0xc100 }, RESULT_AX | RESULT_ES);
    query("2402h", 0x15, (struct regs){ .eax = 0x2402 },
          RESULT_AX | RESULT_CX);
    query("2403h", 0x15, (struct regs){ .eax = 0x2403 },
          RESULT_AX | RESULT_BX);
    query("4Fh", 0x15, (struct regs){ .eax = 0x4f1e }, RESULT_AX);
    query("5300h", 0x15, (struct regs){ .eax = 0x5300, .ebx = HIGH_HALF },
          ALL_RESULTS);
    query("an unknown one", 0x15, (struct regs){ .eax = 0x6600 }, RESULT_AX);
    about = "INT 1Ah";
    query("04h", 0x1a, (struct regs){ .eax = 0x0400 }, ALL_RESULTS);
    query("B101h", 0x1a, (struct regs){ .eax = 0xb101 },
          RESULT_AX | RESULT_BX | RESULT_CX | RESULT_EDX);
    query("B103h", 0x1a, (struct regs){ .eax = 0xb103, .ecx = 0x060000,
          .esi = HIGH_HALF }, RESULT_AX | RESULT_BX);
    query("B102h", 0x1a, (struct regs){ .eax = 0xb102, .ecx = 0x7010,
          .edx = 0x8086, .esi = HIGH_HALF }, RESULT_AX | RESULT_BX);
    query("B108h", 0x1a, (struct regs){ .eax = 0xb108, .ebx = HIGH_HALF,
          .edi = HIGH_HALF }, RESULT_AX | RESULT_ECX);
    query("B109h", 0x1a, (struct regs){ .eax = 0xb109, .ebx = HIGH_HALF,
          .edi = HIGH_HALF | 2 }, RESULT_AX | RESULT_CX);
    query("B10Ah", 0x1a, (struct regs){ .eax = 0xb10a, .ebx = HIGH_HALF,
          .edi = HIGH_HALF | 8 }, RESULT_AX | RESULT_ECX);
    query("B10Dh", 0x1a, (struct regs){ .eax = 0xb10d, .ebx = HIGH_HALF,
          .edi = HIGH_HALF | 0x10 }, RESULT_AX);
    query_map();
    query_routes();
    query_pnp();
}

void services_before(void)
{
    queries();
}
