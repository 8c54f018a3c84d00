// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Follows the resident memory of every process.
 *
 * Hooks:  tp_btf/rss_stat, or tracepoint/kmem/rss_stat where BTF lacks the first; tp_btf of
 *         sched_process_fork, _exec and _exit; iter/task for what was alive before and for the
 *         last change of processes that fell silent. Cgroups and kills: see the headers.
 * Oldest kernel: 5.8 with BTF (ring buffer, task iterator).
 * Output: struct rss_event, through the ring buffer and, from the iterator, its seq_file.
 * Drops:  counted in stats.lost; a lost sample leaves its process dirty, so the newest counters
 *         follow with the next update or sweep.
 * Cost:   an update costs three comparisons with the CPU's slot. Once in min_gap_ns, and when a CPU
 *         turns to another address space, one hash lookup, one read of the clock and of the
 *         counters; a record costs about 20 reads of kernel memory. See docs/performance.md.
 */
#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include "vmlinux.h"
#include "rss_events.h"

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define PF_KTHREAD 0x00200000
/* Faults whose pages a task may hold back before it adds them to its mm, 5.5 to 6.1: the kernel's
 * TASK_RSS_EVENTS_THRESH, compared before the count and before the fault that makes it full. */
#define TASK_RSS_PAGES (64 + 2)
#define NO_MEMBER (-1)
#define MAX_CPUS 512
#define MAX_CGROUP_DEPTH 32
/* Levels below the watched cgroup; what lies deeper is not found to be in scope. */
#define MAX_SCOPE_DEPTH 128

/* What is kept of a process: its present address space. Keyed by thread group id. */
struct process {
	__u64 mm; /* pointer, to notice an exec that was not seen; never dereferenced */
	__u64 born_ns;
	__u64 cgroup_id;
	__u64 sent_ns;		/* 0: not sent yet */
	__s64 sent[RSS_KINDS];	/* pages, as last sent */
	__s64 count[RSS_KINDS]; /* pages without remainders, when last sent */
	__u32 updates;		/* since last sent; racy between threads, so a good estimate */
	__u32 in_scope;
	__u32 touched_era; /* the last era in which a CPU's slot may have been filled with it */
	__u32 clean_era;   /* no later touch: what was sent last is what it has; sweep's own */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768); /* set to the host's pid limit before load */
	__type(key, __u32);
	__type(value, struct process);
} processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 << 20);
} events SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct rss_stats);
} stats SEC(".maps");

const volatile struct rss_settings settings = {};

/* Some process was touched since the last sweep began: the next one has something to do. */
__u32 unsent = 0;

/*
 * Changed by user space before each sweep, so that all slots are void: what the sweep finds is then
 * all there is, and a process with later updates is touched anew.
 */
__u32 era = 1;

/* Beyond MAX_CPUS a CPU has none and looks at each update. */
struct rss_slot slots[MAX_CPUS] __attribute__((aligned(64)));

/* When a birth or death last woke the reader. */
__u64 woken_ns = 0;

/* Set by user space between sweeps: the iterator then reports all processes, not only dirty ones.
 */
__u32 sweep_all = 0;

/* Set by user space for the first sweep: later ones would count the same overflow again. */
__u32 sweep_counts = 0;

/* Set by user space now and then: the sweep looks for moves to another cgroup that no hook told. */
__u32 sweep_moves = 0;

/*
 * Where each CPU's copy of a per-CPU object lies, relative to its __percpu pointer: the kernel's
 * __per_cpu_offset[], which is no symbol on kernels without CONFIG_KALLSYMS_ALL. Learnt once, by
 * the first sweep; see learn_cpu_offsets().
 */
__u64 cpu_offsets[MAX_CPUS];
__u32 cpu_offsets_known = 0;
__u8 array_head[1024];

/* Flavour of the kernel's own list of helpers, to ask whether one exists. */
enum bpf_func_id___have {
	BPF_FUNC_get_current_task_btf___have = 158,   /* 5.11 */
	BPF_FUNC_map_lookup_percpu_elem___have = 195, /* 5.19 */
};

