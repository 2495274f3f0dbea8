# SPDX-License-Identifier: MIT
#
# KeelBIOS: build, run, test.  `make help` lists the targets.
#
#   O=dir           where everything built goes (default: out)
#   V=1             show the commands
#   CROSS_PREFIX=p  use p-gcc and friends, such as i686-linux-gnu-
#   CC=clang        compile with it, without the check of the stack's depth
#   KEEL_VERSION=v  the version, instead of git's or the file VERSION's

O            ?= out
V            ?= 0
CROSS_PREFIX ?=
PYTHON       ?= /usr/bin/python3

CC      := $(CROSS_PREFIX)gcc
OBJCOPY := $(CROSS_PREFIX)objcopy
OBJDUMP := $(CROSS_PREFIX)objdump
LD      := $(CROSS_PREFIX)ld

Q    := $(if $(filter 1,$(V)),,@)
say   = $(if $(filter 1,$(V)),@:,@printf '  %-8s %s\n' $(1) $(2))

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:

# ---------------------------------------------------------------- what is built
#
# A file's folder and name say where it goes (docs/architecture.md):
#
#   *_post.c, post.c    POST-only: gone when the boot begins; all else stays
#   folders_<overlay>   packed, and unpacked when its hardware is there

OVERLAYS    := tpm usb
folders_tpm := hash tpmdev tcg tpm
folders_usb := usb

SOURCES := $(filter-out %.lds.S,$(sort $(wildcard src/*/*.c src/*/*.S)))
OBJECTS := $(patsubst %,$(O)/obj/%.o,$(basename $(SOURCES)))

post_only  = $(filter %_post.o %/post.o,$(1))
in_overlay = $(filter $(foreach f,$(folders_$(1)),$(O)/obj/src/$(f)/%),\
               $(OBJECTS))

# The part of the image that an object goes into: objcopy puts this name before
# those of its sections.
$(call post_only,$(OBJECTS)): PART := .init
$(foreach o,$(OVERLAYS),\
    $(eval $(call in_overlay,$(o)): PART := .$(o).res)\
    $(eval $(call post_only,$(call in_overlay,$(o))): PART := .$(o).init))

# Hashing is where the time goes when a TPM is there.  SM3 and SHA-3, counted in
# instructions, are as fast with -Oz, and so is SHA-512 by vectors, in MB/s.
$(patsubst %,$(O)/obj/src/hash/%.o,sha1 sha256 sha512 sha_ni): \
    OPT = -O2 $(FAST_$(COMPILER))
$(O)/obj/src/hash/sha1.o: FAST_clang :=       # there it is larger with -Os
OPT := -Oz

# ---------------------------------------------------------------------- flags

WARN    := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes \
           -Wmissing-prototypes -Wframe-larger-than=2560
CPPFLAGS := -Isrc -Isrc/lib/include -I$(O)
CFLAGS  := -m32 -march=i486 -mtune=generic -std=gnu11 -ffreestanding \
           -fno-pic -fno-pie -fno-stack-protector -fno-asynchronous-unwind-tables \
           -fno-unwind-tables -mregparm=3 \
           -mno-sse -mno-mmx -mno-80387 -fno-strict-aliasing -fwrapv \
           -fno-delete-null-pointer-checks -ffunction-sections -fdata-sections \
           -fcf-protection=none -fno-common -fno-builtin-printf \
           -ffile-prefix-map=$(CURDIR)=. -g0 $(WARN)
# What compilers call differently, or what one of them alone needs to be told.
COMPILER := $(if $(findstring clang,$(shell command -v $(CC) >/dev/null && \
              $(CC) --version)),clang,gcc)
FAST_gcc     := -fno-align-functions -fno-align-jumps -fno-align-loops
FAST_clang   := -Os
CFLAGS_gcc   := -mpreferred-stack-boundary=2 -malign-data=abi \
                -fno-tree-loop-distribute-patterns --param=min-pagesize=0 \
                -fcallgraph-info=su
CFLAGS_clang := -mstack-alignment=4 -fno-unroll-loops
ASFLAGS_clang := -fno-integrated-as      # it does not know addr32 in 16-bit code
CFLAGS       += $(CFLAGS_$(COMPILER))
ASFLAGS := -m32 -march=i486 -g0 -ffile-prefix-map=$(CURDIR)=. $(ASFLAGS_$(COMPILER))

# ----------------------------------------------------------------- the image

.PHONY: all
all: $(O)/bios.bin

