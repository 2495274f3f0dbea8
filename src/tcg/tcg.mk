# SPDX-License-Identifier: MIT
# The TPM module.  Resident is what boot attempts, INT 1Ah and a resume from S3
# need.
resident-y += src/tcg/cursor.o
tpm-resident-y += src/tcg/command.o src/tcg/talk.o \
              src/tcg/tpm12.o src/tcg/tpm20.o src/tcg/trust.o \
              src/tcg/hash.o src/tcg/int1a.o src/tcg/multihash.o src/tcg/sha1.o \
              src/tcg/sha256.o src/tcg/sha512.o src/tcg/sm3.o \
              src/tcg/keccak.o src/tcg/log.o src/tcg/measure.o \
              src/tcg/start.o src/tcg/tpm12_start.o src/tcg/tpm20_start.o src/tcg/started.o \
              src/hw/tpm_dev.o src/hw/tpm_tis.o src/hw/tpm_crb.o \
              src/tcg/sha_ni.o src/hw/sha_ni.o
tpm-init-y += src/tcg/setup_post.o src/tcg/smbios_post.o src/tcg/acpi_post.o \
              src/tcg/ppi_post.o src/tcg/ppi_ops_post.o src/tcg/ppi_nv_post.o src/tcg/menu_post.o

# Hashing is where the time goes when a TPM is there.  SM3 and SHA-3, counted in
# instructions, are as fast with -Os.
CFLAGS_src/tcg/sha1   := -O2
CFLAGS_src/tcg/sha256 := -O2
CFLAGS_src/tcg/sha512 := -O2
CFLAGS_src/tcg/sha_ni := -O2