#define HAVE_HELPER(name)                                                                          \
	bpf_core_enum_value_exists(enum bpf_func_id___have, BPF_FUNC_##name##___have)

#define COUNT(field)                                                                               \
	do {                                                                                       \
		__u32 zero_ = 0;                                                                   \
		struct rss_stats *stats_ = bpf_map_lookup_elem(&stats, &zero_);                    \
		if (stats_)                                                                        \
			stats_->field++;                                                           \
	} while (0)

#include "counters.bpf.h"

static __always_inline struct cgroup_subsys_state *memory_css(struct task_struct *task)
{
	int id = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	struct cgroup_subsys_state *css = NULL;

	bpf_core_read(&css, sizeof(css), &set->subsys[id]);
	return css;
}

static __always_inline struct cgroup *memory_cgroup(struct task_struct *task)
{
	struct cgroup_subsys_state *css = memory_css(task);

	return css ? BPF_CORE_READ(css, cgroup) : NULL;
}

/* Whether @cgroup lies in the watched subtree. */
static __noinline bool is_in_scope(struct cgroup *cgroup)
{
	struct cgroup_subsys_state *css;

	if (settings.scope_id == 0)
		return true;
	for (int depth = 0; depth < MAX_SCOPE_DEPTH && cgroup; depth++) {
		if (BPF_CORE_READ(cgroup, kn, id) == settings.scope_id)
			return true;
		css = BPF_CORE_READ(cgroup, self.parent);
		cgroup = css ? BPF_CORE_READ(css, cgroup) : NULL;
	}
	return false;
}

/* 0 when unknown. */
static __always_inline __u64 memory_cgroup_id(struct task_struct *task)
{
	struct cgroup *cgroup = memory_cgroup(task);

	return cgroup ? BPF_CORE_READ(cgroup, kn, id) : 0;
}

/* A process may be moved between cgroups at any time (runc does so before every exec). */
static __always_inline void update_cgroup(struct process *proc, struct task_struct *task)
{
	__u64 id = memory_cgroup_id(task);

	if (id == proc->cgroup_id)
		return;
	proc->cgroup_id = id;
	proc->in_scope = is_in_scope(memory_cgroup(task));
}

/* Fills all of @event but the counters and when they were read. */
static __always_inline void fill_identity(
	struct rss_event *event, __u32 type, const struct process *proc, struct task_struct *task)
{
	struct task_struct *leader = BPF_CORE_READ(task, group_leader);

	__builtin_memset(event, 0, sizeof(*event));
	event->type = type;
	event->tgid = BPF_CORE_READ(task, tgid);
	event->born_ns = proc->born_ns;
	event->start_ns = BPF_CORE_READ(leader, start_boottime);
	event->cgroup_id = proc->cgroup_id;
	event->updates = proc->updates;
	BPF_CORE_READ_STR_INTO(&event->comm, leader, comm);
}

/*
 * Fills the counters of @event: those of @mm, or with NULL the last ones sent. Then the time, so
 * that of two CPUs at once the one that read first cannot leave its counters as the newest sent
 * under an earlier time than the other's record: the sweep would take the process for clean.
 */
static __always_inline void fill_counters(struct rss_event *event, struct process *proc,
	struct task_struct *task, struct mm_struct *mm, int member)
{
	__s64 pages[RSS_KINDS];

	if (mm) {
		read_counts(mm, pages);
		__builtin_memcpy(proc->count, pages, sizeof(proc->count));
		event->error_pages = add_remainders(task, mm, pages, member);
		__builtin_memcpy(event->pages, pages, sizeof(event->pages));
	} else {
		__builtin_memcpy(event->pages, proc->sent, sizeof(event->pages));
	}
	event->t_ns = bpf_ktime_get_ns();
}

static __always_inline bool same_pages(const __s64 *a, const __s64 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2] && a[3] == b[3];
}

static __always_inline void mark_sent(struct process *proc, const struct rss_event *event)
{
	proc->sent_ns = event->t_ns;
	proc->updates = 0;
	__builtin_memcpy(proc->sent, event->pages, sizeof(proc->sent));
}