$(O)/bios.bin: $(O)/bios.elf $(O)/stack.txt scripts/image
	$(call say,IMAGE,$@)
	$(Q)$(OBJCOPY) -O binary --gap-fill 0 \
	    $(foreach o,$(OVERLAYS),-R .$(o)_res -R .$(o)_init) $< $(O)/bios.raw
	$(Q)$(PYTHON) scripts/image --raw $(O)/bios.raw --overlays '$(OVERLAYS)' \
	    --config $(O)/.config --elf $< --out $@

$(O)/bios.elf: $(O)/keelbios.lds $(OBJECTS)
	$(call say,LD,$@)
	$(Q)$(LD) -m elf_i386 -T $< --gc-sections -nostdlib --no-dynamic-linker \
	    --fatal-warnings --no-warn-rwx-segments -z noexecstack \
	    --enable-non-contiguous-regions \
	    -Map $(O)/bios.map \
	    -o $@ $(OBJECTS)

# The worst use of the stack, against the limits in src/core/layout.h.  Whom a
# call through a pointer reaches is in GCC's call graphs only.
STACKUSE := scripts/stackuse scripts/stackcode.py scripts/stack_table.py
$(O)/stack.txt: $(OBJECTS) src/core/layout.h $(STACKUSE)
	$(call say,STACK,$@)
	$(Q)$(STACK_$(COMPILER)) > $@
STACK_gcc   = $(PYTHON) scripts/stackuse --objdump $(OBJDUMP) $(OBJECTS)
STACK_clang = echo "clang writes no call graph: build with GCC to see"

.PHONY: stack
stack: $(O)/stack.txt
	@cat $<

$(O)/keelbios.lds: src/core/keelbios.lds.S src/core/layout.h Makefile \
        $(O)/generated/autoconf.h
	$(call say,LDS,$@)
	@mkdir -p $(@D)
	$(Q)$(CC) -E -P -undef -x c $(CPPFLAGS) $< -o $@

GENERATED := $(O)/generated/autoconf.h $(O)/generated/version.h \
             $(O)/generated/font8x8.h

