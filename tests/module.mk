# Unit tests: tests/unit/test_*.c, one cmocka group a binary, linked against everything that is
# not a main program (ARCHIVE_OBJS, to which each folder's module.mk adds).
UNIT_TESTS += $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))

# Expanded late: other folders add to the lists after this one was read.
.SECONDEXPANSION:
$(BUILD)/libleaklab.a: $$(sort $$(ARCHIVE_OBJS))
	$(say) AR $@
	$(Q)rm -f $@ && ar qcs $@ $^

$(BUILD)/tests/unit/test_%: $(BUILD)/tests/unit/test_%.o $(BUILD)/libleaklab.a
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--as-needed $(filter %.o,$^) $(filter %.a,$^) \
		-lcmocka -lcyaml -lyaml -ljansson -lcgroup -lm -lpthread -o $@

# What is tested of the benchmarks.
$(BUILD)/tests/unit/test_scale_fit: $(BUILD)/tests/bench/scale_fit.o

unit-tests: $(UNIT_TESTS)
.PHONY: unit-tests

check: unit-tests ## Test all that needs no root: unit tests, sanitizers, Valgrind, clang, scripts
	$(Q)tests/run.sh --build $(BUILD) unit asan valgrind clang shellcheck wall fuzz

# need-root comes first, so that it is not found out when all is built.
test: need-root programs images unit-tests $$(BPF_TESTS) $$(BENCHES_TESTED) ## Test everything; needs root for BPF and podman
	$(Q)tests/run.sh --build $(BUILD) unit asan valgrind clang shellcheck wall golden fuzz bpf e2e

need-root:
	@[ "$$(id -u)" -eq 0 ] || { echo "make $(MAKECMDGOALS): needs root, for it loads BPF programs" \
		"or runs containers: run sudo make $(MAKECMDGOALS)$(NO_ROOT_WAY)" >&2; exit 3; }
NO_ROOT_WAY = $(if $(filter test,$(MAKECMDGOALS)),$(comma) or make check for the part that does not)
comma = ,
.PHONY: need-root

# The replay, built otherwise: tests/golden/replay.bats compares what they detect. Sections that
# nothing reaches are left out, so that the program needs of libm what detections need.
$(BUILD)/replay/gcc-O0: VARIANT = gcc -O0
$(BUILD)/replay/gcc-O3: VARIANT = gcc -O3
$(BUILD)/replay/gcc-native: VARIANT = gcc -O3 -march=native
$(BUILD)/replay/clang-O2: VARIANT = clang -O2
REPLAY_VARIANTS = $(addprefix $(BUILD)/replay/,gcc-O0 gcc-O3 gcc-native clang-O2)

$(REPLAY_VARIANTS): $(REPLAY_SOURCES) collector/cmd_replay.c \
		collector/cmd_patience.c collector/cmd_recording.c tests/golden/replay_only.c \
		$(wildcard collector/*.h collector/*/*.h lib/*.h) $(BUILD)/lib/revision_text.h | \
		$(BUILD)/.deps
	$(say) REPLAY $@
	@mkdir -p $(@D)
	$(Q)$(VARIANT) -std=gnu17 -D_GNU_SOURCE -I. -I$(BUILD) $(EXACT) -ffunction-sections \
		-Wl,--gc-sections -Wl,--as-needed $(filter %.c,$^) -ljansson -lm -o $@
