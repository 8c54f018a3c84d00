/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Births, deaths and limits of memory cgroups. Part of memgrowth.bpf.c, which has the ring buffer.
 *
 * Hooks:  tp_btf of cgroup_mkdir, cgroup_rmdir and cgroup_attach_task, and by a call the fork and
 *         exec programs; not attached when user space does not ask for it.
 * Oldest kernel: 5.8 with BTF.
 * Output: struct cgroup_event.
 * Drops:  counted in stats.lost; user space then walks the hierarchy.
 * Cost:   a fork one hash lookup; an exec or a move the limits of all ancestors, about three reads
 *         of kernel memory each. Nothing on the path of page faults.
 */
#ifndef LEAKLAB_BPF_CGROUPS_H
#define LEAKLAB_BPF_CGROUPS_H

/* The limits that were last sent of a cgroup; what falls out is sent once more. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct cgroup_event_limits);
} told_limits SEC(".maps");

/* Where the counter lies that has the limit of swap. Functions, as read_counts_pre62() is one. */
static __noinline __u32 offset_of_swap(void)
{
	return bpf_core_field_offset(struct mem_cgroup, swap);
}

static __noinline __u32 offset_of_memsw(void)
{
	return bpf_core_field_offset(struct mem_cgroup, memsw);
}

static __noinline __u64 read_high(struct page_counter *counter)
{
	return BPF_CORE_READ(counter, high);
}

static __noinline __u64 read_max(struct page_counter *counter)
{
	return BPF_CORE_READ(counter, max);
}

/*
 * The smallest limit over the counter @at bytes into @memcg and those that are charged with it.
 * Returns false when there are more of them than could be looked at.
 */
static __always_inline bool find_bound(
	struct mem_cgroup *memcg, __u32 at, bool high, struct cgroup_event_bound *bound)
{
	struct page_counter *counter = (void *)memcg + at, *binding = NULL;

	bound->pages = CGROUP_EVENT_NO_LIMIT;
	bound->id = 0;
	for (int depth = 0; depth < MAX_CGROUP_DEPTH && counter; depth++) {
		__u64 pages = high ? read_high(counter) : read_max(counter);

		if (pages < bound->pages) {
			bound->pages = pages;
			binding = counter;
		}
		counter = BPF_CORE_READ(counter, parent);
	}
	if (binding) {
		memcg = (void *)binding - at;
		bound->id = BPF_CORE_READ(memcg, css.cgroup, kn, id);
	}
	return !counter;
}

/* As the kernel keeps them, exact at this moment. */
static __noinline bool read_limits(
	struct cgroup_subsys_state *css, struct cgroup_event_limits *limits)
{
	struct mem_cgroup *memcg = (void *)css - bpf_core_field_offset(struct mem_cgroup, css);
	__u32 memory = bpf_core_field_offset(struct mem_cgroup, memory);
	bool complete;

	__builtin_memset(limits, 0xff, sizeof(*limits));
	complete = find_bound(memcg, memory, false, &limits->memory);
	if (bpf_core_field_exists(struct page_counter, high))
		complete &= find_bound(memcg, memory, true, &limits->high);
	if (settings.cgroup_version == 1 && bpf_core_field_exists(struct mem_cgroup, memsw))
		complete &= find_bound(memcg, offset_of_memsw(), false, &limits->swap);
	else if (settings.cgroup_version == 2 && bpf_core_field_exists(struct mem_cgroup, swap))
		complete &= find_bound(memcg, offset_of_swap(), false, &limits->swap);
	return complete;
}

