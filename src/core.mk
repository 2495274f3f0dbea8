# SPDX-License-Identifier: MIT
# The core: reset, mode switches, memory, text, time, POST.
resident-y += src/div64.o src/entry.o src/start.o src/real.o src/string.o \
              src/timer.o src/print.o src/measure.o src/resume.o src/hw/pci.o \
              src/fw/fwcfg_io.o
init-y     += src/post.o src/tpm_post.o src/packed.o src/mor_post.o \
              src/alloc.o src/fw/fwcfg.o
packed-y   += src/measure_post.o src/tpm_admin_post.o
