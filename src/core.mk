# SPDX-License-Identifier: MIT
# The core: reset, mode switches, memory, text, time, POST.
resident-y += src/div64.o src/entry.o src/start.o src/real.o src/string.o \
              src/timer.o src/print.o src/tpm.o src/overlay.o \
              src/inflate.o src/resume.o src/gate.o src/hw/pci.o src/fw/fwcfg_io.o
init-y     += src/post.o src/gate_post.o src/tpm_post.o src/mor_post.o \
              src/alloc.o src/fw/fwcfg.o
tpm-resident-y += src/measure.o
tpm-init-y += src/measure_post.o src/tpm_admin_post.o
