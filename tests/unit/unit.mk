# SPDX-License-Identifier: MIT
# Host tests of src/tcg, src/hash and of parsers elsewhere: the same sources, with
# sanitizers, against a TPM at register level whose answers come from scripts or
# from libtpms.
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

UNIT_WARN := -std=gnu11 -g -Wall -Wextra -Werror -Isrc -Itests/unit
UNIT_CFLAGS ?= $(UNIT_WARN) -O1 -fsanitize=address,undefined \
	-fno-sanitize-recover=all -fno-omit-frame-pointer
FUZZ_CFLAGS := $(UNIT_WARN) -O1 -fno-sanitize-recover=all \
	-fsanitize=fuzzer,address,undefined
UNIT_LDLIBS := -lcmocka -ltpms -lz

UNIT_SRC := $(wildcard src/hash/*.c src/tcg/*.c) src/lib/cursor.c
UNIT_HELP := tests/unit/fakehw.c tests/unit/realtpm.c tests/unit/replay.c
UNIT_TESTS := $(wildcard tests/unit/test_*.c)
FUZZ_SRC := $(wildcard tests/unit/fuzz/fuzz_*.c)

UNIT_OBJ := $(patsubst %.c,$(UNIT_OUT)/%.o,$(UNIT_SRC) $(UNIT_HELP))
UNIT_BIN := $(patsubst tests/unit/%.c,$(UNIT_OUT)/%,$(UNIT_TESTS))
FUZZ_OBJ := $(patsubst %.c,$(FUZZ_OUT)/%.o,$(UNIT_SRC) $(UNIT_HELP))
FUZZ_BIN := $(patsubst tests/unit/fuzz/%.c,$(FUZZ_OUT)/%,$(FUZZ_SRC))

$(UNIT_OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC(host)  $<"
	@$(UNIT_CC) $(UNIT_CFLAGS) -MMD -MP -c $< -o $@

$(UNIT_BIN): $(UNIT_OUT)/test_%: $(UNIT_OUT)/tests/unit/test_%.o $(UNIT_OBJ)
	@echo "  LD(host)  $@"
	@$(UNIT_CC) $(UNIT_CFLAGS) $^ $(UNIT_LDLIBS) -o $@

$(FUZZ_OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC(fuzz)  $<"
	@$(FUZZ_CC) $(FUZZ_CFLAGS) -MMD -MP -c $< -o $@

$(FUZZ_BIN): $(FUZZ_OUT)/fuzz_%: $(FUZZ_OUT)/tests/unit/fuzz/fuzz_%.o \
		$(FUZZ_OBJ)
	@echo "  LD(fuzz)  $@"
	@$(FUZZ_CC) $(FUZZ_CFLAGS) $^ -ltpms -lz -o $@

.PHONY: unit coverage fuzz fuzz-smoke
.PRECIOUS: $(UNIT_OUT)/%.o $(FUZZ_OUT)/%.o
unit: $(UNIT_BIN)
	@tests/unit/run $(UNIT_BIN)

# A build of its own, with gcov in place of the sanitizers.
coverage:
	@rm -rf $(COVER_OUT)
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

-include $(UNIT_OBJ:.o=.d) $(UNIT_BIN:$(UNIT_OUT)/%=$(UNIT_OUT)/tests/unit/%.d)
-include $(FUZZ_OBJ:.o=.d) $(FUZZ_BIN:$(FUZZ_OUT)/%=$(FUZZ_OUT)/tests/unit/fuzz/%.d)