/* @limits may be NULL. Returns whether the record was sent. */
static __noinline bool tell_cgroup(
	__u32 type, struct cgroup *cgroup, const struct cgroup_event_limits *limits)
{
	struct cgroup_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	struct cgroup_subsys_state *parent;

	COUNT(offered);
	if (!event) {
		COUNT(lost);
		return false;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->type = type;
	event->t_ns = bpf_ktime_get_ns();
	event->cgroup_id = BPF_CORE_READ(cgroup, kn, id);
	parent = BPF_CORE_READ(cgroup, self.parent);
	if (parent)
		event->parent_id = BPF_CORE_READ(parent, cgroup, kn, id);
	if (limits) {
		event->has_limits = 1;
		event->limits = *limits;
	}
	bpf_probe_read_kernel_str(
		event->name, sizeof(event->name), BPF_CORE_READ(cgroup, kn, name));
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
	return true;
}

static __always_inline bool same_limits(
	const struct cgroup_event_limits *a, const struct cgroup_event_limits *b)
{
	return a->memory.pages == b->memory.pages && a->memory.id == b->memory.id &&
	       a->high.pages == b->high.pages && a->high.id == b->high.id &&
	       a->swap.pages == b->swap.pages && a->swap.id == b->swap.id;
}

/*
 * Sends what binds the memory cgroup of @task, unless that is what was sent last. A runtime makes
 * the cgroup, moves its process there, writes the limits and only then starts the program: by its
 * exec they are all there, and with a short one that is the only time to see them.
 */
static __noinline void tell_limits(struct task_struct *task, bool if_new)
{
	struct cgroup_subsys_state *css = memory_css(task);
	struct cgroup_event_limits limits, *told;
	struct cgroup *cgroup;
	__u64 id;

	if (!settings.follow_cgroups || !css)
		return;
	cgroup = BPF_CORE_READ(css, cgroup);
	id = BPF_CORE_READ(cgroup, kn, id);
	told = bpf_map_lookup_elem(&told_limits, &id);
	if ((told && if_new) || !is_in_scope(cgroup) || !read_limits(css, &limits))
		return;
	if (told && same_limits(told, &limits))
		return;
	if (tell_cgroup(CGROUP_EVENT_LIMITS, cgroup, &limits))
		bpf_map_update_elem(&told_limits, &id, &limits, BPF_ANY);
}

/* Whether @cgroup is one of the memory hierarchy that is to be told of. */
static __always_inline bool is_followed(struct cgroup *cgroup)
{
	__u32 id = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);

	return BPF_CORE_READ(cgroup, root, subsys_mask) & 1U << id && is_in_scope(cgroup);
}

SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(on_cgroup_mkdir, struct cgroup *cgroup, const char *path)
{
	int id = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	struct cgroup_subsys_state *css = NULL;
	struct cgroup_event_limits limits;
	bool has_limits;

	if (!is_followed(cgroup))
		return 0;
	bpf_core_read(&css, sizeof(css), &cgroup->subsys[id]);
	has_limits = css && read_limits(css, &limits);
	tell_cgroup(CGROUP_EVENT_BORN, cgroup, has_limits ? &limits : NULL);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(on_cgroup_rmdir, struct cgroup *cgroup, const char *path)
{
	__u64 id;

	if (!is_followed(cgroup))
		return 0;
	id = BPF_CORE_READ(cgroup, kn, id);
	bpf_map_delete_elem(&told_limits, &id);
	tell_cgroup(CGROUP_EVENT_GONE, cgroup, NULL);
	return 0;
}

/* A process was moved: its limits are others now, and so is where it is recorded. */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(on_cgroup_attach, struct cgroup *cgroup, const char *path, struct task_struct *task)
{
	struct mm_struct *mm = BPF_CORE_READ(task, mm);
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct process *proc;

	/* Out of scope, too, if it was in it. */
	if (!(BPF_CORE_READ(cgroup, root, subsys_mask) &
		    1U << bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)))
		return 0;
	tell_limits(task, false);
	proc = bpf_map_lookup_elem(&processes, &tgid);
	if (!proc)
		return 0;
	if (mm && proc->mm == (__u64)mm && BPF_CORE_READ(task, pid) == tgid)
		send(RSS_EVENT_SAMPLE, proc, task, mm, NO_MEMBER);
	else /* a leader that has ended, or a thread that may have outlived it: the sweep will see
	      */
		touch(proc);
	return 0;
}

#endif
