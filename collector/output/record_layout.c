// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/output/record_layout.h"

#define KEY(key, kind, place)                                                                      \
	{                                                                                          \
		key, FIELD_##kind, offsetof(struct record, place)                                  \
	}
/* A key that has the name of its member. */
#define FIELD(kind, part, member) KEY(#member, kind, part.member)
#define T_NS KEY("t_ns", U64, t_ns)
#define END_OF_FIELDS KEY(NULL, U64, t_ns)

static const struct record_field header_fields[] = {
	T_NS,
	FIELD(STRING, header, source),
	FIELD(U64, header, wall_ns),
	FIELD(U64, header, page_bytes),
	FIELD(U64, header, cpus),
	FIELD(STRING_OR_NULL, header, kernel),
	FIELD(U64, header, interval_ns),
	FIELD(U64, header, threshold_bytes),
	FIELD(STRING_OR_NULL, header, scope),
	END_OF_FIELDS,
};

static const struct record_field cgroup_fields[] = {
	T_NS,
	KEY("cgroup", U64, cgroup.id),
	FIELD(STRING_OR_NULL, cgroup, path),
	FIELD(INT, cgroup, version),
	FIELD(LIMIT, cgroup, limit_bytes),
	FIELD(STRING_OR_NULL, cgroup, limit_cgroup),
	FIELD(U64, cgroup, ram_bytes),
	FIELD(ID_OR_NO, cgroup, parent),
	FIELD(LIMIT_OR_NO, cgroup, high_bytes),
	FIELD(STRING_OR_NULL, cgroup, high_cgroup),
	FIELD(LIMIT_OR_NO, cgroup, swap_limit_bytes),
	FIELD(STRING_OR_NULL, cgroup, swap_limit_cgroup),
	FIELD(CONTAINER, cgroup, container),
	FIELD(FLAG, cgroup, limit_unknown),
	END_OF_FIELDS,
};

static const struct record_field cgroup_end_fields[] = {
	T_NS,
	KEY("cgroup", U64, cgroup_end),
	END_OF_FIELDS,
};

/* What memcg.h calls unknown is null here, as an absent limit is. */
_Static_assert(MEMCG_UNKNOWN == RECORD_UNLIMITED, "one sentinel for null");

#define USAGE(member) FIELD(LIMIT_OR_NO, memcg.usage, member)

static const struct record_field memcg_fields[] = {
	T_NS,
	FIELD(U64, memcg, cgroup),
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
	FIELD(U32, oom, pid),
	FIELD(STRING_OR_NULL, oom, comm),
	FIELD(ID_OR_NO, oom, cgroup),
	END_OF_FIELDS,
};

static const struct record_field process_fields[] = {
	T_NS,
	FIELD(U64, process, mm),
	FIELD(U32, process, pid),
	FIELD(U64, process, start_ns),
	FIELD(STRING, process, comm),
	FIELD(U64, process, cgroup),
	FIELD(STRING, process, origin),
	END_OF_FIELDS,
};

static const struct record_field rss_fields[] = {
	T_NS,
	FIELD(U64, rss, mm),
	FIELD(U64, rss, anon_bytes),
	FIELD(U64, rss, file_bytes),
	FIELD(U64, rss, swap_bytes),
	FIELD(U64, rss, shmem_bytes),
	FIELD(U64, rss, events),
	FIELD(U64, rss, error_bytes),
	END_OF_FIELDS,
};

static const struct record_field exit_fields[] = {
	T_NS,
	FIELD(U64, exit, mm),
	FIELD(STRING, exit, reason),
	END_OF_FIELDS,
};

static const struct record_field tick_fields[] = { T_NS, END_OF_FIELDS };

static const struct record_field loss_fields[] = {
	T_NS,
	KEY("lost", U64, lost),
	END_OF_FIELDS,
};

static const struct record_field end_fields[] = {
	T_NS,
	FIELD(STRING, end, reason),
	FIELD(U64, end, records),
	FIELD(U64, end, events),
	FIELD(U64, end, lost),
	FIELD(U64, end, overflow),
	FIELD(U64, end, lag_p50_ns),
	FIELD(U64, end, lag_p99_ns),
	FIELD(U64, end, lag_max_ns),
	FIELD(ID_OR_NO, end, looks),
	FIELD(ID_OR_NO, end, ring_bytes),
	FIELD(ID_OR_NO, end, ring_peak_bytes),
	END_OF_FIELDS,
};

#define LAYOUT(type, name) [RECORD_##type] = { #name, name##_fields }

const struct record_layout record_layouts[RECORD_TYPES] = {
	LAYOUT(HEADER, header),
	LAYOUT(CGROUP, cgroup),
	LAYOUT(CGROUP_END, cgroup_end),
	LAYOUT(MEMCG, memcg),
	LAYOUT(OOM, oom),
	LAYOUT(PROCESS, process),
	LAYOUT(RSS, rss),
	LAYOUT(EXIT, exit),
	LAYOUT(TICK, tick),
	LAYOUT(LOSS, loss),
	LAYOUT(END, end),
};
