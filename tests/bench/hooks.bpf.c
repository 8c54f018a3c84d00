// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the parts of a program on kmem:rss_stat cost, one program for each: the hook with nothing,
 * and with one way each of finding the process, of telling the time, of reading the counters.
 * Measured by `make bench-parts`; the figures are in docs/performance.md.
 *
 * Hooks:  tp_btf/rss_stat, tracepoint/kmem/rss_stat, iter/task: user space loads one of them.
 * Oldest kernel: 5.8 with BTF; task storage 5.11.
 * Output: none.
 */
#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include "vmlinux.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define CPUS 512

struct entry {
	__u64 mm;
	__u64 updates;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, __u32);
	__type(value, struct entry);
} by_tgid SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct entry);
} by_task SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct entry);
} by_cpu SEC(".maps");

/* What is in a CPU's slot; a cache line for each. */
enum { SLOT_MM, SLOT_UNTIL, SLOT_UPDATES, SLOT_WORDS = 8 };

__u64 slots[CPUS][SLOT_WORDS] __attribute__((aligned(64)));
__u64 shared;

SEC("tp_btf/rss_stat")
int BPF_PROG(empty, struct mm_struct *mm, int member)
{
	return 0;
}

SEC("tp/kmem/rss_stat")
int empty_classic(struct trace_event_raw_rss_stat *ctx)
{
	return 0;
}

SEC("tp_btf/rss_stat")
int BPF_PROG(clock, struct mm_struct *mm, int member)
{
	return bpf_ktime_get_ns() == 0;
}

SEC("tp_btf/rss_stat")
int BPF_PROG(jiffies, struct mm_struct *mm, int member)
{
	return bpf_jiffies64() == 0;
}

SEC("tp_btf/rss_stat")
int BPF_PROG(pid, struct mm_struct *mm, int member)
{
	return bpf_get_current_pid_tgid() == 0;
}

SEC("tp_btf/rss_stat")
int BPF_PROG(hash, struct mm_struct *mm, int member)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct entry *entry = bpf_map_lookup_elem(&by_tgid, &tgid);
	struct entry fresh = { .mm = (__u64)mm };

	if (entry)
		entry->updates++;
	else
		bpf_map_update_elem(&by_tgid, &tgid, &fresh, BPF_ANY);
	return 0;
}

SEC("tp_btf/rss_stat")
int BPF_PROG(task_storage, struct mm_struct *mm, int member)
{
	struct entry *entry = bpf_task_storage_get(
		&by_task, bpf_get_current_task_btf(), NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);

	if (entry)
		entry->updates++;
	return 0;
}

SEC("tp_btf/rss_stat")
int BPF_PROG(percpu_array, struct mm_struct *mm, int member)
{
	__u32 zero = 0;
	struct entry *entry = bpf_map_lookup_elem(&by_cpu, &zero);

	if (!entry)
		return 0;
	if (entry->mm != (__u64)mm)
		entry->mm = (__u64)mm;
	entry->updates++;
	return 0;
}

SEC("tp_btf/rss_stat")
int BPF_PROG(global_slot, struct mm_struct *mm, int member)
{
	__u64 *slot = slots[bpf_get_smp_processor_id() & (CPUS - 1)];

	if (slot[SLOT_MM] != (__u64)mm)
		slot[SLOT_MM] = (__u64)mm;
	slot[SLOT_UPDATES]++;
	return 0;
}

SEC("tp_btf/rss_stat")
int BPF_PROG(global_slot_jiffies, struct mm_struct *mm, int member)
{
	__u64 *slot = slots[bpf_get_smp_processor_id() & (CPUS - 1)];
	__u64 now = bpf_jiffies64();

	if (slot[SLOT_MM] != (__u64)mm || now >= slot[SLOT_UNTIL]) {
		slot[SLOT_MM] = (__u64)mm;
		slot[SLOT_UNTIL] = now + 2;
	}
	slot[SLOT_UPDATES]++;
	return 0;
}

/* One line that all CPUs write to. */
SEC("tp_btf/rss_stat")
int BPF_PROG(shared_counter, struct mm_struct *mm, int member)
{
	__sync_fetch_and_add(&shared, 1);
	return 0;
}

/* Direct loads, as far as the verifier trusts the pointer; what it costs at least. 6.2 and later.
 */
SEC("tp_btf/rss_stat")
int BPF_PROG(counters, struct mm_struct *mm, int member)
{
	if (mm->rss_stat[0].count > 1L << 60 || mm->rss_stat[1].count > 1L << 60 ||
		mm->rss_stat[2].count > 1L << 60 || mm->rss_stat[3].count > 1L << 60)
		shared = 1;
	return 0;
}

SEC("tp_btf/rss_stat")
int BPF_PROG(cgroup, struct mm_struct *mm, int member)
{
	struct task_struct *task = bpf_get_current_task_btf();

	if (task->cgroups->subsys[4]->cgroup->kn->id == 0)
		shared = 1;
	return 0;
}

/* Of the layout that this kernel has, so that not only the sum's changes are seen. Functions of
 * their own, so that clang moves no address of the one in front of the check. */
static __noinline __u64 mix_pre62(struct mm_struct___pre62 *mm)
{
	return BPF_CORE_READ(mm, rss_stat.count[0].counter) +
	       BPF_CORE_READ(mm, rss_stat.count[1].counter) * 3 +
	       BPF_CORE_READ(mm, rss_stat.count[2].counter) * 5 +
	       BPF_CORE_READ(mm, rss_stat.count[3].counter) * 7;
}

static __noinline __u64 mix_percpu(struct mm_struct *mm)
{
	return BPF_CORE_READ(mm, rss_stat[0].count) + BPF_CORE_READ(mm, rss_stat[1].count) * 3 +
	       BPF_CORE_READ(mm, rss_stat[2].count) * 5 + BPF_CORE_READ(mm, rss_stat[3].count) * 7;
}

/*
 * A sampler without a hook: user space runs it on a timer. It leaves out what is held back by CPUs
 * or tasks: a real one would cost more.
 */
SEC("iter/task")
int sampler(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct entry *entry, fresh = {};
	__u64 sum = 0;
	__u32 tgid;

	if (!task || task->pid != task->tgid || !task->mm)
		return 0;
	if (bpf_core_field_exists(struct mm_struct___pre62, rss_stat.count))
		sum = mix_pre62((void *)BPF_CORE_READ(task, mm));
	else
		sum = mix_percpu(BPF_CORE_READ(task, mm));
	tgid = task->tgid;
	entry = bpf_map_lookup_elem(&by_tgid, &tgid);
	if (!entry) {
		bpf_map_update_elem(&by_tgid, &tgid, &fresh, BPF_ANY);
		return 0;
	}
	if (entry->updates != sum)
		bpf_seq_write(ctx->meta->seq, &sum, sizeof(sum));
	entry->updates = sum;
	return 0;
}
