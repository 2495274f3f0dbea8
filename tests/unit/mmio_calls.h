/* SPDX-License-Identifier: MIT */
/*
 * Goes before a driver's source (unit.mk): its accesses to registers are calls,
 * so that a test's registers can do more than keep what was written.
 */
#ifndef MMIO_CALLS_H
#define MMIO_CALLS_H

#include "lib/io.h"

uint32_t mmio_call_read32(const volatile void *reg);
void mmio_call_write32(volatile void *reg, uint32_t v);

#define mmio_read32     mmio_call_read32
#define mmio_write32    mmio_call_write32

uint16_t port_call_read16(uint16_t port);

#define inw             port_call_read16

#endif
