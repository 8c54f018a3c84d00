/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A container whose limits are looked at, and which may hold memory to try them. Its life is that
 * of a run's container: made, initialised (its cgroup and first process are there, its program
 * waits), started, watched. It is removed with all others of the session.
 */
#ifndef LEAKLAB_LAB_LIMITS_PROBE_H
#define LEAKLAB_LAB_LIMITS_PROBE_H

#include <stdbool.h>
#include <stdint.h>

#include "lab/limits/session.h"
#include "lab/oom/watch.h"
#include "lab/runner/truth_tail.h"

/* What podman is told. Without an image the container runs memgen. */
struct probe_spec {
	const char *name;	    /* unique in the session; letters, digits and '-' */
	uint64_t memory_bytes;	    /* 0: not given */
	uint64_t memory_swap_bytes; /* 0: not given; UINT64_MAX: -1, no limit */
	uint64_t reservation_bytes; /* 0: not given */
	const char *conf;	    /* --cgroup-conf, or NULL */
	const char *parent;	    /* name of another parent cgroup, or NULL */
	const char *image;	    /* or NULL */
	char *const *command;	    /* of @image */
	unsigned command_count;
	uint64_t hold_bytes; /* what memgen shall hold in each of its processes */
	unsigned processes;  /* of memgen; 0: one */
};

enum probe_outcome {
	PROBE_NOTHING,	  /* was never started */
	PROBE_REFUSED,	  /* podman could not make or start it */
	PROBE_HELD,	  /* held all it should, and lives */
	PROBE_THROTTLED,  /* met memory.high, and lives */
	PROBE_OOM_KILLED, /* by the verdict of lab/oom */
	PROBE_KILLED,	  /* died by SIGKILL, and that was no OOM kill */
	PROBE_ENDED,	  /* ended by itself */
	PROBE_STUCK,	  /* neither held nor ended in time */
};

struct probe {
	char id[80];
	char scratch[128];
	char path[CGROUP_PATH_SIZE]; /* of its cgroup */
	int log_fd, truth_fd;
	int pidfd;
	int pid;
	struct truth_tail truth;
	struct limits_reading knobs[KNOBS]; /* before its program ran, or as read again */
	bool up;			    /* the knobs were read */
	struct oom_watch watch;
	enum probe_outcome outcome;
	uint64_t hold_bytes;
	struct limits_usage usage;    /* when it held, or was last seen */
	char words[LIMITS_TEXT_SIZE]; /* of podman, when it refused */
};

#define PROBE_EMPTY                                                                                \
	{                                                                                          \
		.log_fd = -1, .truth_fd = -1, .pidfd = -1, .truth.fd = -1                          \
	}

/*
 * Makes the container and its cgroup; its program waits. Returns 0, or -EINVAL when podman
 * refused (PROBE_REFUSED with its words) or what it made cannot be found.
 */
int probe_open(struct limits_session *session, const struct probe_spec *spec, struct probe *probe);

/* The same for a container that podman has already made. It must have a log driver passthrough. */
int probe_adopt(struct limits_session *session, const char *id, struct probe *probe);

/*
 * Lets the program run until it holds everything, ends, or was throttled by memory.high for a
 * while; at most two minutes. Returns 0 with the outcome, -EINTR when a signal asks to stop, or
 * -EINVAL when podman refused.
 */
int probe_run(struct limits_session *session, struct probe *probe);

/* Looks again, after something was done to a container that held: still, or killed now? */
void probe_look(struct limits_session *session, struct probe *probe);

/* Kills what runs; what was seen of it stays. */
void probe_end(struct probe *probe);

/* probe_end(), and closes everything. The container itself stays for podman. */
void probe_close(struct probe *probe);

#define _cleanup_probe_ __attribute__((cleanup(probe_close)))

/*
 * What a container of @limit_bytes may hold beside what starts it: memgen itself, page tables and
 * other kernel memory, and what each CPU keeps in stock (64 pages, MEMCG_CHARGE_BATCH).
 */
uint64_t probe_under_bytes(uint64_t limit_bytes);
/* More than fits into @limit_bytes. */
uint64_t probe_over_bytes(uint64_t limit_bytes);

/* "30 MiB held", "33 MiB: OOM-killed". Returns @buf. */
char *probe_text(const struct probe *probe, char *buf, size_t size);

#endif
