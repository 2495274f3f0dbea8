# SPDX-License-Identifier: MIT
# Host tests of src/tcg, src/hash and of drivers elsewhere: the same sources,
# with sanitizers.  A TPM at register level answers from scripts or by libtpms;
# what drivers need of the firmware is tests/unit/host.c.
# From the top:
#   make -f tests/unit/unit.mk unit           all tests
#   make -f tests/unit/unit.mk coverage       line coverage by them
#   make -f tests/unit/unit.mk fuzz-smoke     each fuzz target, FUZZ_SECONDS
#   make -f tests/unit/unit.mk fuzz           one target for ever: TARGET=post

UNIT_CC ?= gcc
FUZZ_CC ?= clang
UNIT_OUT ?= out/unit
FUZZ_OUT ?= out/fuzz
COVER_OUT ?= out/coverage
FUZZ_SECONDS ?= 5
FUZZ_CORPUS ?= $(FUZZ_OUT)/corpus

# What a newer library deprecates is no reason not to test.
UNIT_WARN := -std=gnu11 -g -Wall -Wextra -Werror \
	-Wno-error=deprecated-declarations -Isrc -Itests/unit
UNIT_CFLAGS ?= $(UNIT_WARN) -O1 -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_CFLAGS := $(UNIT_WARN) -O1 -fno-sanitize-recover=all \
	-fsanitize=fuzzer,address,undefined
UNIT_LDLIBS := -lcmocka -ltpms -lz

