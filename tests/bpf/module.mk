# Tests that load the BPF programs: privileged, part of `make test`.
BPF_TESTS += $(patsubst tests/bpf/%.c,$(BUILD)/tests/bpf/%,$(wildcard tests/bpf/test_*.c))
CAPTURE_OBJS = $(call objects,$(wildcard collector/capture/*.c))

$(BUILD)/tests/bpf/test_%: $(BUILD)/tests/bpf/test_%.o $(CAPTURE_OBJS) $(BUILD)/libleaklab.a
	$(say) LINK $@
	$(Q)$(LINK) -Wl,--as-needed $^ -lcmocka -lbpf -lelf -lz -ljansson -lm -lpthread -o $@

bpf-tests: $(BPF_TESTS)
.PHONY: bpf-tests
