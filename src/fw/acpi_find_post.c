/* SPDX-License-Identifier: MIT */
/*
 * Finding ACPI tables after they were loaded.  The host made them, so lengths
 * and addresses are believed only within memory allocated for them.
 *
 * ACPI 6.4, 5.2.5 (RSDP), 5.2.6 (header), 5.2.7 (RSDT), 5.2.8 (XSDT), 5.2.9
 * (FADT), 5.2.10 (FACS).
 */
#include <string.h>

#include "core/alloc.h"
#include "fw/acpi.h"
#include "fw/acpi_table.h"
#include "lib/checksum.h"
#include "lib/cursor.h"
#include "lib/print.h"

#define RSDP_SIGNATURE      "RSD PTR "
#define RSDP_ALIGN          16u
#define RSDP_LEN_1          20u         /* the part that revision 0 has */
#define RSDP_REVISION       15u
#define HEADER_LEN          36u
#define FADT_FACS           36u
#define FADT_X_FACS         132u
#define FACS_LEN            64u
#define TABLES_MAX          256u        /* entries of a root table looked at */

static uint32_t rsdt, xsdt;

/* A table of ours at that address, with its whole length in *len. */
static const uint8_t *table_at(uint64_t addr, uint32_t min, uint32_t *len)
{
    const uint8_t *t = (const uint8_t *)(uint32_t)addr;
    struct rd r;

    if (addr > UINT32_MAX || !alloc_owns((uint32_t)addr, min))
        return NULL;
    r = rd_from(t, min);
    (void)rd_le32(&r);                  /* signature: the caller looks */
    *len = rd_le32(&r);
    return *len >= min && alloc_owns((uint32_t)addr, *len) ? t : NULL;
}

const void *acpi_find_table(const char *signature, uint32_t *len)
{
    uint32_t root_len, entry_len = rsdt ? 4 : 8;
    const uint8_t *root = table_at(rsdt ? rsdt : xsdt, HEADER_LEN, &root_len);
    struct rd r;

    if (!root)
        return NULL;
    r = rd_from(root, root_len);
    rd_skip(&r, HEADER_LEN);
    for (unsigned i = 0; i < TABLES_MAX && r.left >= entry_len; i++) {
        uint64_t addr = rd_le32(&r);
        const uint8_t *t;

        if (entry_len == 8)
            addr |= (uint64_t)rd_le32(&r) << 32;
        t = table_at(addr, HEADER_LEN, len);
        if (t && memcmp(t, signature, 4) == 0)
            return t;
    }
    return NULL;
}

/* Says so if the root table has more entries than are looked at. */
static void check_root(void)
{
    uint32_t len, entry_len = rsdt ? 4 : 8;

    if (table_at(rsdt ? rsdt : xsdt, HEADER_LEN, &len) &&
        (len - HEADER_LEN) / entry_len > TABLES_MAX)
        print("ACPI: the root table names %u tables, more than %u: the "
              "firmware does not look at the rest\n",
              (len - HEADER_LEN) / entry_len, TABLES_MAX);
}

/* Where the OS leaves its waking vector: 0 when the FADT does not say. */
static uint32_t find_facs(void)
{
    uint32_t len, facs_len;
    const uint8_t *fadt = acpi_find_table("FACP", &len), *facs;
    uint64_t addr;
    struct rd r;

    if (!fadt)
        return 0;
    r = rd_from(fadt, len);
    rd_skip(&r, FADT_FACS);
    addr = rd_le32(&r);
    if (addr == 0 && len >= FADT_X_FACS + 8) {
        rd_skip(&r, FADT_X_FACS - FADT_FACS - 4);
        addr = rd_le32(&r);
        addr |= (uint64_t)rd_le32(&r) << 32;
    }
    if (r.bad || addr == 0)
        return 0;
    facs = table_at(addr, FACS_LEN, &facs_len);
    return facs && memcmp(facs, "FACS", 4) == 0 ? (uint32_t)addr : 0;
}

bool acpi_take_rsdp(const uint8_t *p, uint32_t len)
{
    struct rd r;

    for (uint32_t at = 0; at + RSDP_LEN_1 <= len; at += RSDP_ALIGN) {
        uint8_t revision;

        if (memcmp(p + at, RSDP_SIGNATURE, 8) != 0 ||
            byte_sum(p + at, RSDP_LEN_1) != 0)
            continue;
        r = rd_from(p + at, len - at);
        rd_skip(&r, RSDP_REVISION);
        revision = rd_u8(&r);
        rsdt = rd_le32(&r);
        if (revision >= 2) {
            (void)rd_le32(&r);          /* length */
            xsdt = rd_le32(&r);
            if (rd_le32(&r) != 0 || r.bad)
                xsdt = 0;               /* above 4 GiB: not ours */
        }
        check_root();
        acpi_state.facs = find_facs();
        return true;
    }
    return false;
}
