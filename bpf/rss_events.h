/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel side hands to user space, and the settings and counters they share. The only
 * header that both include.
 */
#ifndef LEAKLAB_BPF_RSS_EVENTS_H
#define LEAKLAB_BPF_RSS_EVENTS_H

#ifndef __BPF__
#include <linux/types.h>
#endif

/* Kinds of resident memory, numbered as the kernel numbers them (MM_FILEPAGES, ...). */
enum rss_kind {
	RSS_FILE = 0,
	RSS_ANON = 1,
	RSS_SWAP = 2,
	RSS_SHMEM = 3,
	RSS_KINDS = 4,
};

enum rss_event_type {
	RSS_EVENT_SAMPLE = 1, /* new counters of a known address space */
	RSS_EVENT_FORK = 2,   /* a new address space by fork, with its first counters */
	RSS_EVENT_EXEC = 3,   /* a new address space by exec; the process's old one is gone */
	RSS_EVENT_EXIT = 4,   /* the last thread is gone; the counters are the last ones seen */
	RSS_EVENT_SCAN = 5,   /* found by the iterator: alive before the hooks were attached */
	RSS_EVENT_FOUND = 6,  /* found by its first counter update (its fork was not seen) */
	/* The same ring carries struct cgroup_event and struct oom_event, told by their type. */
	CGROUP_EVENT_BORN = 16,
	CGROUP_EVENT_LIMITS = 17, /* what binds it, when a process came that may find it changed */
	CGROUP_EVENT_GONE = 18,
	OOM_EVENT_VICTIM = 32,
};

/*
 * One record. (@tgid, @born_ns) names an address space for good: both pids and mm pointers are
 * reused, a pair with the time of birth is not. Every record says all that is known, so a lost
 * one costs time, never identity.
 */
struct rss_event {
	__u32 type;	 /* enum rss_event_type */
	__u32 tgid;	 /* in the initial PID namespace */
	__u64 t_ns;	 /* CLOCK_MONOTONIC */
	__u64 born_ns;	 /* CLOCK_MONOTONIC, when this address space was first seen */
	__u64 start_ns;	 /* CLOCK_BOOTTIME, when the process started */
	__u64 cgroup_id; /* of the memory cgroup, kernfs id; 0 when unknown */
	__s64 pages[RSS_KINDS];
	__u32 updates; /* counter updates since the last record, this one included */
	/* Bound of the error of anon and swap at @t_ns. Before 6.2, where a fault may map 16 pages
	 * of a file, file and shmem may be off by 16 times as much. */
	__u32 error_pages;
	char comm[16];
};
_Static_assert(sizeof(struct rss_event) == 96, "the layout of rss_event is shared");

/* A limit that binds, by the cgroup that sets it (the nearest one of equals). */
struct cgroup_event_bound {
	__u64 pages; /* the kernel's page counter; CGROUP_EVENT_NO_LIMIT: this kernel has none */
	__u64 id;    /* kernfs id */
};
_Static_assert(sizeof(struct cgroup_event_bound) == 16, "the layout is shared");

#define CGROUP_EVENT_NO_LIMIT (~0ULL)

struct cgroup_event_limits {
	struct cgroup_event_bound memory, high;
	struct cgroup_event_bound swap; /* v1: memsw, memory and swap together */
};
_Static_assert(sizeof(struct cgroup_event_limits) == 48, "the layout is shared");

/*
 * A memory cgroup was made, removed, or seen with these limits. The whole of its path is not sent:
 * the tracepoints cut it at 1024 bytes. Every record has the name, so a lost birth is mended.
 */
struct cgroup_event {
	__u32 type;	  /* enum rss_event_type, from 16 */
	__u32 has_limits; /* 0: it has no memory controller of its own (v2), or is gone */
	__u64 t_ns;	  /* CLOCK_MONOTONIC */
	__u64 cgroup_id;  /* kernfs id */
	__u64 parent_id;  /* 0: it is the root */
	struct cgroup_event_limits limits;
	char name[256]; /* last part of its path */
};
_Static_assert(sizeof(struct cgroup_event) == 336, "the layout of cgroup_event is shared");

/* The kernel chose a victim of an out-of-memory kill. */
struct oom_event {
	__u32 type;	 /* OOM_EVENT_VICTIM */
	__u32 pid;	 /* thread group; 0: the kernel told only the thread */
	__u64 t_ns;	 /* CLOCK_MONOTONIC */
	__u64 cgroup_id; /* memory cgroup of the victim; 0: unknown */
	__u32 tid;	 /* the thread that was marked */
	__u32 padding;
	char comm[16]; /* "": unknown */
};
_Static_assert(sizeof(struct oom_event) == 48, "the layout of oom_event is shared");

/* Event counts kept per CPU, summed in user space. */
struct rss_stats {
	__u64 lost;	/* records that the ring buffer had no room for */
	__u64 overflow; /* address spaces that the process map had no room for */
	__u64 unowned;	/* updates of an address space without an owner (exec, teardown) */
	__u64 offered;	/* records made: those read, those lost, and those still in the ring */
	__u64 foreign;	/* classic tracepoint only: updates made by another process */
};
_Static_assert(sizeof(struct rss_stats) == 40, "the layout of rss_stats is shared");

/* Births and deaths that are closer than this to one that woke the reader do not wake it. */
#define RSS_WAKEUP_GAP_NS 10000000

/*
 * What a CPU is busy with: updates of this address space need no look until then. Each CPU writes
 * its own only, so that no cache line is passed around.
 */
struct rss_slot {
	__u64 mm; /* pointer, never dereferenced */
	__u64 until_jiffies;
	__u64 updates; /* seen, and not yet added to the process */
	__u32 tgid;
	__u32 era;   /* another than the present one: to be looked at again */
	__u64 looks; /* updates that needed one, since the start: each finds a process in its map */
	__u64 padding[3];
};
_Static_assert(sizeof(struct rss_slot) == 64, "a slot is a cache line");

/* Set before the programs are loaded; constant for the verifier. */
struct rss_settings {
	__u64 interval_ns;     /* a changed counter is sent after this time at the latest... */
	__u64 min_gap_ns;      /* ...and no two records of one process are closer than this */
	__u64 scope_id;	       /* memory cgroup whose subtree is watched; 0: all */
	__u32 threshold_pages; /* a change that is sent at once */
	__u32 cpus;	       /* possible CPUs */
	__u32 percpu_batch;    /* pages that a CPU may hold back (6.2 and later) */
	__u16 cgroup_version;  /* of the memory hierarchy: 1 or 2 */
	__u16 follow_cgroups;  /* whether cgroup events are sent */
	__u64 jiffy_ns;	       /* 0: unknown */
};
_Static_assert(sizeof(struct rss_settings) == 48, "the layout of rss_settings is shared");

#endif
