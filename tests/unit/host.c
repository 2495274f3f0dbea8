/* SPDX-License-Identifier: MIT */
/*
 * The rest of the firmware, as host.h says.
 */
#include "host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "disk/block.h"
#include "hw/pci.h"
#include "lib/print.h"

#define TEXT_SIZE       128u

char host_said[16384];
unsigned host_blocks_max = HOST_BLOCKS;

static void *blocks[HOST_BLOCKS];
static unsigned block_count;

void host_reset(void)
{
    host_said[0] = '\0';
    while (block_count != 0)
        free(blocks[--block_count]);
}

void *host_block(uint32_t low)
{
    for (unsigned i = 0; i < block_count; i++)
        if ((uint32_t)(uintptr_t)blocks[i] == low)
            return blocks[i];
    return NULL;
}

/* ---------------------------------------------------------------- messages */

void print(const char *fmt, ...)
{
    size_t len = strlen(host_said);
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(host_said + len, sizeof(host_said) - len, fmt, ap);
    va_end(ap);
}

/* Formatted, so that the sanitizers see the arguments. */
void debug(const char *fmt, ...)
{
    char line[256];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
}

int format(char *buf, size_t cap, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(buf, cap, fmt, ap);
    va_end(ap);
    return n;
}

/* ------------------------------------------------------------------ memory */

void *malloc_high(uint32_t size, uint32_t align)
{
    void *p;

    if (block_count >= host_blocks_max)
        return NULL;
    if (align < 16)
        align = 16;
    p = aligned_alloc(align, ALIGN_UP(size, align));
    memset(p, 0, size);
    return blocks[block_count++] = p;
}

void *malloc_temp(uint32_t size, uint32_t align)
{
    return malloc_high(size, align);
}

void free_zone(void *p)
{
    for (unsigned i = 0; i < block_count; i++)
        if (blocks[i] == p && p != NULL) {
            free(p);
            blocks[i] = blocks[--block_count];
            return;
        }
}

const char *drive_text(const char *fmt, ...)
{
    char *text = malloc_high(TEXT_SIZE, 1);
    va_list ap;

    if (text == NULL)
        return "";
    va_start(ap, fmt);
    vsnprintf(text, TEXT_SIZE, fmt, ap);
    va_end(ap);
    return text;
}

/* --------------------------------------------------------------------- PCI */

uint16_t pci_set16(pci_bdf bdf, uint32_t reg, uint16_t clear, uint16_t set)
{
    (void)bdf, (void)reg, (void)clear;
    return set;
}

void pci_enable(struct pci_device *d, uint16_t bits)
{
    d->command |= bits;
}
