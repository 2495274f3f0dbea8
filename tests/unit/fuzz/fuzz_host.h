/* SPDX-License-Identifier: MIT */
/*
 * What fuzz targets of disk drivers replace of the firmware: memory that the
 * sanitizers watch, messages that are formatted and thrown away, a PCI bus
 * that does nothing; and the input, from which a device takes its answers.
 */
#ifndef FUZZ_HOST_H
#define FUZZ_HOST_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/alloc.h"
#include "disk/block.h"
#include "hw/pci.h"
#include "lib/print.h"

#define BLOCKS_MAX  64u

static const uint8_t *input;
static size_t left;
static void *blocks[BLOCKS_MAX];
static unsigned block_count;

/* The next byte of the input, and zeros behind it. */
static inline uint8_t next_byte(void)
{
    if (left == 0)
        return 0;
    left--;
    return *input++;
}

void *malloc_high(uint32_t size, uint32_t align)
{
    void *p;

    if (block_count == BLOCKS_MAX)
        return NULL;
    if (align < 16)
        align = 16;
    p = aligned_alloc(align, ALIGN_UP(size, align));
    memset(p, 0, size);
    return blocks[block_count++] = p;
}

static inline void free_all(void)
{
    while (block_count != 0)
        free(blocks[--block_count]);
}

/* Formatted, so that the sanitizers see the arguments. */
static inline void say_it(const char *fmt, va_list ap)
{
    char line[256];

    vsnprintf(line, sizeof(line), fmt, ap);
}

void print(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say_it(fmt, ap);
    va_end(ap);
}

void debug(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say_it(fmt, ap);
    va_end(ap);
}

const char *drive_text(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    say_it(fmt, ap);
    va_end(ap);
    return "";
}

void pci_set16(pci_bdf bdf, uint32_t reg, uint16_t clear, uint16_t set)
{
    (void)bdf, (void)reg, (void)clear, (void)set;
}

#endif
