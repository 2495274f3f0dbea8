/* SPDX-License-Identifier: MIT */
/*
 * What measure.c puts into its table and other files implement; measure.h
 * describes them.  In the TPM's overlay.
 */
#ifndef HANDOVER_MEASURE_H
#define HANDOVER_MEASURE_H

#include "measure/measure.h"

/* measure_linux.c */
void linux_at(uint16_t segment);
void linux_image(const struct linux_image *image);

/* measure_boot_code.c */
void disk_boot_code(struct drive *d, const uint8_t *mbr);
void cd_boot_code(const struct eltorito *e, const uint8_t *image,
                  uint32_t len);

#endif
