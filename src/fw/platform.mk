# SPDX-License-Identifier: MIT
# Platform bring-up: chipset, memory map, PCI resources, tables, processors.
resident-y += src/fw/chipset.o src/fw/shadow.o src/fw/smm.o src/fw/e820.o \
              src/fw/smp.o src/fw/smp_ap.o src/fw/acpi_resume.o
init-y     += src/fw/e820_post.o src/fw/pci_enum.o src/fw/pci_setup.o \
              src/fw/pci_assign.o src/fw/mtrr.o src/fw/smp_post.o src/fw/acpi.o \
              src/fw/acpi_find.o src/fw/checksum.o src/fw/smbios.o \
              src/fw/mptable.o src/fw/pirtable.o src/fw/smm_post.o
