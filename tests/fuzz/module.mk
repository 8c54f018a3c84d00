# libFuzzer over everything that reads files from elsewhere. `make fuzz FUZZ_SECONDS=60` keeps what
# it finds in $(BUILD)/fuzz and leaves the corpus in the sources alone.
FUZZ_SECONDS ?= 60
FUZZ_FLAGS = -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_SOURCES = tests/fuzz/fuzz_replay.c $(REPLAY_SOURCES)

# In one step from the sources: the objects of the other targets are not instrumented.
$(BUILD)/fuzz/fuzz_replay: $(FUZZ_SOURCES) $(wildcard collector/*.h collector/*/*.h lib/*.h) \
		$(BUILD)/lib/revision_text.h | $(BUILD)/.deps
	$(say) FUZZ $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(filter-out -MMD -MP,$(ALL_CFLAGS)) $(FUZZ_FLAGS) $(FUZZ_SOURCES) \
		-ljansson -lm -o $@

fuzz: $(BUILD)/fuzz/fuzz_replay ## Feed damaged recordings to the detector: FUZZ_SECONDS=60
	@mkdir -p $(BUILD)/fuzz/corpus
	$(Q)$< -max_total_time=$(FUZZ_SECONDS) -timeout=10 -max_len=16384 -print_final_stats=1 \
		-artifact_prefix=$(BUILD)/fuzz/ -dict=tests/fuzz/replay.dict \
		$(BUILD)/fuzz/corpus tests/fuzz/corpus
.PHONY: fuzz
