/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Victims of out-of-memory kills. Part of memgrowth.bpf.c, which has the ring buffer.
 *
 * Hooks:  oom:mark_victim; user space chooses the program by the prototype that the kernel's BTF
 *         shows: the victim itself (6.8 and later, backported here and there), or its thread id.
 * Output: struct oom_event.
 * Drops:  counted in stats.lost.
 * Cost:   none but at a kill.
 */
#ifndef LEAKLAB_BPF_OOM_H
#define LEAKLAB_BPF_OOM_H

/* @pid and @cgroup_id may be 0, @task may be NULL: unknown. */
static __always_inline int tell_victim(
	__u32 pid, __u32 tid, __u64 cgroup_id, struct task_struct *task)
{
	struct oom_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	COUNT(offered);
	if (!event) {
		COUNT(lost);
		return 0;
	}
	__builtin_memset(event, 0, sizeof(*event));
	event->type = OOM_EVENT_VICTIM;
	event->pid = pid;
	event->tid = tid;
	event->t_ns = bpf_ktime_get_ns();
	event->cgroup_id = cgroup_id;
	if (task)
		BPF_CORE_READ_STR_INTO(&event->comm, task, group_leader, comm);
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
	return 0;
}

static __noinline int on_victim(struct task_struct *task)
{
	if (!is_in_scope(memory_cgroup(task)))
		return 0;
	return tell_victim(
		BPF_CORE_READ(task, tgid), BPF_CORE_READ(task, pid), memory_cgroup_id(task), task);
}

/* The task of a thread id cannot be looked up here on kernels that give no more than that. */
static __noinline int on_victim_thread(__u32 tid)
{
	struct task_struct *current = (void *)bpf_get_current_task();
	struct process *proc;

	if (BPF_CORE_READ(current, pid) == tid)
		return on_victim(current);
	/* Mostly it is the leader, whose id is that of the process. */
	proc = bpf_map_lookup_elem(&processes, &tid);
	if (!proc)
		return tell_victim(0, tid, 0, NULL);
	return proc->in_scope ? tell_victim(tid, tid, proc->cgroup_id, NULL) : 0;
}

SEC("tp_btf/mark_victim")
int BPF_PROG(on_mark_victim_task, struct task_struct *task)
{
	return on_victim(task);
}

SEC("tp_btf/mark_victim")
int BPF_PROG(on_mark_victim_pid, int pid)
{
	return on_victim_thread(pid);
}

SEC("tp/oom/mark_victim")
int on_mark_victim_classic(struct trace_event_raw_mark_victim *ctx)
{
	return on_victim_thread(BPF_CORE_READ(ctx, pid));
}

#endif