$(O)/obj/%.o: %.c | $(GENERATED)
	$(call say,CC,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(OPT) -MMD -MP -c $< -o $@
	$(Q)$(if $(PART),$(OBJCOPY) --prefix-alloc-sections=$(PART) $@)

$(O)/obj/%.o: %.S | $(GENERATED)
	$(call say,AS,$<)
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(ASFLAGS) -MMD -MP -c $< -o $@
	$(Q)$(if $(PART),$(OBJCOPY) --prefix-alloc-sections=$(PART) $@)

-include $(OBJECTS:.o=.d)

# A change of flags rebuilds.
$(OBJECTS): Makefile

# The version goes into the S-CRTM event, so it is the source's, never the
# moment's or the machine's.  KEEL_VERSION= overrides it.
.PHONY: force
$(O)/generated/version.h: force
	@mkdir -p $(@D)
	@$(PYTHON) scripts/keelversion.py header > $@.tmp || { rm $@.tmp; exit 1; }
	@cmp -s $@.tmp $@ && rm $@.tmp || mv $@.tmp $@

$(O)/generated/font8x8.h: src/services/font8x8.txt scripts/font
	@mkdir -p $(@D)
	$(Q)$(PYTHON) scripts/font $< > $@

# ------------------------------------------------------- configuration (Kconfig)

export KCONFIG_CONFIG = $(O)/.config
KCONFIG_TOOLS := menuconfig defconfig olddefconfig savedefconfig

.PHONY: $(KCONFIG_TOOLS)
$(filter-out savedefconfig defconfig,$(KCONFIG_TOOLS)):
	@mkdir -p $(O)
	$(Q)$(PYTHON) -m $@ Kconfig
defconfig:
	@mkdir -p $(O)
	$(Q)$(PYTHON) -m alldefconfig Kconfig
savedefconfig:
	$(Q)$(PYTHON) -m savedefconfig --kconfig Kconfig --out $(O)/defconfig

$(O)/.config:
	$(call say,DEFCONFIG,$@)
	@mkdir -p $(@D)
	$(Q)$(PYTHON) -m alldefconfig Kconfig >/dev/null

$(O)/generated/autoconf.h: $(O)/.config Kconfig
	$(call say,CONFIG,$@)
	@mkdir -p $(@D)
	$(Q)$(PYTHON) -m genconfig --header-path $@.tmp Kconfig
	@cmp -s $@.tmp $@ && rm $@.tmp && touch $@ || mv $@.tmp $@

# -------------------------------------------------------------------- releases

.PHONY: dist deb release reference install
dist:
	$(Q)$(PYTHON) scripts/dist $(O)

deb:
	$(Q)scripts/setup deb
	$(Q)scripts/deb $(O)

release:
	$(Q)scripts/setup build deb
	$(Q)$(PYTHON) scripts/release $(O)/release $(if $(SIGN_KEY),--key '$(SIGN_KEY)')

# What a verifier expects of this version's image: by each of these compilers.
COMPILERS ?= gcc
reference:
	$(Q)set -e; for cc in $(COMPILERS); do \
	    $(MAKE) --no-print-directory O=$(O)/reference-$$cc CC=$$cc all; done
	$(Q)$(PYTHON) scripts/reference.py $(O)/reference.json \
	    $(foreach cc,$(COMPILERS),"$(O)/reference-$(cc)/bios.bin=$$($(cc) --version | head -n 1)")

# libvirt's AppArmor helper refuses a ROM below /usr/share and /usr/lib; that of
# 11.3 also in OVMF's place, unless the domain says readonly='yes', which a
# descriptor does not.  Descriptors it finds in /usr/share and /etc only.
DESTDIR     ?=
PREFIX      ?= /usr/local
SHARE       := $(PREFIX)/share
BIOSFILE    := $(if $(filter /usr,$(PREFIX)),/var/lib,$(SHARE))/keelbios/bios.bin
DESCRIPTORS := $(if $(filter /usr,$(PREFIX)),/usr/share,/etc)/qemu/firmware
KEELPCR     := tcglog pcrlock pcrpredict predictionfile machinefacts rehearse \
               vm monitor doctor explain grubevents

# As root: so nothing is built here.
install:
	@test -f $(O)/bios.bin || { echo 'install: there is no $(O)/bios.bin;' \
	    'build it first, as a user: make' >&2; exit 1; }
	install -D -m 644 $(O)/bios.bin $(DESTDIR)$(BIOSFILE)
	install -d $(DESTDIR)$(SHARE)/keelbios $(DESTDIR)$(DESCRIPTORS)
	$(if $(filter /usr,$(PREFIX)),ln -sf $(BIOSFILE) \
	    $(DESTDIR)$(SHARE)/keelbios/bios.bin)
	sed 's|@BIOSFILE@|$(BIOSFILE)|' data/firmware.json \
	    > $(DESTDIR)$(DESCRIPTORS)/60-keelbios.json
	chmod 644 $(DESTDIR)$(DESCRIPTORS)/60-keelbios.json
	install -D -t $(DESTDIR)$(SHARE)/keelpcr scripts/keelpcr
	install -m 644 -t $(DESTDIR)$(SHARE)/keelpcr $(KEELPCR:%=scripts/%.py)
	install -t $(DESTDIR)$(SHARE)/keelpcr contrib/grub.d/06_linux16
	install -D -m 644 -t $(DESTDIR)$(SHARE)/keelpcr/keylime contrib/keylime/keelbios.py
	install -d $(DESTDIR)$(PREFIX)/bin
	ln -sf ../share/keelpcr/keelpcr $(DESTDIR)$(PREFIX)/bin/keelpcr
	install -D -m 644 data/keelpcr.bash \
	    $(DESTDIR)$(SHARE)/bash-completion/completions/keelpcr
	install -D -m 644 -t $(DESTDIR)$(SHARE)/man/man1 docs/keelpcr.1
	install -D -m 644 -t $(DESTDIR)$(SHARE)/man/man7 docs/keelbios.7

# ------------------------------------------------------------- run, test, bench

.PHONY: setup run check check-full unit bench clean help
setup:
	$(Q)scripts/setup

# The sub-makes see the tools that setup installed.
PARALLEL := $(MAKE) --no-print-directory -j $(shell nproc)
run:
	$(Q)scripts/setup build run $(filter window,$(DISPLAY_KIND))
	$(Q)$(PARALLEL) all
	$(Q)$(PYTHON) scripts/run --bios $(O)/bios.bin

# The host tests first: they take seconds.  pytest's summary is the last line.
# One worker more than there are processors: tests wait half of their time.
PYTEST := $(PYTHON) -m pytest -n $(shell echo $$(($$(nproc) + 1))) -q \
          --durations=10 -rs

check:
	$(Q)scripts/setup
	$(Q)$(PARALLEL) format-check all unit fuzz-smoke
	$(Q)$(PYTEST) -m 'not slow' $(PYTEST_ARGS) tests

check-full:
	$(Q)scripts/setup build run test full deb stacks
	$(Q)$(PARALLEL) all unit
	$(Q)$(PYTEST) $(PYTEST_ARGS) tests

# Both commands of README on bare systems of Debian 12, 13 and unstable, or of
# some of them: STACKS=trixie.
.PHONY: check-stacks
check-stacks:
	$(Q)scripts/setup stacks
	$(Q)$(PYTHON) scripts/check_stacks $(STACKS)

# docs/libvirt.md: its XML with the libvirt of this system, or with that of bare
# ones (STACKS=trixie); and its commands on such systems with the packages.
# contrib/grub, likewise, with their versions of GRUB.
.PHONY: check-libvirt check-packages check-grub
ifdef STACKS
check-libvirt check-grub:
	$(Q)scripts/setup stacks
	$(Q)$(PYTHON) scripts/check_stacks --command 'make $@' $(STACKS)
else
check-libvirt:
	$(Q)scripts/setup build run test libvirt
	$(Q)$(PARALLEL) all
	$(Q)$(PYTHON) -m pytest -q $(PYTEST_ARGS) tests/libvirt

check-grub:
	$(Q)scripts/setup build run test full
	$(Q)$(PARALLEL) all
	$(Q)$(PYTEST) $(PYTEST_ARGS) tests/boot/test_grub_tpm.py \
	    tests/boot/test_grub_linux16.py
endif

check-packages:
	$(Q)scripts/setup build run test deb stacks
	$(Q)$(PYTHON) scripts/check_packages $(STACKS)

bench:
	$(Q)scripts/setup
	$(Q)$(MAKE) --no-print-directory all
	$(Q)$(PYTHON) tests/bench/bench.py --bios $(O)/bios.bin $(BENCH_ARGS)

# All C sources; these headers are assembly.
C_FILES = $(filter-out src/core/asm.h tests/rm/start.h tests/rm/rm.h,$(sort $(wildcard \
              $(foreach d,src/* tests/* tests/*/*,$(d)/*.c $(d)/*.h))))
.PHONY: format format-check
format:
	$(Q)$(PYTHON) scripts/format $(C_FILES)
format-check:
	$(Q)$(PYTHON) scripts/format --check $(C_FILES)

-include tests/unit/unit.mk

clean:
	$(call say,CLEAN,$(O))
	$(Q)rm -rf $(O)

help:
	@echo 'Build'
	@echo '  make                 $(O)/bios.bin, the firmware'
	@echo '  make menuconfig      change the configuration ($(O)/.config)'
	@echo '  make defconfig | olddefconfig | savedefconfig'
	@echo '  make stack           the worst use of the stack, way by way'
	@echo '  make clean           remove $(O)/'
	@echo '     KEEL_VERSION=...     another version than that of the commit'
	@echo 'Give to others'
	@echo '  make install         PREFIX=/usr/local, DESTDIR=: what make built'
	@echo '  make dist            the source of the newest commit as a tarball'
	@echo '  make deb             Debian packages of the newest commit'
	@echo '  make reference       what a verifier compares: COMPILERS="gcc clang"'
	@echo '  make release         all of it with checksums, signed by SIGN_KEY=...'
	@echo 'Use (these install missing Debian packages first)'
	@echo '  make run             boot Linux with a TPM 2.0, replay the event log'
	@echo '     MACHINE=pc|q35  TPM=none|1.2|2.0-tis|2.0-crb  DISK=path  ISO=path'
	@echo '     MENU=1  DISPLAY_KIND=serial|window  QEMU_ARGS=...'
	@echo '  make check           all tests that CI runs'
	@echo '  make check-full      the long suites as well'
	@echo '  make check-stacks    run and check on bare Debian 12, 13, unstable'
	@echo '  make check-libvirt   docs/libvirt.md, with a libvirtd of its own'
	@echo '  make check-packages  the packages and that page on bare Debian 12, 13'
	@echo '  make check-grub      contrib/grub with this GRUB; STACKS=... with others'
	@echo '  make unit            host tests only'
	@echo '  make fuzz-smoke      their fuzz targets, briefly (FUZZ_SECONDS)'
	@echo '  make coverage        line coverage by the host tests'
	@echo '  make format          C sources by .clang-format; format-check: do they?'
	@echo '  make bench           time and accesses to devices to boot, beside SeaBIOS'
	@echo '     BENCH_ARGS="--initrd --hash --update"  see docs/performance.md'
	@echo 'Variables: O=dir  V=1  CROSS_PREFIX=prefix-  PYTHON=/usr/bin/python3'
