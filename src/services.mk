# SPDX-License-Identifier: MIT
# The BIOS services, the keyboard and the serial console.
resident-y += src/apm.o src/clock.o src/compat.o src/console.o src/keyboard.o \
              src/keymap.o src/mouse.o src/pcibios.o src/sercon.o \
              src/sercon_key.o src/serial.o src/system.o \
              src/hw/pic.o src/hw/ps2.o src/hw/rtc.o
init-y     += src/bios32.o src/bios32_setup.o src/interrupts_init.o \
              src/sercon_setup.o src/hw/ps2_init.o
