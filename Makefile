# SPDX-License-Identifier: GPL-2.0-only
#
# The one build.
#
#   make            the three programs, in build/
#   make DEV=1      the same for developers: warnings are errors, ASan and UBSan, in build-dev/
#   make demo       the main job on a stock kernel, everything installed and fetched
#   make check      all tests, everything installed and fetched
#   make check-all  the same, with what takes long, and on 6.12 also what hardly depends on the kernel
#   make check-dev  the suites that need no machine, with sanitizers in the programs
#   make check-7    examples, patches and the machine's tests on the newest 7.x of Debian 13, in a root of it; as root
#   make check-5    the same on Debian 11's 5.10, with that release's compiler
#   make fixtures   a small kernel of each other machine, cross-compiled into the test cache: five minutes
#   make lint       static checks
#   make bench      the figures
#   make sweep      hundreds of objects proven against stock kernels and against themselves; resumable
#   make mutants    the programs, broken in 500 places: the tests must notice each. An hour or two
#   make corpus     hundreds of real fixes built for the older stock kernels, loaded and unloaded; resumable
#   make soak       patched modules unloaded and loaded 100 times, patches 200 times, on both kernels; resumable
#   make system     hotfix packages on a whole Debian with systemd, apt and rpm, on both kernels
#   make install    PREFIX (default /usr/local) and DESTDIR are honoured
#   make help       this list
#
# CC, CFLAGS, LDFLAGS and AR are honoured; V=1 shows whole command lines.

# make's own default is cc
ifeq ($(origin CC),default)
CC := gcc
endif
comma := ,
PREFIX ?= /usr/local
BUILD := build$(if $(DEV),-dev)
VERSION := 0.1

CPPFLAGS := -I. -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DKPATCH_VERSION='"$(VERSION)"' \
	    -DKPATCH_DATADIR='"$(PREFIX)/share/kpatch"'
# As distributions build what runs as root. Whoever packages it gives CFLAGS and LDFLAGS of their own.
HARDENING := -fPIE -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fstack-clash-protection \
	     $(if $(filter x86_64%,$(shell $(CC) -dumpmachine)),-fcf-protection)
CFLAGS ?= -O2 -g $(if $(DEV),,$(HARDENING))
WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
	    -Wwrite-strings -Wundef -Wvla -Wno-unused-parameter \
	    -Werror=implicit-function-declaration -Werror=int-conversion -Werror=incompatible-pointer-types
ALL_CFLAGS = -std=gnu11 -pthread $(WARNINGS) $(CFLAGS)
LDFLAGS ?= $(if $(DEV),,-pie -Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack)
ifdef DEV
ALL_CFLAGS += -Werror -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	      -fno-sanitize-recover=undefined
LDFLAGS += -fsanitize=address,undefined
endif

# What each program links with. kpatch needs neither compiler nor decoder.
LIBS_ELF := -ldw -lelf -lZydis
LIBS_KERNEL := -llzma -lzstd -llz4 -lz
LIBS_MANIFEST := -lyaml
LIBS := $(LIBS_ELF) $(LIBS_KERNEL) $(LIBS_MANIFEST) -lcrypto -pthread

# Programs are named like their rooms, so objects live in a directory of their own.
OBJ := $(BUILD)/obj
objects = $(patsubst %.c,$(OBJ)/%.o,$(wildcard $(1)))

