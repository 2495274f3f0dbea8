/* SPDX-License-Identifier: MIT */
/*
 * What a resume from S3 needs of ACPI.  ACPI 6.4, 5.2.10 and 16.3.2.
 */
#include "fw/acpi.h"

#include "fw/acpi_table.h"
#include "fw/fwcfg_io.h"
#include "lib/err.h"
#include "lib/print.h"

#define FACS_WAKING_VECTOR  12u

struct acpi_state acpi_state;

int acpi_write_pointers(void)
{
    int result = 0;

    for (uint32_t i = 0; i < acpi_state.count && i < ACPI_POINTERS_MAX; i++) {
        const struct acpi_pointer *p = &acpi_state.pointer[i];
        uint64_t value = p->value;

        if (p->size > sizeof(value))
            return ERR_PARAM;
        if (fwcfg_io_write(p->key, p->offset, &value, p->size) != 0)
            result = ERR_DEVICE;
    }
    return result;
}

uint32_t acpi_resume(void)
{
    if (acpi_write_pointers() != 0)
        print("ACPI: the host does not take addresses it asked for: it may "
              "not be able to notify the system\n");
    if (acpi_state.facs == 0)
        return 0;
    return *(const volatile uint32_t *)(acpi_state.facs + FACS_WAKING_VECTOR);
}
