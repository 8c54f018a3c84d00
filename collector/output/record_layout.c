// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/output/record_layout.h"

#define FIELD(key, kind, member)                                                                   \
	{                                                                                          \
		key, kind, offsetof(struct record, member)                                         \
	}
#define T_NS FIELD("t_ns", FIELD_U64, t_ns)
#define END_OF_FIELDS                                                                              \
	{                                                                                          \
		NULL, FIELD_U64, 0                                                                 \
	}

static const struct record_field header_fields[] = {
	T_NS,
	FIELD("source", FIELD_STRING, header.source),
	FIELD("wall_ns", FIELD_U64, header.wall_ns),
	FIELD("page_bytes", FIELD_U64, header.page_bytes),
	FIELD("cpus", FIELD_U64, header.cpus),
	FIELD("kernel", FIELD_STRING_OR_NULL, header.kernel),
	FIELD("interval_ns", FIELD_U64, header.interval_ns),
	FIELD("threshold_bytes", FIELD_U64, header.threshold_bytes),
	FIELD("scope", FIELD_STRING_OR_NULL, header.scope),
	END_OF_FIELDS,
};

static const struct record_field cgroup_fields[] = {
	T_NS,
	FIELD("cgroup", FIELD_U64, cgroup.id),
	FIELD("path", FIELD_STRING_OR_NULL, cgroup.path),
	FIELD("version", FIELD_INT, cgroup.version),
	FIELD("limit_bytes", FIELD_LIMIT, cgroup.limit_bytes),
	FIELD("limit_cgroup", FIELD_STRING_OR_NULL, cgroup.limit_cgroup),
	FIELD("ram_bytes", FIELD_U64, cgroup.ram_bytes),
	FIELD("parent", FIELD_ID_OR_NO, cgroup.parent),
	FIELD("high_bytes", FIELD_LIMIT_OR_NO, cgroup.high_bytes),
	FIELD("high_cgroup", FIELD_STRING_OR_NULL, cgroup.high_cgroup),
	FIELD("swap_limit_bytes", FIELD_LIMIT_OR_NO, cgroup.swap_limit_bytes),
	FIELD("swap_limit_cgroup", FIELD_STRING_OR_NULL, cgroup.swap_limit_cgroup),
	FIELD("container", FIELD_CONTAINER, cgroup.container),
	FIELD("limit_unknown", FIELD_FLAG, cgroup.limit_unknown),
	END_OF_FIELDS,
};

static const struct record_field cgroup_end_fields[] = {
	T_NS,
	FIELD("cgroup", FIELD_U64, cgroup_end),
	END_OF_FIELDS,
};

/* What memcg.h calls unknown is null here, as an absent limit is. */
_Static_assert(MEMCG_UNKNOWN == RECORD_UNLIMITED, "one sentinel for null");

#define USAGE(key) FIELD(#key, FIELD_LIMIT_OR_NO, memcg.usage.key)

static const struct record_field memcg_fields[] = {
	T_NS,
	FIELD("cgroup", FIELD_U64, memcg.cgroup),
	USAGE(usage_bytes),
	USAGE(anon_bytes),
	USAGE(file_bytes),
	USAGE(shmem_bytes),
	USAGE(kernel_bytes),
	USAGE(slab_reclaimable_bytes),
	USAGE(slab_unreclaimable_bytes),
	USAGE(pagetables_bytes),
	USAGE(kernel_stack_bytes),
	USAGE(percpu_bytes),
	USAGE(sock_bytes),
	USAGE(swap_bytes),
	USAGE(swap_free_bytes),
	USAGE(reclaimable_bytes),
	USAGE(unevictable_bytes),
	USAGE(dirty_bytes),
	USAGE(error_bytes),
	USAGE(high_events),
	USAGE(max_events),
	USAGE(oom_events),
	USAGE(oom_kills),
	END_OF_FIELDS,
};

static const struct record_field oom_fields[] = {
	T_NS,
	FIELD("pid", FIELD_U32, oom.pid),
	FIELD("comm", FIELD_STRING_OR_NULL, oom.comm),
	FIELD("cgroup", FIELD_ID_OR_NO, oom.cgroup),
	END_OF_FIELDS,
};

static const struct record_field process_fields[] = {
	T_NS,
	FIELD("mm", FIELD_U64, process.mm),
	FIELD("pid", FIELD_U32, process.pid),
	FIELD("start_ns", FIELD_U64, process.start_ns),
	FIELD("comm", FIELD_STRING, process.comm),
	FIELD("cgroup", FIELD_U64, process.cgroup),
	FIELD("origin", FIELD_STRING, process.origin),
	END_OF_FIELDS,
};

static const struct record_field rss_fields[] = {
	T_NS,
	FIELD("mm", FIELD_U64, rss.mm),
	FIELD("anon_bytes", FIELD_U64, rss.anon_bytes),
	FIELD("file_bytes", FIELD_U64, rss.file_bytes),
	FIELD("swap_bytes", FIELD_U64, rss.swap_bytes),
	FIELD("shmem_bytes", FIELD_U64, rss.shmem_bytes),
	FIELD("events", FIELD_U64, rss.events),
	FIELD("error_bytes", FIELD_U64, rss.error_bytes),
	END_OF_FIELDS,
};

static const struct record_field exit_fields[] = {
	T_NS,
	FIELD("mm", FIELD_U64, exit.mm),
	FIELD("reason", FIELD_STRING, exit.reason),
	END_OF_FIELDS,
};

static const struct record_field tick_fields[] = { T_NS, END_OF_FIELDS };

static const struct record_field loss_fields[] = {
	T_NS,
	FIELD("lost", FIELD_U64, lost),
	END_OF_FIELDS,
};

static const struct record_field end_fields[] = {
	T_NS,
	FIELD("reason", FIELD_STRING, end.reason),
	FIELD("records", FIELD_U64, end.records),
	FIELD("events", FIELD_U64, end.events),
	FIELD("lost", FIELD_U64, end.lost),
	FIELD("overflow", FIELD_U64, end.overflow),
	FIELD("lag_p50_ns", FIELD_U64, end.lag_p50_ns),
	FIELD("lag_p99_ns", FIELD_U64, end.lag_p99_ns),
	FIELD("lag_max_ns", FIELD_U64, end.lag_max_ns),
	END_OF_FIELDS,
};

const struct record_layout record_layouts[RECORD_TYPES] = {
	[RECORD_HEADER] = { "header", header_fields },
	[RECORD_CGROUP] = { "cgroup", cgroup_fields },
	[RECORD_CGROUP_END] = { "cgroup_end", cgroup_end_fields },
	[RECORD_MEMCG] = { "memcg", memcg_fields },
	[RECORD_OOM] = { "oom", oom_fields },
	[RECORD_PROCESS] = { "process", process_fields },
	[RECORD_RSS] = { "rss", rss_fields },
	[RECORD_EXIT] = { "exit", exit_fields },
	[RECORD_TICK] = { "tick", tick_fields },
	[RECORD_LOSS] = { "loss", loss_fields },
	[RECORD_END] = { "end", end_fields },
};