LIB_OBJS := $(call objects,lib/*/*.c lib/*/*/*.c)
DIFF_OBJS := $(filter-out %/main.o,$(call objects,create-diff-object/*.c))
BUILD_OBJS := $(filter-out %/main.o %/package_main.o,$(call objects,kpatch-build/*.c kpatch-build/*/*.c))
LOADER_OBJS := $(filter-out %/main.o %/system_real.o,$(call objects,kpatch/*.c kpatch/*/*.c))
UNIT_TESTS := $(patsubst test/unit/%.c,$(BUILD)/test/%,$(wildcard test/unit/*.c))
PROGRAMS := $(BUILD)/create-diff-object $(BUILD)/kpatch-build $(BUILD)/kpatch-package $(BUILD)/kpatch

# A line for each file that is made, or its whole command (V=1), or nothing (-s).
quiet := $(findstring s,$(firstword -$(MAKEFLAGS)))
Q := $(if $(V),,@)
made = $(Q)$(if $(V)$(quiet),,printf '  %-4s %s\n' $(1) '$@';)

.PHONY: all programs unit-tests test-programs clean help
all: programs
help:
	@sed -n 's/^#   //p' Makefile
programs: $(PROGRAMS)
unit-tests: $(UNIT_TESTS)
test-programs: $(BUILD)/test/fake-kpatch $(BUILD)/test/faults $(BUILD)/test/faulty-disk.so $(BUILD)/test/patch-fuzz

# Other flags compile everything again.
$(OBJ)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(ALL_CFLAGS) $(LDFLAGS)' | cmp -s - $@ || echo '$(CC) $(ALL_CFLAGS) $(LDFLAGS)' > $@

# What the programs are made of, by a header and Debian's package. Looked for once, before anything is compiled.
LIBRARIES := libelf.h=libelf-dev elfutils/libdw.h=libdw-dev Zydis/Zydis.h=libzydis-dev yaml.h=libyaml-dev \
	     lzma.h=liblzma-dev zstd.h=libzstd-dev lz4.h=liblz4-dev zlib.h=zlib1g-dev openssl/evp.h=libssl-dev
$(OBJ)/libraries: Makefile $(OBJ)/flags
	@missing=; for library in $(LIBRARIES); do \
		echo "#include <$${library%=*}>" | $(CC) $(CPPFLAGS) $(CFLAGS) -x c -E -o /dev/null - 2> /dev/null || \
			missing="$$missing $${library#*=}"; \
	done; \
	[ -z "$$missing" ] || { \
		echo "$(CC) finds no headers of:$$missing (Debian's names). Run test/install-deps, which installs them." >&2; \
		exit 1; \
	}
	@touch $@

$(OBJ)/%.o: %.c $(OBJ)/flags | $(OBJ)/libraries
	@mkdir -p $(@D)
	$(call made,CC)$(CC) $(CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/libkpatch.a: $(LIB_OBJS)
	@rm -f $@
	$(call made,AR)$(AR) rcs $@ $^

$(BUILD)/libdiff.a: $(DIFF_OBJS)
	@rm -f $@
	$(call made,AR)$(AR) rcs $@ $^

# The builder's stages, for its main and for unit tests.
$(BUILD)/libbuild.a: $(BUILD_OBJS)
	@rm -f $@
	$(call made,AR)$(AR) rcs $@ $^

DIFF_MAIN := $(OBJ)/create-diff-object/main.o
BUILD_MAIN := $(OBJ)/kpatch-build/main.o
LIBBUILD := $(BUILD)/libbuild.a
LIBKPATCH := $(BUILD)/libkpatch.a
LIBDIFF := $(BUILD)/libdiff.a

$(BUILD)/create-diff-object: $(DIFF_MAIN) $(LIBDIFF) $(LIBKPATCH)
	$(call made,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/kpatch-build: $(BUILD_MAIN) $(LIBBUILD) $(LIBDIFF) $(LIBKPATCH)
	$(call made,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/kpatch-package: $(OBJ)/kpatch-build/package_main.o $(LIBBUILD) $(LIBDIFF) $(LIBKPATCH)
	$(call made,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ $(LIBS)

# The loader without the calls that reach the kernel, for kpatch and for the tests' fake kernel.
$(BUILD)/libloader.a: $(LOADER_OBJS)
	@rm -f $@
	$(call made,AR)$(AR) rcs $@ $^

LOADER_MAIN := $(OBJ)/kpatch/main.o $(OBJ)/kpatch/system/system_real.o
LIBLOADER := $(BUILD)/libloader.a

$(BUILD)/test/fake-kpatch: $(OBJ)/test/loader/fake-kpatch.o $(LIBLOADER) $(LIBKPATCH)
	@mkdir -p $(@D)
	$(call made,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ $(LIBS)

# The same with calls that fail.
WRAPPED := open64 openat64 __open64_2 __openat64_2 read __read_chk pread64 __pread64_chk readdir64 write pwrite64 \
	   fsync renameat unlinkat mkdir fchmod close closedir
$(BUILD)/test/faults: $(OBJ)/test/loader/faults.o $(LIBLOADER) $(LIBKPATCH)
	@mkdir -p $(@D)
	$(call made,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) $(patsubst %,-Wl$(comma)--wrap=%,$(WRAPPED)) -Wl,--as-needed -o $@ $^ $(LIBS)

# Loaded into kpatch-build (LD_PRELOAD): a library, without what programs have.
$(BUILD)/test/faulty-disk.so: test/build/faulty_disk.c
	@mkdir -p $(@D)
	$(call made,LD)$(CC) -D_GNU_SOURCE -std=gnu11 $(WARNINGS) -O1 -g -fPIC -shared -o $@ $< -ldl

# Damaged modules for the loader; DEV=1 has it with sanitizers.
$(BUILD)/test/patch-fuzz: $(OBJ)/test/fuzz/patch_fuzz.o $(LIBLOADER) $(LIBKPATCH)
	@mkdir -p $(@D)
	$(call made,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ $(LIBS)

$(BUILD)/kpatch: $(LOADER_MAIN) $(LIBLOADER) $(LIBKPATCH)
	$(call made,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -Wl,--as-needed -o $@ $^ $(LIBS)

$(BUILD)/test/%: $(OBJ)/test/unit/%.o $(LIBBUILD) $(LIBDIFF) $(LIBKPATCH)
	@mkdir -p $(@D)
	$(call made,LD)$(CC) $(ALL_CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

.PHONY: demo fixtures check check-all check-dev check-7 check-5 bench sweep corpus soak system mutants lint
# install-deps first: nothing may be assumed but make, and the programs need their libraries.
demo:
	@test/demo
fixtures:
	@test/lib/fetch-port ppc64le
check:
	@test/run
check-all:
	@KPATCH_TEST_ALL=1 test/run
check-dev:
	@$(MAKE) -s DEV=1 programs unit-tests test-programs
	@KPATCH_BUILD_DIR=$(CURDIR)/build-dev KPATCH_TEST_ALL=1 test/run test/unit test/differ test/loader test/build
bench:
	@test/bench
sweep:
	@test/sweep
	@test/sweep-identity
corpus:
	@test/corpus/run --compare
mutants:
	@test/mutants/run
soak:
	@test/soak
check-7:
	@test/series/run 7
check-5:
	@test/series/run 5
system:
	@test/run test/system test/system@6.12
lint:
	@test/lint

# The data directory is compiled in: another PREFIX compiles that file again.
$(OBJ)/prefix: FORCE
	@mkdir -p $(@D)
	@echo '$(PREFIX)' | cmp -s - $@ || echo '$(PREFIX)' > $@
$(OBJ)/kpatch-build/options.o: $(OBJ)/prefix

INSTALL := install
DATADIR = $(DESTDIR)$(PREFIX)/share
UNITDIR = $(DESTDIR)$(PREFIX)/lib/systemd/system
.PHONY: install FORCE
install: programs
	$(INSTALL) -D -m 755 -t $(DESTDIR)$(PREFIX)/bin $(BUILD)/create-diff-object $(BUILD)/kpatch-build \
		$(BUILD)/kpatch-package $(BUILD)/kpatch
	$(INSTALL) -D -m 755 -t $(DESTDIR)$(PREFIX)/libexec/kpatch contrib/hotfix contrib/kernel-hook contrib/auto
	$(INSTALL) -D -m 644 -t $(DATADIR)/kpatch kmod/*
	$(INSTALL) -D -m 644 -t $(DATADIR)/man/man8 man/*.8
	$(INSTALL) -D -m 644 -t $(DATADIR)/man/man7 man/*.7
	$(INSTALL) -D -m 644 -t $(DATADIR)/man/man5 man/*.5
	$(INSTALL) -D -m 644 -t $(DATADIR)/doc/kpatch contrib/kpatch.yaml
	$(INSTALL) -d $(UNITDIR)/multi-user.target.wants
	for unit in contrib/systemd/*.in; do \
		sed -e 's|@BINDIR@|$(PREFIX)/bin|' -e 's|@LIBEXECDIR@|$(PREFIX)/libexec/kpatch|' -e '/^@SANDBOX@$$/{r contrib/systemd/sandbox' -e 'd}' $$unit > $(UNITDIR)/$$(basename $$unit .in) || exit; \
		chmod 644 $(UNITDIR)/$$(basename $$unit .in) || exit; \
	done
	ln -sf ../kpatch-confirm.service $(UNITDIR)/multi-user.target.wants/
	$(INSTALL) -D -m 644 -t $(DATADIR)/bash-completion/completions contrib/completions/bash/*
	$(INSTALL) -D -m 644 -t $(DATADIR)/fish/vendor_completions.d contrib/completions/fish/*
	$(INSTALL) -D -m 644 -t $(DATADIR)/zsh/site-functions contrib/completions/zsh/*
	$(INSTALL) -D -m 644 -t $(DATADIR)/doc/kpatch README.md COPYING doc/*.md
	$(INSTALL) -D -m 644 -t $(DATADIR)/doc/kpatch/examples examples/*

.SECONDARY:

clean:
	rm -rf build build-dev

-include $(shell find $(OBJ) -name '*.d' 2>/dev/null)
