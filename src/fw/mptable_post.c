/* SPDX-License-Identifier: MIT */
/*
 * MP table: processors, buses, I/O APIC and interrupts, for operating systems
 * that do not use ACPI.  Intel MultiProcessor Specification 1.4, 4.
 */
#include "fw/mptable.h"

#include <string.h>

#include "core/alloc.h"
#include "fw/acpi.h"
#include "fw/fwcfg.h"
#include "fw/smp.h"
#include "hw/chipset.h"
#include "lib/checksum.h"
#include "lib/cursor.h"
#include "lib/io.h"

/* Buses, I/O APIC, four pins of 32 slots, ISA and local interrupts. */
#define OTHER_ENTRIES_MAX   160u
#define CPUS_MAX            255u            /* APIC IDs have 8 bits */
#define CPUID_HT            (1u << 28)      /* leaf 1, EDX */

#define LAPIC               0xfee00000u
#define LAPIC_VERSION       0x30u
#define IOAPIC              0xfec00000u
#define IOAPIC_ID           0u
#define IOAPIC_VERSION      0x11u
#define IOAPIC_USABLE       1u

enum entry { ENTRY_CPU, ENTRY_BUS, ENTRY_IOAPIC, ENTRY_IRQ, ENTRY_LOCAL };

#define CPU_ENABLED         (1u << 0)
#define CPU_BOOT            (1u << 1)
#define IRQ_INT             0u
#define IRQ_NMI             1u
#define IRQ_EXTINT          3u
#define IRQ_BUS_DEFAULT     0u
#define IRQ_ACTIVE_HIGH     1u
#define ALL_LAPICS          0xffu

/* Not for ISA devices, as SeaBIOS has it: the SCI, what PCI uses, and 5. */
#define PCI_IRQS            (1u << 5 | 1u << IRQ_SCI | 1u << IRQ_PCI_LOW | \
                             1u << IRQ_PCI_HIGH)

#define BUS_PCI             0u
#define BUS_ISA             1u

struct mp_header {
    char signature[4] NONSTRING;
    uint16_t len;
    uint8_t revision, checksum;
    char oem[8], product[12];
    uint32_t oem_table;
    uint16_t oem_table_len, entries;
    uint32_t lapic;
    uint16_t extended_len;
    uint8_t extended_checksum, reserved;
} PACKED;
_Static_assert(sizeof(struct mp_header) == 44, "MP 1.4, 4.2");

struct mp_floating {
    char signature[4] NONSTRING;
    uint32_t table;
    uint8_t len, revision, checksum, features[5];
} PACKED;
_Static_assert(sizeof(struct mp_floating) == 16, "MP 1.4, 4.1");

struct mp_cpu {
    uint8_t type, apic_id, apic_version, flags;
    uint32_t signature, features, reserved[2];
} PACKED;
_Static_assert(sizeof(struct mp_cpu) == 20, "MP 1.4, 4.3.1");

/* All others have 8 bytes. */
struct mp_entry { uint8_t type, byte[7]; };

static uint16_t entries;

/* The step from one processor that is listed to the next: beside ACPI's table,
 * which has all, one per package is usual.  Where this table is the only one,
 * it has all of them. */
static uint32_t id_step(const uint32_t cpuid_1[4])
{
    uint32_t step = 1, len;

    if (acpi_find_table("APIC", &len) == NULL)
        return 1;
    while ((cpuid_1[3] & CPUID_HT) && step < (cpuid_1[1] >> 16 & 0xff))
        step *= 2;
    return step;
}

static void put_cpus(struct wr *w)
{
    uint8_t version = (uint8_t)mmio_read32((void *)(LAPIC + LAPIC_VERSION));
    uint32_t r[4], step, max = smp_max_count();

    cpuid(1, 0, r);
    step = id_step(r);
    for (uint32_t id = 0; id < max; id += step) {
        struct mp_cpu cpu = {
            .type = ENTRY_CPU, .apic_id = (uint8_t)id,
            .apic_version = version,
            .flags = (uint8_t)((smp_present((uint8_t)id) ? CPU_ENABLED : 0) |
                               (id == 0 ? CPU_BOOT : 0)),
            .signature = r[0], .features = r[3],
        };

        wr_bytes(w, &cpu, sizeof(cpu));
        entries++;
    }
}

static void put(struct wr *w, struct mp_entry e)
{
    wr_bytes(w, &e, sizeof(e));
    entries++;
}

