# Benchmarks: figures to read, not tests that pass or fail with the machine's mood.
$(BUILD)/tests/bench/bench_tracking: $(BUILD)/tests/bench/bench_tracking.o $(CAPTURE_OBJS) \
		$(BUILD)/libleaklab.a
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--as-needed $^ -lbpf -lelf -lz -lm -o $@

$(BUILD)/tests/bench/bench_ledger: $(BUILD)/tests/bench/bench_ledger.o $(BUILD)/libleaklab.a
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--as-needed $^ -ljansson -lm -o $@

$(BUILD)/tests/bench/bench_session: $(BUILD)/tests/bench/bench_session.o $(BUILD)/libleaklab.a
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--as-needed $^ -lm -o $@

$(BUILD)/tests/bench/bench_detect: $(BUILD)/tests/bench/bench_detect.o $(BUILD)/libleaklab.a
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--as-needed $^ -lm -o $@

$(BUILD)/tests/bench/storm: $(BUILD)/tests/bench/storm.o $(LIB_OBJS)
	$(say) LINK $@
	$(Q)$(LINK) $^ -lm -lpthread -o $@

$(BUILD)/tests/bench/spawns: $(BUILD)/tests/bench/spawns.o
	$(say) LINK $@
	$(Q)$(LINK) $^ -o $@

$(BUILD)/tests/bench/poll_proc: $(BUILD)/tests/bench/poll_proc.o $(LIB_OBJS)
	$(say) LINK $@
	$(Q)$(LINK) $^ -lm -o $@

# The programs that ours is compared with; they need what the collector's needs.
$(BUILD)/bench/hooks.bpf.o: tests/bench/hooks.bpf.c | $(BUILD)/.deps
	$(say) BPF $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -Ibpf -c $< -o $@

$(BUILD)/bench/hooks.skel.h: $(BUILD)/bench/hooks.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name hooks > $@

$(BUILD)/tests/bench/hooks.o: $(BUILD)/bench/hooks.skel.h $(BPF_SKELETON)
$(BUILD)/tests/bench/hooks: $(BUILD)/tests/bench/hooks.o $(LIB_OBJS)
	$(say) LINK $@
	$(Q)$(LINK) $^ -lbpf -lelf -lz -lm -o $@

STORM_BENCHES = $(addprefix $(BUILD)/tests/bench/,storm poll_proc hooks spawns)

BENCHES = $(addprefix $(BUILD)/tests/bench/,bench_detect bench_tracking bench_ledger bench_session)

# What ours is compared with, and the work that it is to watch.
BENCH_PACKAGES = bpftrace linux-perf redis-tools python3-minimal util-linux
BENCH_ROUNDS ?= 30

deps-bench: $(BUILD)/.deps-bench
.PHONY: deps-bench

$(BUILD)/.deps-bench: tests/bench/module.mk
	$(call install_packages,$(BENCH_PACKAGES))

bench-storm: need-root programs $(STORM_BENCHES) $(BUILD)/.deps-bench ## Print what watching costs: a page fault beside the peers, real work, events and losses
	$(Q)tests/bench/storm.py --build=$(BUILD) --rounds=$(BENCH_ROUNDS)
	$(Q)tests/bench/work.py --build=$(BUILD) --blocks=$(BENCH_ROUNDS)
	$(Q)tests/bench/events.py --build=$(BUILD)

bench-parts: need-root programs $(STORM_BENCHES) $(BUILD)/.deps-bench ## Print what the parts of a program on the hook cost
	$(Q)tests/bench/storm.py --build=$(BUILD) --rounds=$(BENCH_ROUNDS) --parts
.PHONY: bench-storm bench-parts

bench: programs $(BENCHES) bench-storm ## Print the figures: what watching costs, the detector, tracking delay, polling, the session, memgen's schedule and CPU
	$(Q)$(BUILD)/tests/bench/bench_detect
	$(Q)tests/bench/replay.sh $(BUILD)
	$(Q)$(BUILD)/tests/bench/bench_tracking
	$(Q)$(BUILD)/tests/bench/bench_ledger
	$(Q)$(BUILD)/tests/bench/bench_session
	$(Q)tests/bench/memgen_schedule.sh $(BUILD)/memgen
.PHONY: bench
