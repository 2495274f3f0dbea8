/* SPDX-License-Identifier: MIT */
/*
 * The two 8259 interrupt controllers.  Resident.  Intel 8259A data sheet.
 */
#ifndef HW_PIC_H
#define HW_PIC_H

#include "lib/compiler.h"

/* IRQ 0-7 become vectors 08-0F, IRQ 8-15 vectors 70-77; all masked but the
 * cascade and those whose bits are set. */
void pic_init(uint16_t enabled);

void pic_unmask(unsigned irq);
void pic_mask(unsigned irq);

/* Which IRQs ask for an interrupt that the CPU has not yet taken: one bit
 * each. */
uint16_t pic_requests(void);

/* End of every interrupt in service: whoever served them does not come back. */
void pic_eoi_all(void);

/* End of interrupt, for an IRQ of the first and of the second controller. */
void pic_eoi1(void);
void pic_eoi2(void);

#endif
