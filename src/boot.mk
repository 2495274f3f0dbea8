# SPDX-License-Identifier: MIT
# Option ROMs, the firmware interfaces they use (PnP, PMM), and booting.
resident-y += src/boot.o src/pnp.o src/pnp_entry.o
init-y     += src/boot_post.o src/bootmenu.o src/optionrom.o \
              src/optionrom_find.o src/pnp_post.o src/pmm.o
