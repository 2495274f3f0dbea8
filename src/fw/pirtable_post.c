/* SPDX-License-Identifier: MIT */
/*
 * $PIR: for operating systems without ACPI and APIC.  Slots 1 to 6 of the
 * main bus, wired as on the PIIX3 board: each slot one link further.
 *
 * Microsoft, PCI IRQ Routing Table Specification 1.0.
 */
#include "fw/pirtable.h"

#include <string.h>

#include "core/alloc.h"
#include "hw/pci.h"
#include "lib/checksum.h"

#define SLOTS               6u
#define LINK_FIRST          0x60u           /* PIRQA's register */
#define IRQS                0xdef8u         /* 3-7, 9-12, 14, 15 */
#define COMPATIBLE_ROUTER   0x122e8086u     /* 82371FB, PIIX */

struct pir_link { uint8_t link; uint16_t irqs; } PACKED;
struct pir_slot {
    uint8_t bus, devfn;
    struct pir_link pin[4];
    uint8_t slot;                           /* 0: on the board */
    uint8_t reserved;
} PACKED;
struct pir {
    char signature[4] NONSTRING;
    uint16_t version, size;
    uint8_t router_bus, router_devfn;
    uint16_t exclusive_irqs;
    uint32_t compatible;
    uint32_t miniport;
    uint8_t reserved[11];
    uint8_t checksum;
    struct pir_slot slots[SLOTS];
} PACKED;
_Static_assert(offsetof(struct pir, slots) == 32, "$PIR header");
_Static_assert(sizeof(struct pir_slot) == 16, "$PIR slot");

void pirtable_setup(void)
{
    struct pir *t = malloc_fseg(sizeof(*t), 16);

    if (!t)
        return;                             /* the allocator has said so */
    *t = (struct pir){
        .signature = "$PIR", .version = 0x0100, .size = sizeof(*t),
        .router_devfn = PCI_BDF(0, 1, 0), .compatible = COMPATIBLE_ROUTER,
    };
    for (unsigned i = 0; i < SLOTS; i++) {
        struct pir_slot *s = &t->slots[i];

        s->devfn = (uint8_t)PCI_BDF(0, i + 1, 0);
        s->slot = (uint8_t)i;
        for (unsigned pin = 0; pin < 4; pin++)
            s->pin[pin] = (struct pir_link){
                (uint8_t)(LINK_FIRST + ((i + pin) & 3)), IRQS,
            };
    }
    checksum_set(&t->checksum, t, sizeof(*t));
}
