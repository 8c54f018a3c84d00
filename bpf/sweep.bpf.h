/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The sweep: an iterator over tasks that reports what no hook has sent yet. Part of
 * memgrowth.bpf.c, which includes it last, for it uses the maps and the functions there.
 */
#ifndef LEAKLAB_BPF_SWEEP_H
#define LEAKLAB_BPF_SWEEP_H

/* One process speaks for its address space: the owner, not who borrows it (vfork(), CLONE_VM). */
static __always_inline bool speaks_for(struct task_struct *task, struct mm_struct *mm)
{
	struct task_struct *owner = BPF_CORE_READ(mm, owner);

	if (owner && BPF_CORE_READ(owner, tgid) != task->tgid)
		return false;
	/* on_exec() speaks when the new image is complete. */
	if (is_in_exec(task))
		return false;
	return task->signal->live.counter != 0;
}

/* To be called with what touched_era was before the counters were read. */
static __always_inline void mark_clean(struct process *proc, __u32 touched_era)
{
	/* A touch in this era: a slot may have it now. */
	proc->clean_era = touched_era < era ? touched_era : era - 1;
}

/*
 * Writes a record for the reader of the sweep, but of a process that was only @touched not without
 * news. Returns whether all is said.
 */
static __always_inline bool write_swept(struct seq_file *seq, __u32 type, struct process *proc,
	struct task_struct *task, struct mm_struct *mm, bool touched)
{
	struct rss_event event;

	fill_identity(&event, type, proc, task);
	fill_counters(&event, proc, task, mm, NO_MEMBER);
	if (touched && !proc->updates && same_pages(event.pages, proc->sent))
		return true;
	/* An exec or exit meanwhile: what was read may be the counters of somebody else. */
	if (BPF_CORE_READ(task, mm) != mm || bpf_seq_write(seq, &event, sizeof(event)))
		return false;
	mark_sent(proc, &event);
	return true;
}

/*
 * Whether there is nothing to say of the process of @task, as of most: all that is known of it was
 * sent before this era, and it was not moved. Its entry is asked first, so that for most no kernel
 * memory is read.
 */
static __always_inline bool is_at_rest(
	const struct process *proc, struct task_struct *task, struct mm_struct *mm)
{
	if (sweep_all || !proc || proc->mm != (__u64)mm || !proc->sent_ns)
		return false;
	if (proc->touched_era > proc->clean_era)
		return false;
	return !sweep_moves || memory_cgroup_id(task) == proc->cgroup_id;
}

/*
 * Reports processes that nobody has reported yet, those with changes that were not sent (all
 * processes with sweep_all), and with sweep_moves those that were moved to another cgroup. When the
 * seq_file is full the kernel calls again for the same task, so state changes only after a record
 * was written.
 */
SEC("iter/task")
int sweep(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 tgid, was_in_scope, touched_era, type = RSS_EVENT_SAMPLE;
	__u64 cgroup_before;
	struct process *proc;
	struct mm_struct *mm;
	bool moved;

	if (!task || (task->flags & PF_KTHREAD))
		return 0;
	if (!is_pre62() && !cpu_offsets_known)
		learn_cpu_offsets();
	mm = task->mm;
	/* One task speaks for its process: the leader, or any of those that have outlived it. */
	if (!mm || (task->pid != task->tgid && task->group_leader->mm))
		return 0;
	tgid = task->tgid;
	proc = bpf_map_lookup_elem(&processes, &tgid);
	if (is_at_rest(proc, task, mm) || !speaks_for(task, mm))
		return 0;
	if (!proc || proc->mm != (__u64)mm) {
		proc = add_process(task, mm);
		if (!proc) {
			if (sweep_counts)
				COUNT(overflow);
			return 0;
		}
	}
	moved = memory_cgroup_id(task) != proc->cgroup_id;
	if (!proc->sent_ns)
		type = RSS_EVENT_SCAN;
	touched_era = *(volatile __u32 *)&proc->touched_era;
	cgroup_before = proc->cgroup_id;
	was_in_scope = proc->in_scope;
	update_cgroup(proc, task);
	if (!proc->in_scope) {
		if (!was_in_scope) {
			mark_clean(proc, touched_era);
			return 0;
		}
		type = RSS_EVENT_EXIT;
	}
	if (write_swept(ctx->meta->seq, type, proc, task, mm,
		    type == RSS_EVENT_SAMPLE && !sweep_all && !moved)) {
		mark_clean(proc, touched_era);
	} else {
		proc->cgroup_id = cgroup_before;
		proc->in_scope = was_in_scope;
	}
	return 0;
}

#endif
