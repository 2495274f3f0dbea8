/* SPDX-License-Identifier: MIT */
/*
 * What platform.c puts into its table and other files implement;
 * measure/measure.h describes them.
 */
#ifndef TPM_HOOKS_H
#define TPM_HOOKS_H

#include "measure/measure.h"

/* platform.c */
extern struct tcg_platform tpm_platform;

/* linux.c */
void linux_at(uint16_t segment);
bool linux_image(const struct linux_image *image);

/* boot_code.c */
void disk_boot_code(struct drive *d, const uint8_t *mbr);
void cd_boot_code(const struct eltorito *e, const uint8_t *image,
                  uint32_t len);

#endif
