/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where samples come from: the BPF programs, or polling /proc. Both give struct rss_event.
 */
#ifndef LEAKLAB_COLLECTOR_CAPTURE_CAPTURE_H
#define LEAKLAB_COLLECTOR_CAPTURE_CAPTURE_H

#include <stdbool.h>
#include <stdint.h>

#include "bpf/rss_events.h"
#include "collector/cgroup/cgroup.h"

enum capture_source {
	CAPTURE_AUTO,	/* tp_btf, or tp where BTF lacks it; never proc */
	CAPTURE_TP_BTF, /* tp_btf/rss_stat */
	CAPTURE_TP,	/* tracepoint/kmem/rss_stat */
	CAPTURE_PROC,	/* poll /proc */
};

/*
 * systemd sets the pid limit to 4194304, and the kernel allocates all entries beforehand: that
 * would be 700 MiB. For as many processes as these it takes 11 MiB.
 */
#define CAPTURE_DEFAULT_PROCESSES 65536

struct capture_settings {
	enum capture_source source;
	uint64_t interval_ns;
	uint64_t threshold_bytes;
	uint64_t scope_id; /* memory cgroup whose subtree is watched; 0: the whole host */
	const char *scope_path;
	uint32_t max_processes; /* 0: the host's pid limit, up to CAPTURE_DEFAULT_PROCESSES */
	uint32_t ring_bytes;	/* power of two, at least a page */
	const struct cgroup_host *host;
	bool verbose; /* libbpf's own messages to stderr */
	/*
	 * Called with the ctx of capture_open() for each event of these kinds, in the order of
	 * delivery among all events; NULL: not asked for. See capture_tells().
	 */
	void (*on_cgroup)(void *ctx, const struct cgroup_event *event);
	void (*on_oom)(void *ctx, const struct oom_event *event);
};

/* Called for each event, in the order of delivery. */
typedef void (*capture_handler)(void *ctx, const struct rss_event *event);

enum capture_kind {
	CAPTURE_CGROUPS,
	CAPTURE_OOM,
};

struct capture;

/*
 * Opens and attaches. Returns 0, or a negative errno with the reason and the mend in @error
 * (-EPERM: privileges; -ENOENT: this kernel lacks what is needed). The caller closes.
 */
int capture_open(const struct capture_settings *settings, capture_handler handler, void *ctx,
	struct capture **ret, char *error, size_t error_size);
void capture_close(struct capture *capture);

/* "tp_btf", "tp", "proc": what is really in use. */
const char *capture_source_name(const struct capture *capture);

/*
 * Whether events of this kind are told of: they were asked for, the source has them, and this
 * kernel does. Without births and deaths of cgroups the caller must look for them itself.
 */
bool capture_tells(const struct capture *capture, enum capture_kind kind);

/*
 * Readable when births or deaths wait, but not for those within RSS_WAKEUP_GAP_NS of one that it
 * was readable for: read again after that time. -1 when the source has no such descriptor.
 */
int capture_fd(const struct capture *capture);

/* There is more: to be polled again at once, after what else there is to do. */
#define CAPTURE_MORE 1

/* Handles what waits, up to as much as the ring holds. Returns 0, CAPTURE_MORE or a negative errno.
 */
int capture_poll(struct capture *capture);

/* Whether some process may have changes that were not sent, so that a sweep would report it. */
bool capture_has_unsent(const struct capture *capture);

/*
 * Reports processes not seen yet, and those with changes not sent; with @all every process.
 * The first call, after opening, picks up what was alive before. Returns 0 or a negative errno.
 */
int capture_sweep(struct capture *capture, bool all);

/* Removes what is kept of processes that no longer exist (their exit was lost). */
void capture_reap(struct capture *capture);

/* What the way from the kernel has carried since opening. */
struct capture_load {
	uint64_t looks;		  /* updates that the fast path could not pass over */
	uint64_t ring_bytes;	  /* size of the ring; 0: the source has none */
	uint64_t ring_peak_bytes; /* most that one capture_poll() found in it, or somewhat less */
};

/* All 0 for a source without kernel side. */
struct capture_load capture_load(const struct capture *capture);

/* Totals since opening. */
struct rss_stats capture_stats(const struct capture *capture);

#endif
