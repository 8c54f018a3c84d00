/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The few kernel types that the programs read, cut down to the fields they use. CO-RE relocates
 * every access against the BTF of the running kernel, so one object, the same bytes wherever it
 * is built, serves 5.8 and later; building needs no BTF on the build host.
 *
 * Names with three underscores are flavours (libbpf ignores what follows them): the same type as
 * another kernel lays it out, chosen by a field-existence check.
 */
#ifndef LEAKLAB_BPF_VMLINUX_H
#define LEAKLAB_BPF_VMLINUX_H

#include <linux/types.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	__s64 counter;
} atomic_long_t;

/* 6.2 and later: one counter a kind, with a small signed remainder on each CPU. */
struct percpu_counter {
	__s64 count;
	__s32 *counters;
};

struct mm_struct {
	struct percpu_counter rss_stat[4];
	struct task_struct *owner;
};

/* 5.5 to 6.1: atomic counters, with a remainder in each task (SPLIT_RSS_COUNTING). */
struct mm_rss_stat___pre62 {
	atomic_long_t count[4];
};

struct mm_struct___pre62 {
	struct mm_rss_stat___pre62 rss_stat;
};

struct task_rss_stat___pre62 {
	int count[4];
};

struct task_struct___pre62 {
	struct task_rss_stat___pre62 rss_stat;
};

struct kernfs_node {
	__u64 id;
	const char *name;
};

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct cgroup_subsys_state *parent;
};

struct cgroup_root {
	unsigned int subsys_mask;
};

struct cgroup {
	struct cgroup_subsys_state self;
	struct kernfs_node *kn;
	struct cgroup_root *root;
	struct cgroup_subsys_state *subsys[16];
};

/* @parent is what is charged too: no ancestor on v1 without use_hierarchy. */
struct page_counter {
	unsigned long high; /* 5.8 and later */
	unsigned long max;
	struct page_counter *parent;
};

struct mem_cgroup {
	struct cgroup_subsys_state css;
	struct page_counter memory;
	struct page_counter swap;  /* v2; the same place as memsw */
	struct page_counter memsw; /* v1 */
};

struct css_set {
	struct cgroup_subsys_state *subsys[16];
};

/* Only the value's name counts: its number depends on the kernel's configuration. */
enum cgroup_subsys_id {
	memory_cgrp_id = 4,
};

struct signal_struct {
	atomic_t live;
	int nr_threads;
};

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	unsigned int in_execve : 1;
	__u64 start_boottime;
	struct task_struct *group_leader;
	struct mm_struct *mm;
	struct signal_struct *signal;
	struct css_set *cgroups;
	char comm[16];
};

struct bpf_array {
	void *pptrs[0];
};

struct linux_binprm;

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

/* The classic tracepoint's record; offsets come from BTF, never from this order. */
struct trace_entry {
	int pid;
};

struct trace_event_raw_mark_victim {
	struct trace_entry ent;
	int pid;
};

struct trace_event_raw_rss_stat {
	struct trace_entry ent;
	unsigned int mm_id;
	unsigned int curr;
	int member;
	long size;
};

#pragma clang attribute pop

#endif