/* Whether a counter is further than the threshold from what was sent. */
static __always_inline bool changed_much(const struct process *proc, struct mm_struct *mm)
{
	__s64 threshold = settings.threshold_pages;
	__s64 pages[RSS_KINDS];

	read_counts(mm, pages);
	for (int kind = 0; kind < RSS_KINDS; kind++) {
		__s64 change = pages[kind] - proc->count[kind];

		if (change >= threshold || -change >= threshold)
			return true;
	}
	return false;
}

/*
 * Births and deaths wake the reader, samples wait for its next turn. To wake it takes an interrupt
 * to oneself, in virtual machines ten times of what the record costs: so in a row of them the first
 * one does, and the reader comes again for the others.
 */
static __always_inline __u64 wakeup_flag(__u32 type, __u64 now_ns)
{
	/* The clocks of two CPUs may differ by a little. */
	if (type == RSS_EVENT_SAMPLE || (__s64)(now_ns - woken_ns) < RSS_WAKEUP_GAP_NS)
		return BPF_RB_NO_WAKEUP;
	woken_ns = now_ns;
	return BPF_RB_FORCE_WAKEUP;
}

/*
 * The next sweep is to look at @proc: before a slot is filled with it, and when a record of it is
 * made here, for other CPUs may be busy with it. Returns the era in which that holds.
 */
static __always_inline __u32 touch(struct process *proc)
{
	__u32 now = *(volatile __u32 *)&era;

	*(volatile __u32 *)&proc->touched_era = now;
	if (!unsent) /* read first: a store by every CPU would pass its cache line around */
		unsent = 1;
	return now;
}

/*
 * Sends a record of @proc if it is in scope. Only the sweep makes it clean. A process
 * that left the scope is reported as gone, again if that was lost.
 */
static __noinline void send(__u32 type, struct process *proc, struct task_struct *task,
	struct mm_struct *mm, int member)
{
	__u64 cgroup_before = proc->cgroup_id;
	__u32 was_in_scope = proc->in_scope;
	struct rss_event *event;
	__u64 now_ns;

	update_cgroup(proc, task);
	if (!proc->in_scope) {
		proc->sent_ns = bpf_ktime_get_ns();
		proc->updates = 0;
		if (!was_in_scope)
			return;
		type = RSS_EVENT_EXIT;
	}
	touch(proc);
	COUNT(offered);
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		proc->cgroup_id = cgroup_before;
		proc->in_scope = was_in_scope;
		COUNT(lost);
		return;
	}
	fill_identity(event, type, proc, task);
	fill_counters(event, proc, task, mm, member);
	mark_sent(proc, event);
	now_ns = event->t_ns;
	bpf_ringbuf_submit(event, wakeup_flag(type, now_ns));
}

#include "cgroups.bpf.h"
#include "oom.bpf.h"

static __always_inline struct rss_slot *own_slot(void)
{
	__u64 cpu = bpf_get_smp_processor_id();
	struct rss_slot *slot;

	if (cpu >= MAX_CPUS)
		return NULL;
	/*
	 * The check stays before the address is made of it, and what is kept is the address: older
	 * verifiers do not look back, and forget the bound of a number on the stack.
	 */
	barrier_var(cpu);
	slot = &slots[cpu];
	barrier_var(slot);
	return slot;
}

/* Makes @mm the address space of the process of @task. Returns its entry, NULL when full. */
static __always_inline struct process *add_process(struct task_struct *task, struct mm_struct *mm)
{
	struct process fresh = { .mm = (__u64)mm, .born_ns = bpf_ktime_get_ns() };
	__u32 tgid = BPF_CORE_READ(task, tgid);
	struct rss_slot *slot = own_slot();

	/* CPUs may have passed it over as nobody's: this one, and until the next sweep others. */
	if (slot && slot->mm == (__u64)mm)
		slot->mm = 0;
	touch(&fresh);
	/* So that update_cgroup() sees a change, even to "unknown". */
	fresh.cgroup_id = ~0ULL;
	if (bpf_map_update_elem(&processes, &tgid, &fresh, BPF_ANY))
		return NULL;
	return bpf_map_lookup_elem(&processes, &tgid);
}

