# libFuzzer over everything that reads what others wrote, and over the detector. `make fuzz
# FUZZ_SECONDS=60` gives each target that long; what it finds and learns is kept in $(BUILD)/fuzz,
# and the corpus in the sources is left alone (`make fuzz-corpus` adds to it what reaches more).
FUZZ_SECONDS ?= 60
FUZZ_TARGETS ?= replay detect forecast
FUZZ_FLAGS = -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all
FUZZ_PROGRAMS = $(addprefix $(BUILD)/fuzz/fuzz_,$(FUZZ_TARGETS))

# In one step from the sources: the objects of the other targets are not instrumented.
$(BUILD)/fuzz/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/must.h $(REPLAY_SOURCES) \
		$(wildcard collector/*.h collector/*/*.h lib/*.h) $(BUILD)/lib/revision_text.h | \
		$(BUILD)/.deps
	$(say) FUZZ $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(filter-out -MMD -MP,$(ALL_CFLAGS)) $(FUZZ_FLAGS) $< $(REPLAY_SOURCES) \
		-ljansson -lm -o $@

FUZZ_replay = -max_len=16384 -dict=tests/fuzz/replay.dict
FUZZ_detect = -max_len=2048
FUZZ_forecast = -max_len=512

fuzz: $(FUZZ_PROGRAMS) ## Feed garbage to the readers and the detector: FUZZ_SECONDS=60 for each
	$(Q)$(foreach t,$(FUZZ_TARGETS),mkdir -p $(BUILD)/fuzz/corpus/$(t) && \
		$(BUILD)/fuzz/fuzz_$(t) -max_total_time=$(FUZZ_SECONDS) -timeout=10 $(FUZZ_$(t)) \
		-print_final_stats=1 -artifact_prefix=$(BUILD)/fuzz/$(t)- $(BUILD)/fuzz/corpus/$(t) \
		tests/fuzz/corpus/$(t) &&) true

fuzz-programs: $(FUZZ_PROGRAMS)

fuzz-corpus: $(FUZZ_PROGRAMS)
	$(Q)$(foreach t,$(FUZZ_TARGETS),$(BUILD)/fuzz/fuzz_$(t) -merge=1 $(FUZZ_$(t)) \
		tests/fuzz/corpus/$(t) $(BUILD)/fuzz/corpus/$(t) &&) true
.PHONY: fuzz fuzz-programs fuzz-corpus
