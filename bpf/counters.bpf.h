/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The counters of an address space, as each kernel keeps them, and what they lack. Part of
 * memgrowth.bpf.c, which has the settings and what is learnt of the CPUs.
 */
#ifndef LEAKLAB_BPF_COUNTERS_H
#define LEAKLAB_BPF_COUNTERS_H

static __always_inline bool is_pre62(void)
{
	return bpf_core_field_exists(struct mm_struct___pre62, rss_stat.count);
}

/*
 * The counters without their per-CPU or per-task remainders. Read by address, so that @mm may come
 * from a walk that the verifier does not trust. A function for each layout, not inlined: clang
 * would else move an address that only one layout has in front of the check.
 */
static __noinline void read_counts_pre62(struct mm_struct___pre62 *mm, __s64 *pages)
{
	pages[0] = BPF_CORE_READ(mm, rss_stat.count[0].counter);
	pages[1] = BPF_CORE_READ(mm, rss_stat.count[1].counter);
	pages[2] = BPF_CORE_READ(mm, rss_stat.count[2].counter);
	pages[3] = BPF_CORE_READ(mm, rss_stat.count[3].counter);
}

static __noinline void read_counts_percpu(struct mm_struct *mm, __s64 *pages)
{
	pages[0] = BPF_CORE_READ(mm, rss_stat[0].count);
	pages[1] = BPF_CORE_READ(mm, rss_stat[1].count);
	pages[2] = BPF_CORE_READ(mm, rss_stat[2].count);
	pages[3] = BPF_CORE_READ(mm, rss_stat[3].count);
}

static __always_inline void read_counts(struct mm_struct *mm, __s64 *pages)
{
	if (is_pre62())
		read_counts_pre62((void *)mm, pages);
	else
		read_counts_percpu(mm, pages);
}

/*
 * 5.5 to 6.1: what the current task holds back is known; of the other threads only a bound. Of
 * @member, the counter that the hook was called for, it is not known either: the kernel adds the
 * share of a task to the address space, which calls the hook, and empties it only then
 * (sync_mm_rss()). But other changes of it come with the share still to be added.
 */
static __noinline __u32 add_task_remainder(
	struct task_struct *task, struct mm_struct *mm, __s64 *pages, int member)
{
	struct task_struct *current = (void *)bpf_get_current_task();
	struct task_struct___pre62 *old = (void *)current;
	__u32 threads = BPF_CORE_READ(task, signal, nr_threads), unsure = 0;
	int held[RSS_KINDS] = {};

	if (!bpf_core_field_exists(old->rss_stat))
		return 0;
	if (BPF_CORE_READ(current, mm) != mm)
		return threads * TASK_RSS_PAGES;
	BPF_CORE_READ_INTO(&held, old, rss_stat.count);
	for (int kind = 0; kind < RSS_KINDS; kind++) {
		if (kind == member)
			unsure = held[kind] < 0 ? -held[kind] : held[kind];
		else
			pages[kind] += held[kind];
	}
	return (threads > 0 ? threads - 1 : 0) * TASK_RSS_PAGES + unsure;
}

static __always_inline __u32 farther(__u32 most, __s64 a, __s64 b)
{
	__s64 apart = a > b ? a - b : b - a;

	return apart > most ? apart : most;
}

/*
 * 6.2 and later: adds what each CPU holds back. What a CPU adds to the counts meanwhile may be in
 * neither or in both: by how much they moved is the error left.
 */
static __noinline __u32 add_cpu_remainders(struct mm_struct *mm, __s64 *pages)
{
	__s64 first[RSS_KINDS], again[RSS_KINDS];
	__s32 *counters[RSS_KINDS];
	__u32 error;

	/* A kernel for one CPU has none. */
	if (!bpf_core_field_exists(struct percpu_counter, counters))
		return 0;
	if (!cpu_offsets_known)
		return settings.percpu_batch * settings.cpus;
	__builtin_memcpy(first, pages, sizeof(first));
	counters[0] = BPF_CORE_READ(mm, rss_stat[0].counters);
	counters[1] = BPF_CORE_READ(mm, rss_stat[1].counters);
	counters[2] = BPF_CORE_READ(mm, rss_stat[2].counters);
	counters[3] = BPF_CORE_READ(mm, rss_stat[3].counters);
	for (__u32 cpu = 0; cpu < MAX_CPUS && cpu < settings.cpus; cpu++) {
		__u64 offset = cpu_offsets[cpu];

		for (int kind = 0; kind < RSS_KINDS; kind++) {
			__s32 held = 0;

			bpf_probe_read_kernel(
				&held, sizeof(held), (void *)((__u64)counters[kind] + offset));
			pages[kind] += held;
		}
	}
	read_counts_percpu(mm, again);
	error = farther(0, again[0], first[0]);
	error = farther(error, again[1], first[1]);
	error = farther(error, again[2], first[2]);
	return farther(error, again[3], first[3]);
}

/*
 * A per-CPU array map has what is needed: its __percpu pointer lies in the map itself, and the
 * address of each CPU's copy is what a lookup returns. The difference is the CPU's offset, the
 * same for every per-CPU object.
 */
static __noinline void learn_cpu_offsets(void)
{
	__u32 at = bpf_core_field_offset(struct bpf_array, pptrs);
	__u64 percpu = 0;
	__u32 zero = 0;

	if (!HAVE_HELPER(map_lookup_percpu_elem) || settings.cpus > MAX_CPUS ||
		at > sizeof(array_head) - sizeof(percpu))
		return;
	if (bpf_probe_read_kernel(array_head, at + sizeof(percpu), &stats))
		return;
	__builtin_memcpy(&percpu, array_head + at, sizeof(percpu));
	for (__u32 cpu = 0; cpu < MAX_CPUS && cpu < settings.cpus; cpu++) {
		void *copy = bpf_map_lookup_percpu_elem(&stats, &zero, cpu);

		if (!copy)
			return;
		/* Through memory: the verifier allows no such arithmetic on the pointer itself. */
		*(volatile __u64 *)&cpu_offsets[cpu] = (__u64)copy;
		*(volatile __u64 *)&cpu_offsets[cpu] -= percpu;
	}
	cpu_offsets_known = 1;
}

/*
 * Adds to the counts in @pages what is not in them yet; returns the error left, in pages. @member:
 * of which counter the hook that runs is told a change, NO_MEMBER in others.
 */
static __always_inline __u32 add_remainders(
	struct task_struct *task, struct mm_struct *mm, __s64 *pages, int member)
{
	return is_pre62() ? add_task_remainder(task, mm, pages, member)
			  : add_cpu_remainders(mm, pages);
}

#endif