static __always_inline struct mm_struct *current_mm(void)
{
	if (HAVE_HELPER(get_current_task_btf))
		return ((struct task_struct *)bpf_get_current_task_btf())->mm;
	return BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), mm);
}

static __always_inline bool is_in_exec(struct task_struct *task)
{
	return bpf_core_field_exists(task->in_execve) &&
	       BPF_CORE_READ_BITFIELD_PROBED(task, in_execve);
}

/*
 * An update that the entry of the current process does not explain: the first of its kind, an
 * image whose exec is under way, or an address space of somebody else (reclaim, fork, vfork,
 * ptrace). Returns the entry that it belongs to, and its task; NULL when there is none.
 */
static __noinline struct process *find_owner(
	struct mm_struct *mm, int member, struct task_struct **ret_task)
{
	struct task_struct *owner = BPF_CORE_READ(mm, owner);
	struct process *proc;
	__u32 tgid;

	if (!owner) {
		COUNT(unowned);
		return NULL;
	}
	tgid = BPF_CORE_READ(owner, tgid);
	*ret_task = owner;
	proc = bpf_map_lookup_elem(&processes, &tgid);
	if (proc && proc->mm == (__u64)mm)
		return proc;
	/*
	 * Not yet its owner's, or of an exec that is under way (with vfork() of a process without
	 * an entry): exec and fork announce the address space when it is complete.
	 */
	if (proc || BPF_CORE_READ(owner, mm) != mm || is_in_exec(owner))
		return NULL;
	/* The last thread has left; what follows is the teardown. */
	if (BPF_CORE_READ(owner, signal, live.counter) == 0)
		return NULL;
	proc = add_process(owner, mm);
	if (proc)
		send(RSS_EVENT_FOUND, proc, owner, mm, member);
	return NULL;
}

/* Adds what was seen of an address space while this CPU's slot had it to its process. */
static __always_inline void empty_slot(struct rss_slot *slot)
{
	struct process *proc;
	__u32 tgid = slot->tgid;

	if (!slot->updates)
		return;
	proc = tgid ? bpf_map_lookup_elem(&processes, &tgid) : NULL;
	if (proc && proc->mm == slot->mm)
		proc->updates += slot->updates;
	slot->updates = 0;
	slot->mm = 0;
}

/*
 * Until when nothing can be due for @proc, for which nothing was @gap_ns after its last record: not
 * before the gap is over, and then not before another one, for the counters were looked at.
 */
static __always_inline __u64 quiet_jiffies(__s64 gap_ns)
{
	__s64 left_ns = (__s64)settings.min_gap_ns - gap_ns;

	if (!settings.jiffy_ns || settings.min_gap_ns < settings.jiffy_ns)
		return 0;
	if (left_ns <= 0)
		return settings.min_gap_ns / settings.jiffy_ns;
	return (__u64)left_ns / settings.jiffy_ns + 1;
}

static __always_inline void fill_slot(
	struct rss_slot *slot, struct mm_struct *mm, __u32 tgid, __u32 its_era, __u64 jiffies)
{
	slot->tgid = tgid;
	slot->era = its_era;
	slot->until_jiffies = bpf_jiffies64() + jiffies;
	slot->mm = (__u64)mm;
}

/*
 * Looks whether a record of the process of @mm is due. When @mm is nobody's there is none for the
 * rest of the row either: it is being torn down, or fork or exec will announce its process; for one
 * jiffy only, for that may come on another CPU.
 */
