/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a source implements; private to capture/. */
#ifndef LEAKLAB_COLLECTOR_CAPTURE_SOURCE_H
#define LEAKLAB_COLLECTOR_CAPTURE_SOURCE_H

#include "collector/capture/capture.h"

struct capture_ops {
	void (*close)(struct capture *capture);
	int (*fd)(const struct capture *capture);
	int (*poll)(struct capture *capture);
	bool (*has_unsent)(const struct capture *capture);
	int (*sweep)(struct capture *capture, bool all);
	void (*reap)(struct capture *capture);
	struct rss_stats (*stats)(const struct capture *capture);
	struct capture_load (*load)(const struct capture *capture); /* may be NULL */
};

/* Each source embeds this as its first member. */
struct capture {
	const struct capture_ops *ops;
	const char *name;
	capture_handler handler;
	void (*on_cgroup)(void *ctx, const struct cgroup_event *event);
	void (*on_oom)(void *ctx, const struct oom_event *event);
	void *ctx;
	bool tells_cgroups, tells_oom;
};

/* Pages that each CPU may hold back from a counter (6.2 and later): lib/percpu_counter.c. */
uint32_t capture_percpu_batch(void);

int capture_open_bpf(const struct capture_settings *settings, struct capture **ret, char *error,
	size_t error_size);
int capture_open_proc(const struct capture_settings *settings, struct capture **ret, char *error,
	size_t error_size);

#endif
