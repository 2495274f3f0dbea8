# SPDX-License-Identifier: MIT
# Hand-over: what is started is measured, also beyond the first sector.
resident-y += src/linux_boot.o src/linux_entry.o
init-y     += src/handover_post.o
tpm-resident-y += src/measure_linux.o src/measure_boot_code.o
tpm-init-y += src/handover_tpm_post.o