# What each program is linked with, beside itself: the TPM's module and its
# fake hardware, unless it is named here.
TCG := $(patsubst %.c,%.o,$(wildcard src/hash/*.c src/tpmdev/*.c src/tcg/*.c)) \
	src/lib/cursor.o $(addprefix tests/unit/,fakehw.o realtpm.o replay.o)
INT1A := $(TCG) tests/unit/int1a_caller.o
FAULTY := $(TCG) tests/unit/faulty.o
PPI := $(TCG) tests/unit/ppi_host.o
HOST := tests/unit/host.o
SCSI := src/disk/scsi.o src/disk/scsi_post.o src/lib/cursor.o
USB := $(patsubst %.c,%.o,$(wildcard src/usb/usb*.c)) $(SCSI) \
	tests/unit/usb_host.o $(HOST)

test_ahci := src/hba/ahci.o $(HOST)
test_alloc := src/core/alloc_post.o
test_banks := $(FAULTY)
test_bootorder := src/fw/bootorder_post.o src/hba/nvme_post.o \
	src/hw/pci_find_post.o $(HOST)
test_cursor := src/lib/cursor.o
test_detection := $(FAULTY)
test_disk_eltorito := src/disk/eltorito.o $(HOST)
test_disk_identify := src/hba/ata_identify_post.o \
	src/disk/block_geometry_post.o $(HOST)
test_disk_virtio := src/hba/virtio.o
test_e820 := src/fw/e820.o src/fw/e820_post.o $(HOST)
test_fault_answers := $(FAULTY)
test_fault_resume := $(FAULTY)
test_inflate := src/lib/inflate.o
test_int1a := $(INT1A)
test_int1a_hostile := $(INT1A)
test_misuse := $(FAULTY)
test_ppi_confirm := $(PPI)
test_ppi_cut := $(PPI)
test_ppi_hostile := $(PPI)
test_ppi_operations := $(PPI)
test_ppi_tpm12 := $(PPI)
test_rdrand := src/tpm/rdrand.o
test_share := src/tpm/share.o $(TCG)
test_times := $(FAULTY)
test_uhci := src/usb/uhci.o src/usb/uhci_ahead_post.o src/usb/usb_msc.o
test_usb := $(USB)
test_usb_descriptors := src/usb/usb_desc_post.o src/lib/cursor.o
test_virtio_blk := src/hba/virtio_blk.o src/hba/virtio_blk_post.o $(HOST)
fuzz_eltorito := src/disk/eltorito.o $(HOST)
fuzz_inflate := src/lib/inflate.o
fuzz_nvme := src/hba/nvme_post.o $(HOST)
fuzz_scsi := $(SCSI) $(HOST)
fuzz_usb := $(USB)
fuzz_virtio := src/hba/virtio.o

UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZ_TESTS := $(patsubst tests/unit/fuzz/%.c,%,\
	$(wildcard tests/unit/fuzz/fuzz_*.c))
UNIT_BIN := $(UNIT_TESTS:%=$(UNIT_OUT)/%)
FUZZ_BIN := $(FUZZ_TESTS:%=$(FUZZ_OUT)/%)
needs = $(or $($(1)),$(TCG))
$(foreach t,$(UNIT_TESTS),$(eval $(UNIT_OUT)/$(t): \
	$(addprefix $(UNIT_OUT)/,tests/unit/$(t).o $(call needs,$(t)))))
$(foreach t,$(FUZZ_TESTS),$(eval $(FUZZ_OUT)/$(t): \
	$(addprefix $(FUZZ_OUT)/,tests/unit/fuzz/$(t).o $(call needs,$(t)))))

# Their registers are the test's.
$(UNIT_OUT)/src/hba/ahci.o $(UNIT_OUT)/src/usb/uhci.o: override UNIT_CFLAGS += \
	-include tests/unit/mmio_calls.h

# Its addresses are numbers of 32 bits.
$(UNIT_OUT)/src/core/alloc_post.o: override UNIT_CFLAGS += \
	-Wno-int-to-pointer-cast -Wno-pointer-to-int-cast

$(UNIT_OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC(host)  $<"
	@$(UNIT_CC) $(UNIT_CFLAGS) -MMD -MP -c $< -o $@

$(UNIT_BIN):
	@echo "  LD(host)  $@"
	@$(UNIT_CC) $(UNIT_CFLAGS) $^ $(UNIT_LDLIBS) -o $@

$(FUZZ_OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC(fuzz)  $<"
	@$(FUZZ_CC) $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@

$(FUZZ_BIN):
	@echo "  LD(fuzz)  $@"
	@$(FUZZ_CC) $(FUZZ_CFLAGS) $^ -ltpms -lz -o $@

.PHONY: unit coverage fuzz fuzz-smoke
.PRECIOUS: $(UNIT_OUT)/%.o $(FUZZ_OUT)/%.o
unit: $(UNIT_BIN)
	@tests/unit/run $(UNIT_BIN)

# A build of its own, with gcov in place of the sanitizers.
coverage:
	@rm -rf $(COVER_OUT) && mkdir -p $(COVER_OUT)
	@$(MAKE) --no-print-directory -f tests/unit/unit.mk unit \
	    UNIT_OUT=$(COVER_OUT) UNIT_CFLAGS='$(UNIT_WARN) -O0 --coverage' \
	    >$(COVER_OUT).log 2>&1 || { cat $(COVER_OUT).log; exit 1; }
	@tests/unit/coverage $(COVER_OUT)

# Each target starts from its seeds and what earlier runs have found.
FUZZ_SMOKE := $(FUZZ_BIN:%=%.smoke)
.PHONY: fuzz-seeds $(FUZZ_SMOKE)
fuzz-smoke: $(FUZZ_SMOKE)
fuzz-seeds:
	@tests/unit/fuzz/seeds $(FUZZ_CORPUS)
$(FUZZ_SMOKE): %.smoke: % fuzz-seeds
	@timeout $$(($(FUZZ_SECONDS) + 60)) $< -max_len=2048 -timeout=10 \
	    -max_total_time=$(FUZZ_SECONDS) -artifact_prefix=$<- \
	    $(FUZZ_CORPUS)/$(notdir $<) >$<.log 2>&1 || \
	    { tail -40 $<.log; echo "$(notdir $<): FAILED"; exit 1; }
	@echo "$(notdir $<): $$(sed -n 's/^Done/done/p' $<.log)"

TARGET ?= post
fuzz: $(FUZZ_OUT)/fuzz_$(TARGET)
	@tests/unit/fuzz/seeds $(FUZZ_CORPUS)
	$< -max_len=2048 -timeout=10 -artifact_prefix=$(FUZZ_OUT)/$(TARGET)- \
	    $(FUZZ_CORPUS)/fuzz_$(TARGET)

ALL_NEEDS := $(sort $(TCG) $(foreach t,$(UNIT_TESTS) $(FUZZ_TESTS),$($(t))))
-include $(patsubst %.o,$(UNIT_OUT)/%.d,\
	$(ALL_NEEDS) $(UNIT_TESTS:%=tests/unit/%.o))
-include $(patsubst %.o,$(FUZZ_OUT)/%.d,\
	$(ALL_NEEDS) $(FUZZ_TESTS:%=tests/unit/fuzz/%.o))
