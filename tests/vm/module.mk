# The kernel matrix: virtual machines with pure cgroup v2 under QEMU, without KVM. Everything
# fetched and built for them is in $(BUILD)/vm; docs/kernels.md says how it works.
VM_PACKAGES = qemu-system-x86 mmdebstrap debian-archive-keyring cpio e2fsprogs xz-utils \
	busybox-static jq git
VM_JOBS ?= 3
KERNEL ?=

deps-vm: $(BUILD)/.deps-vm
.PHONY: deps-vm

$(BUILD)/.deps-vm: tests/vm/module.mk
	$(call install_packages,$(VM_PACKAGES))

$(BUILD)/tests/vm/debug_exit: $(BUILD)/tests/vm/debug_exit.o
	$(say) LINK $@
	$(Q)$(LINK) -static $< -o $@

VM_NEEDS = need-root $(BUILD)/.deps-vm programs $$(BPF_TESTS) $(BUILD)/tests/vm/debug_exit

test-vm: $(VM_NEEDS) ## Test on one kernel in a virtual machine: make test-vm KERNEL=6.12
	$(Q)VM_JOBS=1 tests/vm/run.sh $(BUILD) $(KERNEL)

test-vm-all: $(VM_NEEDS) ## Test on every kernel of the matrix, VM_JOBS=3 at a time; prints the table
	$(Q)VM_JOBS=$(VM_JOBS) tests/vm/run.sh $(BUILD) all; code=$$?; \
		tests/vm/table.sh $(BUILD); exit $$code

vm-table: ## Print the results of the kernel matrix as a table
	$(Q)tests/vm/table.sh $(BUILD)

readme-kernel-table: ## Write that table into README.md
	$(Q)tests/vm/table.sh $(BUILD) README.md
.PHONY: test-vm test-vm-all vm-table readme-kernel-table
