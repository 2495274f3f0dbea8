/* SPDX-License-Identifier: MIT */
/*
 * ppi_memory.h.  QEMU does not initialise that memory at power-on, and no
 * chance bytes are a request.  So every POST leaves a mark at its end, where
 * neither QEMU's ACPI code nor an OS writes.
 *
 * QEMU docs/specs/tpm.
 */
#include "measure/ppi_memory.h"

#include "fw/fwcfg.h"
#include "lib/io.h"
#include "tcg/config.h"

#define PPI_ADDRESS         0xfed45000u
#define PPI_VERSION         1u
#define PPI_FIRST           0x100u          /* of it, what an OS writes */
#define PPI_END             0x400u

static const uint8_t mark[16] = "KeelBIOS was on";

#define MARK_AT             (PPI_END - sizeof(mark))

volatile uint8_t *ppi_memory(void)
{
    volatile uint8_t *at = (volatile uint8_t *)PPI_ADDRESS;
    uint8_t bytes[TCG_CONFIG_SIZE];
    int size = fwcfg_read_file(TCG_CONFIG_FILE, bytes, sizeof(bytes));
    struct tcg_config config;
    bool marked = true;

    if (!tcg_config_read(bytes, size, &config) ||
        config.ppi_address != PPI_ADDRESS ||
        config.ppi_version != PPI_VERSION)
        return NULL;
    for (unsigned i = 0; i < sizeof(mark); i++)
        marked &= mmio_read8(at + MARK_AT + i) == mark[i];
    if (marked)
        return at;
    for (unsigned i = PPI_FIRST; i < MARK_AT; i++)
        mmio_write8(at + i, 0);
    for (unsigned i = 0; i < sizeof(mark); i++)
        mmio_write8(at + MARK_AT + i, mark[i]);
    return NULL;
}
