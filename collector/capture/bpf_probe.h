/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the running kernel's BTF offers to attach to; private to capture/. */
#ifndef LEAKLAB_COLLECTOR_CAPTURE_BPF_PROBE_H
#define LEAKLAB_COLLECTOR_CAPTURE_BPF_PROBE_H

#include <stdbool.h>

/* How oom:mark_victim names the victim. */
enum victim_hook {
	VICTIM_NONE,	/* BTF does not have it */
	VICTIM_TASK,	/* by the task */
	VICTIM_PID,	/* by a thread id */
	VICTIM_CLASSIC, /* by a thread id in the record of the tracepoint; not through tp_btf */
};

struct bpf_probe {
	bool rss_stat; /* tp_btf of it can be attached */
	bool cgroups;  /* mkdir, rmdir and attach_task can */
	enum victim_hook victim;
};

/* Returns 0 or the negative errno of reading the kernel's BTF. */
int bpf_probe_read(struct bpf_probe *ret);

#endif
