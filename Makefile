# SPDX-License-Identifier: GPL-2.0-or-later
# One Makefile for everything; each folder adds its module.mk. `make help` lists the targets.

BUILD ?= build
RUNS ?= runs
PREFIX ?= /usr/local
DESTDIR ?=
SCENARIO ?= smoke
SEED ?= 1

CC = gcc
CLANG = clang
BPFTOOL = bpftool
VERSION := $(shell git describe --always --dirty --tags 2>/dev/null || echo unknown)

CFLAGS ?= -O2 -g
WARNINGS = -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2
# The same results on every machine and at every optimisation level: no fused operations. Last, so
# that no CFLAGS turn them on again.
EXACT = -ffp-contract=off
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE $(WARNINGS) -I. -I$(BUILD) $(CFLAGS) $(SANITIZE) $(EXACT) \
	-MMD -MP

ifeq ($(V),1)
Q =
say = @:
else
Q = @
say = @printf '  %-8s %s\n'
endif

.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:
.PHONY: all help lab test check images doctor install clean format deps compile_commands.json

all: programs

# Filled by the module.mk files.
PROGRAMS =
UNIT_TESTS =
ARCHIVE_OBJS =
FORMAT_DIRS = lib generators collector bpf lab tests

# Objects and programs -----------------------------------------------------------------------

# Every object waits for the packages, but is not rebuilt when the stamp changes.
$(BUILD)/%.o: %.c | $(BUILD)/.deps
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -c $< -o $@

LINK = $(CC) $(ALL_CFLAGS) $(LDFLAGS)

# $(1) program, $(2) objects, $(3) libraries and flags
define program
PROGRAMS += $$(BUILD)/$(1)
$$(BUILD)/$(1): $(2)
	$$(say) LINK $$@
	$$(Q)$$(LINK) $(2) $(3) -o $$@
endef

objects = $(patsubst %.c,$(BUILD)/%.o,$(1))

include lib/module.mk
include generators/module.mk
include bpf/module.mk
include collector/module.mk
include lab/module.mk
include containers/module.mk
include tests/module.mk
include tests/bpf/module.mk
include tests/bench/module.mk
include tests/fuzz/module.mk
include tests/vm/module.mk
include tests/accuracy/module.mk

programs: $(PROGRAMS)
.PHONY: programs

help: ## List the targets
	@grep -hE '^[a-z][a-z._-]*:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | \
		sort | awk -F '\t' '{ printf "  make %-22s %s\n", $$1, $$2 }'
	@echo
	@echo "  Variables: SCENARIO=NAME SEED=N RUNS=DIR BUILD=DIR PREFIX=DIR DESTDIR=DIR KERNEL=V V=1"
	@echo "             BENCH_ROUNDS=N ROUNDS=N, of soak DURATION=TIME DIR=FOLDER PLAN=NAME SOAKS=DIR"

# Debian's packages, by what they are for. The generators and `make check` need neither clang nor
# bpftool, but one list is simpler than two and `make deps` is run once.
PACKAGES = gcc libc6-dev clang llvm bpftool libbpf-dev libelf-dev zlib1g-dev \
	libcgroup-dev libcyaml-dev libyaml-dev libjansson-dev uthash-dev libcmocka-dev \
	podman runc crun conmon catatonit stress-ng \
	procps bats shellcheck valgrind libclang-rt-14-dev clang-format jq git python3-yaml
APT_OPTIONS = --yes --no-install-recommends

deps: $(BUILD)/.deps ## Install what is missing from Debian's packages

# The stamp makes later runs quick; it is made anew when this list changes.
$(BUILD)/.deps: Makefile
	$(call install_packages,$(PACKAGES))

# Installs what is missing of packages $(1), then makes the stamp $@.
define install_packages
@mkdir -p $(@D)
@command -v dpkg-query >/dev/null || { \
	echo "make deps: this is not a Debian system; install the equivalents of:" >&2; \
	echo "  $(1)" >&2; \
	echo "then say so with: mkdir -p $(BUILD) && touch $@" >&2; exit 3; }
@missing=; for p in $(1); do \
	dpkg-query -W -f '$${db:Status-Status}' $$p 2>/dev/null | grep -qx installed || \
		missing="$$missing $$p"; \
done; \
if [ -z "$$missing" ]; then touch $@; exit 0; fi; \
if [ "$$(id -u)" -ne 0 ]; then \
	echo "make deps: packages are missing; install them with:" >&2; \
	echo "  sudo apt-get install $(APT_OPTIONS)$$missing" >&2; exit 3; \
fi; \
echo "installing:$$missing"; \
export DEBIAN_FRONTEND=noninteractive; \
apt-get update -qq && apt-get install -qq $(APT_OPTIONS) $$missing && touch $@
endef

lab: programs images ## Run a scenario and print its report: make lab SCENARIO=burst
	$(Q)$(BUILD)/leaklab run $(SCENARIO) --seed $(SEED) --runs $(RUNS)

doctor: programs ## Say what this host can and cannot do
	$(Q)$(BUILD)/leaklab doctor

install: programs ## Install programs, scenarios and documents under PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/leaklab/scenarios \
		$(DESTDIR)$(PREFIX)/share/leaklab/containers \
		$(DESTDIR)$(PREFIX)/share/doc/leaklab/docs/examples
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin
	install -m 644 containers/Containerfile.* $(DESTDIR)$(PREFIX)/share/leaklab/containers
	install -m 755 containers/*.sh $(DESTDIR)$(PREFIX)/share/leaklab/containers
	install -d $(DESTDIR)$(PREFIX)/share/leaklab/containers/real
	install -m 644 containers/real/* $(DESTDIR)$(PREFIX)/share/leaklab/containers/real
	install -m 644 scenarios/*.yaml $(DESTDIR)$(PREFIX)/share/leaklab/scenarios
	install -d $(DESTDIR)$(PREFIX)/share/leaklab/scenarios/simulated/noise
	install -d $(DESTDIR)$(PREFIX)/share/leaklab/scenarios/soak
	install -m 644 scenarios/soak/*.yaml $(DESTDIR)$(PREFIX)/share/leaklab/scenarios/soak
	install -m 644 scenarios/simulated/*.yaml \
		$(DESTDIR)$(PREFIX)/share/leaklab/scenarios/simulated
	install -m 644 scenarios/simulated/noise/*.json \
		$(DESTDIR)$(PREFIX)/share/leaklab/scenarios/simulated/noise
	install -m 644 README.md $(DESTDIR)$(PREFIX)/share/doc/leaklab
	install -m 644 docs/*.md $(DESTDIR)$(PREFIX)/share/doc/leaklab/docs
	install -m 755 docs/examples/* $(DESTDIR)$(PREFIX)/share/doc/leaklab/docs/examples

clean: ## Remove what was built (runs/ and soaks/ stay)
	rm -rf $(BUILD) compile_commands.json

format: ## Format the C sources in place
	git ls-files -z '*.c' '*.h' | xargs -0 clang-format -i

JQ_COMPILE = [inputs | select(test(" -c [^ ]+[.]c -o ")) | \
	{directory: $$dir, command: ., file: capture(" -c (?<f>[^ ]+[.]c) -o ").f}]

compile_commands.json: ## Compilation database for editors
	$(Q)$(MAKE) --no-print-directory --always-make --dry-run V=1 programs | \
		jq -nR --arg dir "$(CURDIR)" '$(JQ_COMPILE)' > $@

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
