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

$(BUILD)/tests/bench/storm: $(call objects,tests/bench/storm.c tests/bench/storm_run.c) $(LIB_OBJS)
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

HOOKS_OBJS = $(BUILD)/tests/bench/hooks_copy.o
$(HOOKS_OBJS): $(BUILD)/bench/hooks.skel.h $(BPF_SKELETON)

$(BUILD)/tests/bench/hooks: $(BUILD)/tests/bench/hooks.o $(HOOKS_OBJS) $(LIB_OBJS)
	$(say) LINK $@
	$(Q)$(LINK) $^ -lbpf -lelf -lz -lm -o $@

$(BUILD)/tests/bench/alternate: $(call objects,tests/bench/alternate.c tests/bench/storm_run.c) \
		$(HOOKS_OBJS) $(LIB_OBJS)
	$(say) LINK $@
	$(Q)$(LINK) $^ -lbpf -lelf -lz -lm -lpthread -o $@

STORM_BENCHES = $(addprefix $(BUILD)/tests/bench/,storm alternate poll_proc hooks spawns)

# By tests/e2e/bench.bats, so that they do not rot.
BENCHES_TESTED = $(addprefix $(BUILD)/tests/bench/,storm alternate hooks spawns scale)

BENCHES = $(addprefix $(BUILD)/tests/bench/,bench_detect bench_tracking bench_ledger bench_session)

# What ours is compared with, and the work that it is to watch.
BENCH_PACKAGES = bpftrace linux-perf redis-tools python3 util-linux
BENCH_ROUNDS ?= 30

deps-bench: $(BUILD)/.deps-bench
.PHONY: deps-bench

$(BUILD)/.deps-bench: tests/bench/module.mk
	$(call install_packages,$(BENCH_PACKAGES))

bench-storm: need-root programs $(STORM_BENCHES) $(BUILD)/.deps-bench ## Print what watching costs, BENCH_ROUNDS=30 times: a page fault beside the peers, real work, events and losses
	$(Q)tests/bench/storm.py --build=$(BUILD) --rounds=$(BENCH_ROUNDS)
	$(Q)tests/bench/sharp.py --build=$(BUILD) --rounds=$$((10 * $(BENCH_ROUNDS)))
	$(Q)tests/bench/work.py --build=$(BUILD) --blocks=$(BENCH_ROUNDS)
	$(Q)tests/bench/events.py --build=$(BUILD)

bench-programs: programs $(BENCHES) $(STORM_BENCHES) $(BUILD)/tests/bench/scale ## Build what measures, and measure nothing
.PHONY: bench-programs

bench-parts: need-root programs $(STORM_BENCHES) $(BUILD)/.deps-bench ## Print what the parts of a program on the hook cost
	$(Q)tests/bench/storm.py --build=$(BUILD) --rounds=$(BENCH_ROUNDS) --parts
.PHONY: bench-storm bench-parts

# Prints what a benchmark says, and keeps it for the report. $(1) its name, $(2) the command.
define bench_text
$(Q)mkdir -p $(BUILD)/bench
$(Q)$(2) > $(BUILD)/bench/$(1).txt; status=$$?; cat $(BUILD)/bench/$(1).txt; exit $$status
endef

# One after the other, with -j too.
bench: need-root programs $(BENCHES) $(STORM_BENCHES) $(BUILD)/.deps-bench ## Print all figures and write build/bench/report.md: what watching costs, scale, delays, the detector, memgen
	$(Q)$(MAKE) --no-print-directory bench-storm
	$(Q)$(MAKE) --no-print-directory bench-scale
	$(call bench_text,tracking,$(BUILD)/tests/bench/bench_tracking $(BUILD)/bench/tracking.jsonl)
	$(call bench_text,detect,$(BUILD)/tests/bench/bench_detect)
	$(call bench_text,replay,tests/bench/replay.sh $(BUILD))
	$(call bench_text,ledger,$(BUILD)/tests/bench/bench_ledger)
	$(call bench_text,session,$(BUILD)/tests/bench/bench_session)
	$(call bench_text,schedule,tests/bench/memgen_schedule.sh $(BUILD)/memgen)
	$(Q)tests/bench/report.py --build=$(BUILD)
.PHONY: bench

bench-docs: ## Write the tables of the last benchmarks into docs/performance.md
	$(Q)tests/bench/report.py --build=$(BUILD) --write=docs/performance.md
.PHONY: bench-docs

# How often the large loads are measured: 1 takes nine minutes and tells little of how costs grow, 2
# take twelve, 3 fifteen.
ROUNDS ?= 3
SCALE_OBJS = $(call objects,$(wildcard tests/bench/scale*.c))
$(BUILD)/tests/bench/scale: $(SCALE_OBJS) $(BUILD)/libleaklab.a
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--as-needed $^ -lbpf -lelf -lz -lm -o $@

bench-scale: need-root $(BUILD)/memgrowth $(BUILD)/tests/bench/scale ## Print what the collector costs with thousands of processes, in ROUNDS=3 rounds of 5 min
	$(Q)$(BUILD)/tests/bench/scale --program $(BUILD)/memgrowth --out $(BUILD)/bench \
		--rounds $(ROUNDS)
.PHONY: bench-scale
