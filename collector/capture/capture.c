// SPDX-License-Identifier: GPL-2.0-or-later
#include <unistd.h>

#include "collector/capture/source.h"

int capture_open(const struct capture_settings *settings, capture_handler handler, void *ctx,
	struct capture **ret, char *error, size_t error_size)
{
	struct capture *capture;
	int err;

	if (settings->source == CAPTURE_PROC)
		err = capture_open_proc(settings, &capture, error, error_size);
	else
		err = capture_open_bpf(settings, &capture, error, error_size);
	if (err)
		return err;
	capture->handler = handler;
	capture->on_cgroup = settings->on_cgroup;
	capture->on_oom = settings->on_oom;
	capture->ctx = ctx;
	*ret = capture;
	return 0;
}

uint32_t capture_percpu_batch(void)
{
	/* percpu_counter_batch: max(32, 2 x online CPUs) */
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus > 16 ? (uint32_t)(2 * cpus) : 32;
}

void capture_close(struct capture *capture)
{
	if (capture)
		capture->ops->close(capture);
}

const char *capture_source_name(const struct capture *capture)
{
	return capture->name;
}

bool capture_tells(const struct capture *capture, enum capture_kind kind)
{
	return kind == CAPTURE_CGROUPS ? capture->tells_cgroups : capture->tells_oom;
}

int capture_fd(const struct capture *capture)
{
	return capture->ops->fd(capture);
}

int capture_poll(struct capture *capture)
{
	return capture->ops->poll(capture);
}

bool capture_has_unsent(const struct capture *capture)
{
	return capture->ops->has_unsent(capture);
}

int capture_sweep(struct capture *capture, bool all)
{
	return capture->ops->sweep(capture, all);
}

void capture_reap(struct capture *capture)
{
	capture->ops->reap(capture);
}

struct capture_load capture_load(const struct capture *capture)
{
	return capture->ops->load ? capture->ops->load(capture) : (struct capture_load){};
}

struct rss_stats capture_stats(const struct capture *capture)
{
	return capture->ops->stats(capture);
}