static __noinline int look_closer(struct mm_struct *mm, int member)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	__u32 tgid = bpf_get_current_pid_tgid() >> 32, now_era = *(volatile __u32 *)&era;
	struct rss_slot *slot = own_slot();
	struct process *proc = NULL;
	__s64 gap_ns;

	if (slot) {
		slot->looks++;
		empty_slot(slot);
	}
	if (current_mm() == mm)
		proc = bpf_map_lookup_elem(&processes, &tgid);
	if (!proc || proc->mm != (__u64)mm) {
		proc = find_owner(mm, member, &task);
		if (!proc) {
			if (slot)
				fill_slot(slot, mm, 0, now_era, 1);
			return 0;
		}
		tgid = BPF_CORE_READ(task, tgid);
	}
	proc->updates++;
	now_era = touch(proc);
	gap_ns = bpf_ktime_get_ns() - proc->sent_ns;
	if (gap_ns >= (__s64)settings.interval_ns ||
		(gap_ns >= (__s64)settings.min_gap_ns && changed_much(proc, mm))) {
		send(RSS_EVENT_SAMPLE, proc, task, mm, member);
		gap_ns = 0;
	}
	if (slot)
		fill_slot(slot, mm, tgid, now_era, quiet_jiffies(gap_ns));
	return 0;
}

/*
 * Nearly all updates come in rows by one process on one CPU, and a record can be due once in
 * min_gap_ns only: so all but the first of a row need no look.
 */
static __always_inline int on_update(struct mm_struct *mm, int member)
{
	struct rss_slot *slot = own_slot();

	if (!slot || slot->mm != (__u64)mm || slot->era != era ||
		bpf_jiffies64() >= slot->until_jiffies)
		return look_closer(mm, member);
	slot->updates++;
	return 0;
}

SEC("tp_btf/rss_stat")
int BPF_PROG(on_rss_stat, struct mm_struct *mm, int member)
{
	return on_update(mm, member);
}

/*
 * The classic record names no address space, only a hash of its pointer; for updates made by the
 * process itself the current one is it. The others are counted, and mended by the next sweep.
 */
SEC("tp/kmem/rss_stat")
int on_rss_stat_classic(struct trace_event_raw_rss_stat *ctx)
{
	struct mm_struct *mm;

	if (!BPF_CORE_READ(ctx, curr)) {
		COUNT(foreign);
		return 0;
	}
	mm = BPF_CORE_READ((struct task_struct *)bpf_get_current_task(), mm);
	return mm ? on_update(mm, BPF_CORE_READ(ctx, member)) : 0;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(on_fork, struct task_struct *parent, struct task_struct *child)
{
	struct mm_struct *mm = child->mm;
	struct process *proc;

	/* Threads, vfork and kernel threads bring no address space of their own. */
	if (child->pid != child->tgid || !mm || mm == parent->mm || (child->flags & PF_KTHREAD))
		return 0;
	tell_limits(child, true);
	proc = add_process(child, mm);
	if (proc)
		send(RSS_EVENT_FORK, proc, child, mm, NO_MEMBER);
	else
		COUNT(overflow);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(on_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct mm_struct *mm = task->mm;
	struct process *proc;
	__u32 tgid = task->tgid;

	if (!mm)
		return 0;
	tell_limits(task, false);
	/* Its updates may have been faster, see find_owner(). */
	proc = bpf_map_lookup_elem(&processes, &tgid);
	if (!proc || proc->mm != (__u64)mm)
		proc = add_process(task, mm);
	if (proc)
		send(RSS_EVENT_EXEC, proc, task, mm, NO_MEMBER);
	else
		COUNT(overflow);
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(on_exit, struct task_struct *task)
{
	__u32 tgid = task->tgid;
	struct rss_slot *slot;
	struct process *proc;

	/* Any thread may exit first; the process is gone with the last one. */
	if (task->signal->live.counter != 0)
		return 0;
	slot = own_slot();
	if (slot)
		empty_slot(slot);
	proc = bpf_map_lookup_elem(&processes, &tgid);
	if (!proc)
		return 0;
	/* Up to 6.15 the address space is gone by now, later it is not: take what was sent. */
	send(RSS_EVENT_EXIT, proc, task, NULL, NO_MEMBER);
	bpf_map_delete_elem(&processes, &tgid);
	return 0;
}

#include "sweep.bpf.h"