static void put_irq(struct wr *w, enum entry entry, uint8_t type,
                    uint8_t flags, uint8_t bus, uint8_t bus_irq,
                    uint8_t apic, uint8_t pin)
{
    put(w, (struct mp_entry){
        entry, { type, flags, 0, bus, bus_irq, apic, pin },
    });
}

/* Each pin of each slot of the main bus once. */
static void put_pci_irqs(struct wr *w)
{
    unsigned slot = UINT32_MAX, seen = 0;

    PCI_FOREACH(d) {
        uint8_t pin = d->irq_pin;

        if (PCI_BUS(d->bdf) != 0)
            break;
        if (pin < 1 || pin > 4)
            continue;
        if (slot != PCI_DEV(d->bdf))
            seen = 0;
        slot = PCI_DEV(d->bdf);
        if (seen & 1u << pin)
            continue;
        seen |= 1u << pin;
        put_irq(w, ENTRY_IRQ, IRQ_INT, IRQ_ACTIVE_HIGH, BUS_PCI,
                (uint8_t)(slot << 2 | (pin - 1u)), IOAPIC_ID, d->irq_line);
    }
}

/* QEMU wires the timer to pin 2 when it says so; without fw_cfg that is how
 * boards are. */
static void put_isa_irqs(struct wr *w)
{
    uint16_t override = fwcfg_read16(FWCFG_IRQ0_OVERRIDE);
    bool timer_moved = (uint8_t)override == 1 || override == UINT16_MAX;

    for (uint8_t irq = 0; irq < 16; irq++) {
        uint8_t pin = irq == 0 && timer_moved ? 2 : irq;

        if ((PCI_IRQS & 1u << irq) || (irq == 2 && timer_moved))
            continue;
        put_irq(w, ENTRY_IRQ, IRQ_INT, IRQ_BUS_DEFAULT, BUS_ISA, irq,
                IOAPIC_ID, pin);
    }
}

static void put_table(struct wr *w)
{
    wr_zero(w, sizeof(struct mp_header));
    put_cpus(w);
    put(w, (struct mp_entry){
        ENTRY_BUS, { BUS_PCI, 'P', 'C', 'I', ' ', ' ', ' ' },
    });
    put(w, (struct mp_entry){
        ENTRY_BUS, { BUS_ISA, 'I', 'S', 'A', ' ', ' ', ' ' },
    });
    put(w, (struct mp_entry){
        ENTRY_IOAPIC, { IOAPIC_ID, IOAPIC_VERSION, IOAPIC_USABLE,
                        (uint8_t)IOAPIC, (uint8_t)(IOAPIC >> 8),
                        (uint8_t)(IOAPIC >> 16), (uint8_t)(IOAPIC >> 24) },
    });
    put_pci_irqs(w);
    put_isa_irqs(w);
    put_irq(w, ENTRY_LOCAL, IRQ_EXTINT, IRQ_BUS_DEFAULT, BUS_ISA, 0, 0, 0);
    put_irq(w, ENTRY_LOCAL, IRQ_NMI, IRQ_BUS_DEFAULT, BUS_ISA, 0, ALL_LAPICS,
            1);
}

void mptable_setup(void)
{
    struct mp_floating *f;
    struct mp_header *h;
    uint32_t max = smp_max_count(), cap;
    struct wr w;
    void *buf;

    if (max > CPUS_MAX)
        return;
    cap = sizeof(*h) + max * sizeof(struct mp_cpu) +
          OTHER_ENTRIES_MAX * sizeof(struct mp_entry);
    buf = malloc_temp(cap, 4);
    if (!buf)
        return;
    entries = 0;
    w = wr_to(buf, cap);
    put_table(&w);
    h = w.bad ? NULL : malloc_low(w.len, 16);
    f = h ? malloc_fseg(sizeof(*f), 16) : NULL;
    if (f) {
        memcpy(h, buf, w.len);
        memcpy(h->signature, "PCMP", 4);
        h->len = (uint16_t)w.len;
        h->revision = 4;
        memcpy(h->oem, "KEELBIOS", 8);
        memcpy(h->product, "0.1         ", 12);
        h->entries = entries;
        h->lapic = LAPIC;
        checksum_set(&h->checksum, h, w.len);
        *f = (struct mp_floating){
            .signature = "_MP_", .table = (uint32_t)h, .len = 1,
            .revision = 4,
        };
        checksum_set(&f->checksum, f, sizeof(*f));
    } else {
        free_zone(h);
    }
    free_zone(buf);
}
