// SPDX-License-Identifier: GPL-2.0-or-later
#include "collector/capture/bpf_probe.h"

#include <bpf/btf.h>
#include <errno.h>
#include <stdint.h>

/* The prototype of the raw tracepoint @name, from the typedef that BTF has for it. */
static const struct btf_type *prototype_of(const struct btf *btf, const char *name)
{
	const struct btf_type *type;
	int id = btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF);

	if (id <= 0)
		return NULL;
	type = btf__type_by_id(btf, (uint32_t)id);
	type = btf__type_by_id(btf, type->type);
	if (!type || !btf_is_ptr(type))
		return NULL;
	type = btf__type_by_id(btf, type->type);
	return type && btf_is_func_proto(type) ? type : NULL;
}

/* The first parameter is the program's own context; the second is the victim. */
static enum victim_hook victim_hook_of(const struct btf *btf)
{
	const struct btf_type *proto = prototype_of(btf, "btf_trace_mark_victim");
	const struct btf_type *type;

	if (!proto || btf_vlen(proto) < 2)
		return btf__find_by_name_kind(btf, "trace_event_raw_mark_victim", BTF_KIND_STRUCT) >
				       0
			       ? VICTIM_CLASSIC
			       : VICTIM_NONE;
	type = btf__type_by_id(btf, btf_params(proto)[1].type);
	return type && btf_is_ptr(type) ? VICTIM_TASK : VICTIM_PID;
}

int bpf_probe_read(struct bpf_probe *ret)
{
	struct btf *btf = btf__load_vmlinux_btf();

	if (!btf)
		return -errno;
	*ret = (struct bpf_probe){
		.rss_stat = prototype_of(btf, "btf_trace_rss_stat") != NULL,
		.cgroups = prototype_of(btf, "btf_trace_cgroup_mkdir") &&
			   prototype_of(btf, "btf_trace_cgroup_rmdir") &&
			   prototype_of(btf, "btf_trace_cgroup_attach_task"),
		.victim = victim_hook_of(btf),
	};
	btf__free(btf);
	return 0;
}
