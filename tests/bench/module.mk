# Benchmarks: figures to read, not tests that pass or fail with the machine's mood.
$(BUILD)/tests/bench/bench_tracking: $(BUILD)/tests/bench/bench_tracking.o \
		$(BUILD)/tests/bench/scale_load.o $(CAPTURE_OBJS) $(BUILD)/collector/recorder.o \
		$(BUILD)/libleaklab.a
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--as-needed $^ -lbpf -lelf -lz -ljansson -lm -o $@

$(BUILD)/tests/bench/bench_ledger: $(BUILD)/tests/bench/bench_ledger.o $(BUILD)/libleaklab.a
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--as-needed $^ -ljansson -lm -o $@

$(BUILD)/tests/bench/bench_session: $(BUILD)/tests/bench/bench_session.o $(BUILD)/libleaklab.a
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--as-needed $^ -lm -o $@

$(BUILD)/tests/bench/bench_detect: $(BUILD)/tests/bench/bench_detect.o $(BUILD)/libleaklab.a
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--as-needed $^ -lm -o $@

BENCHES = $(addprefix $(BUILD)/tests/bench/,bench_detect bench_tracking bench_ledger bench_session)

bench: programs $(BENCHES) ## Print the figures: the detector, tracking delay, polling, the session, memgen's schedule and CPU
	$(Q)$(BUILD)/tests/bench/bench_detect
	$(Q)tests/bench/replay.sh $(BUILD)
	$(Q)mkdir -p $(BUILD)/bench
	$(Q)$(BUILD)/tests/bench/bench_tracking $(BUILD)/bench/tracking.jsonl
	$(Q)$(BUILD)/tests/bench/bench_ledger
	$(Q)$(BUILD)/tests/bench/bench_session
	$(Q)tests/bench/memgen_schedule.sh $(BUILD)/memgen
	$(Q)$(MAKE) --no-print-directory bench-scale
.PHONY: bench

# How often each load is measured; 1 gives figures in four minutes, without much of an interval.
ROUNDS ?= 3
SCALE_OBJS = $(call objects,$(wildcard tests/bench/scale*.c))
$(BUILD)/tests/bench/scale: $(SCALE_OBJS) $(BUILD)/libleaklab.a
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--as-needed $^ -lbpf -lelf -lz -lm -o $@

bench-scale: $(BUILD)/memgrowth $(BUILD)/tests/bench/scale ## Print what the collector costs with thousands of processes
	$(Q)$(BUILD)/tests/bench/scale --program $(BUILD)/memgrowth --out $(BUILD)/bench \
		--rounds $(ROUNDS)
.PHONY: bench-scale
