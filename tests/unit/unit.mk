# SPDX-License-Identifier: MIT
# Host tests of src/tcg: the same sources, with sanitizers, against a TPM at
# register level whose answers come from scripts or from libtpms.
# From the top: make -f tests/unit/unit.mk unit

UNIT_CC ?= gcc
UNIT_OUT ?= out/unit
UNIT_CFLAGS := -std=gnu11 -g -O1 -Wall -Wextra -Werror -Isrc -Itests/unit \
	-fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer
UNIT_LDLIBS := -lcmocka -ltpms

UNIT_SRC := $(wildcard src/tcg/*.c) $(wildcard src/hw/tpm_*.c)
UNIT_HELP := tests/unit/fakehw.c tests/unit/realtpm.c tests/unit/replay.c
UNIT_TESTS := $(wildcard tests/unit/test_*.c)

UNIT_OBJ := $(patsubst %.c,$(UNIT_OUT)/%.o,$(UNIT_SRC) $(UNIT_HELP))
UNIT_BIN := $(patsubst tests/unit/%.c,$(UNIT_OUT)/%,$(UNIT_TESTS))

$(UNIT_OUT)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC(host)  $<"
	@$(UNIT_CC) $(UNIT_CFLAGS) -MMD -MP -c $< -o $@

$(UNIT_BIN): $(UNIT_OUT)/test_%: $(UNIT_OUT)/tests/unit/test_%.o $(UNIT_OBJ)
	@echo "  LD(host)  $@"
	@$(UNIT_CC) $(UNIT_CFLAGS) $^ $(UNIT_LDLIBS) -o $@

.PHONY: unit
.SECONDARY:
unit: $(UNIT_BIN)
	@tests/unit/run $(UNIT_BIN)

-include $(UNIT_OBJ:.o=.d) $(UNIT_BIN:$(UNIT_OUT)/%=$(UNIT_OUT)/tests/unit/%.d)
