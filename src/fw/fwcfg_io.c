/* SPDX-License-Identifier: MIT */
/*
 * fw_cfg transfers: by DMA when the device has it, else byte by byte.
 */
#include "fw/fwcfg_io.h"

#include "lib/err.h"
#include "lib/io.h"

#define PORT_SELECT         0x510u
#define PORT_DATA           0x511u
#define PORT_DMA_HIGH       0x514u      /* of the address; 0 after each use */
#define PORT_DMA_LOW        0x518u      /* starts the operation */
#define DMA_QEMU            0x554d4551u /* what the high half reads as */

#define DMA_ERROR           (1u << 0)
#define DMA_READ            (1u << 1)
#define DMA_SKIP            (1u << 2)
#define DMA_SELECT          (1u << 3)
#define DMA_WRITE           (1u << 4)

static bool use_dma;

/*
 * One DMA operation; the device completes it before the port write ends, and
 * clears the address's high half.  Whoever had the machine before may have left
 * one behind: it is cleared before the first of ours.  Returns 0 or ERR_DEVICE.
 */
static int dma(uint32_t control, const volatile void *buf, uint32_t len)
{
    volatile struct {
        uint32_t control_be, len_be;
        uint32_t address_high_be, address_low_be;
    } op = {
        .control_be = __builtin_bswap32(control),
        .len_be = __builtin_bswap32(len),
        .address_low_be = __builtin_bswap32((uint32_t)buf),
    };

    barrier();
    outl(PORT_DMA_LOW, __builtin_bswap32((uint32_t)&op));
    barrier();
    return op.control_be == 0 ? 0 : ERR_DEVICE;
}

static uint32_t select_by_dma(uint16_t key)
{
    return DMA_SELECT | (uint32_t)key << 16;
}

bool fwcfg_io_init(void)
{
    use_dma = inl(PORT_DMA_HIGH) == DMA_QEMU;
    if (use_dma)
        outl(PORT_DMA_HIGH, 0);
    return use_dma;
}

void fwcfg_io_read_part(uint16_t key, uint8_t *item, uint32_t from,
                        uint32_t len)
{
    uint32_t how = from ? DMA_READ : DMA_READ | select_by_dma(key);

    if (use_dma && dma(how, item + from, len) == 0)
        return;
    if (use_dma || !from) {
        /* What a DMA that failed has read cannot be known. */
        outw(PORT_SELECT, key);
        for (uint32_t i = 0; i < from; i++)
            (void)inb(PORT_DATA);
    }
    insb(PORT_DATA, item + from, len);
}

void fwcfg_io_read(uint16_t key, void *buf, uint32_t len)
{
    fwcfg_io_read_part(key, buf, 0, len);
}

void fwcfg_io_read_more(void *buf, uint32_t len)
{
    if (use_dma && dma(DMA_READ, buf, len) == 0)
        return;
    insb(PORT_DATA, buf, len);
}

int fwcfg_io_write(uint16_t key, uint32_t offset, const void *buf,
                   uint32_t len)
{
    if (!use_dma)
        return ERR_DEVICE;
    outl(PORT_DMA_HIGH, 0);         /* on a resume an OS was here before */
    if (dma(select_by_dma(key) | DMA_SKIP, NULL, offset) != 0)
        return ERR_DEVICE;
    return dma(DMA_WRITE, buf, len);
}
