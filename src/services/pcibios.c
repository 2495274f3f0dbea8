/* SPDX-License-Identifier: MIT */
/*
 * PCI BIOS in real mode.  The 32-bit entry is bios32.S; the routing table is
 * made by fw/pirtable.c and found here as others find it.  Resident.
 *
 * PCI BIOS Specification 2.1; "PCI IRQ Routing Table Specification" 1.0.
 */
#include "services/pcibios.h"

#include <string.h>

#include "core/caller.h"
#include "hw/pci.h"

#define PCI_SIGNATURE       0x20494350u     /* "PCI " */
#define CONFIG_MECHANISM_1  (1u << 0)
#define CONFIG_SIZE         0x100u

enum {
    PCI_OK = 0x00, PCI_UNSUPPORTED = 0x81, PCI_BAD_VENDOR = 0x83,
    PCI_NOT_FOUND = 0x86, PCI_BAD_REGISTER = 0x87, PCI_BUFFER_SMALL = 0x89,
};

uint16_t pcibios_version = PCI_VERSION_2_1;

static void result(struct bregs *r, uint8_t code)
{
    r->ah = code;
    set_cf(r, code != PCI_OK);
}

static void bios_present(struct bregs *r)
{
    r->al = CONFIG_MECHANISM_1;
    r->bx = pcibios_version;
    r->cl = pci_last_bus;
    r->edx = PCI_SIGNATURE;
    result(r, PCI_OK);
}

/*
 * The index-th function whose register reg, masked, is want.
 * PCI_NONE when there are fewer.
 */
static pci_bdf find(uint32_t reg, uint32_t shift, uint32_t want,
                    uint16_t index)
{
    uint32_t end = PCI_BDF(pci_last_bus, 31, 7);
    uint32_t step;

    for (uint32_t at = 0; at <= end; at += step) {
        pci_bdf bdf = (pci_bdf)at;

        step = 1;
        if (pci_read16(bdf, PCI_VENDOR_ID) == 0xffff) {
            if (PCI_FN(bdf) == 0)
                step = 8;
            continue;
        }
        if (pci_read32(bdf, reg) >> shift == want && index-- == 0)
            return bdf;
        if (PCI_FN(bdf) == 0 &&
            !(pci_read8(bdf, PCI_HEADER_TYPE) & PCI_HEADER_MULTI))
            step = 8;
    }
    return PCI_NONE;
}

static void report_found(struct bregs *r, pci_bdf bdf)
{
    if (bdf != PCI_NONE)
        r->bx = bdf;
    result(r, bdf != PCI_NONE ? PCI_OK : PCI_NOT_FOUND);
}

static void find_device(struct bregs *r)
{
    if (r->dx == 0xffff) {
        result(r, PCI_BAD_VENDOR);
        return;
    }
    report_found(r, find(PCI_VENDOR_ID, 0, (uint32_t)r->cx << 16 | r->dx,
                         r->si));
}

static void find_class(struct bregs *r)
{
    report_found(r, find(PCI_CLASS_REVISION, 8, r->ecx & 0xffffff, r->si));
}

/* AL=08h-0Dh: read byte, word, dword; write byte, word, dword. */
static void config_access(struct bregs *r)
{
    unsigned size = 1u << ((r->al - 0x08) % 3);

    if (r->di >= CONFIG_SIZE || (r->di & (size - 1))) {
        result(r, PCI_BAD_REGISTER);
        return;
    }
    switch (r->al) {
    case 0x08:
        r->cl = pci_read8(r->bx, r->di);
        break;
    case 0x09:
        r->cx = pci_read16(r->bx, r->di);
        break;
    case 0x0a:
        r->ecx = pci_read32(r->bx, r->di);
        break;
    case 0x0b:
        pci_write8(r->bx, r->di, r->cl);
        break;
    case 0x0c:
        pci_write16(r->bx, r->di, r->cx);
        break;
    case 0x0d:
        pci_write32(r->bx, r->di, r->ecx);
        break;
    }
    result(r, PCI_OK);
}

/* -------------------------------------------------------------- IRQ routing */

struct pir {
    uint32_t signature;
    uint16_t version, size;
    uint8_t router_bus, router_devfn;
    uint16_t exclusive_irqs;
    uint8_t reserved[19], checksum;
    uint8_t slots[];
} PACKED;
_Static_assert(sizeof(struct pir) == 32, "$PIR header");

#define PIR_SIGNATURE       0x52495024u     /* "$PIR" */
#define PIR_SEARCH_START    0xf0000u
#define PIR_SEARCH_END      0x100000u

static const struct pir *find_pir(void)
{
    for (uint32_t at = PIR_SEARCH_START; at < PIR_SEARCH_END; at += 16) {
        const struct pir *pir = (const void *)(uintptr_t)at;

        if (pir->signature == PIR_SIGNATURE && pir->size >= sizeof(*pir) &&
            pir->size <= PIR_SEARCH_END - at)
            return pir;
    }
    return NULL;
}

/* What ES:DI points to */
struct route_buffer {
    uint16_t size;
    uint16_t off, seg;
} PACKED;

static void get_routing(struct bregs *r)
{
    uint32_t caller = linear(r->es, r->di);
    struct route_buffer buffer = { 0 };
    const struct pir *pir = find_pir();
    uint16_t needed;
    uint8_t code = PCI_OK;

    if (!pir) {
        result(r, PCI_UNSUPPORTED);
        return;
    }
    needed = (uint16_t)(pir->size - sizeof(*pir));
    (void)caller_read(&buffer, caller, sizeof(buffer));
    if (buffer.size < needed ||
        !caller_write(linear(buffer.seg, buffer.off), pir->slots, needed))
        code = PCI_BUFFER_SMALL;
    else
        r->bx = pir->exclusive_irqs;
    (void)caller_write(caller, &needed, sizeof(needed));
    result(r, code);
}

void pcibios(struct bregs *r)
{
    switch (r->al) {
    case 0x01:
        bios_present(r);
        break;
    case 0x02:
        find_device(r);
        break;
    case 0x03:
        find_class(r);
        break;
    case 0x08 ... 0x0d:
        config_access(r);
        break;
    case 0x0e:
        get_routing(r);
        break;
    default:                    /* special cycles, setting IRQs */
        result(r, PCI_UNSUPPORTED);
        break;
    }
}
