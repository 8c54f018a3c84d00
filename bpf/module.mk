# Kernel side: one object, and the skeleton that the collector embeds.
BPF_ARCH := $(subst aarch64,arm64,$(subst x86_64,x86,$(shell uname -m)))
BPF_CFLAGS = -g -O2 -Wall -Werror -target bpf -mcpu=v2 -D__TARGET_ARCH_$(BPF_ARCH) \
	-I/usr/include/$(shell $(CC) -print-multiarch 2>/dev/null) -MMD -MP
BPF_SKELETON = $(BUILD)/bpf/memgrowth.skel.h

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c | $(BUILD)/.deps
	$(say) BPF $@
	@mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(BUILD)/bpf/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name $(*F) > $@
