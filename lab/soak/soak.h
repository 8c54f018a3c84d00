/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a soak has recorded: hours of a collector under load, as one or more sessions, each with a
 * collector of its own. A session ends with the soak, when it is stopped, or with the power; the
 * next one goes on.
 */
#ifndef LEAKLAB_LAB_SOAK_H
#define LEAKLAB_LAB_SOAK_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SOAK_FILE "soak.jsonl"
#define SOAK_FORMAT "leaklab.soak"
#define SOAK_VERSION 1
#define SOAK_TEXT_SIZE 128

/* One look at the collector and the host. */
struct soak_sample {
	unsigned session; /* from 1 */
	double t_s;	  /* since the session's collector was ready */
	uint64_t rss_bytes, pss_bytes;
	uint64_t anon_bytes;		/* anonymous memory, resident and in swap */
	uint64_t fds, threads;		/* descriptors but those of files of cgroups */
	uint64_t cgroup_fds, stale_fds; /* these, and which of them are of removed cgroups */
	uint64_t maps, map_bytes; /* BPF maps that it holds, and what the kernel counts for them */
	uint64_t progs, prog_bytes; /* BPF programs, likewise */
	double cpu_s;		    /* of the collector since its start */
	uint64_t records, lost;	    /* of the session so far */
	uint64_t detections;	    /* all lines of verdicts of the session so far */
	double host_busy_s;	    /* CPU time of the whole host since its boot */
	uint64_t host_forks;	    /* processes and threads made since its boot */
	uint64_t host_cgroups;	    /* memory cgroups that there are */
	uint64_t churned;	    /* short processes that the soak has started in this session */
};

struct soak_session {
	unsigned number;
	uint64_t wall_ns;
	double watched_s; /* time of its last sample or end */
	uint64_t samples;
	uint64_t lost, overflow, records;
	bool self_seen; /* the collector's own process is among those that it watches */
	unsigned own_growing, own_leaks; /* verdicts that the collector raised about itself */
	bool ended;			 /* it came to an orderly end */
	bool collector_died;		 /* before it was told to end */
	int collector_exit;		 /* once ended; 128 + signal */
	char reason[SOAK_TEXT_SIZE];	 /* of the end; "": it was cut off */
};

enum soak_round_outcome {
	SOAK_ROUND_OPEN, /* begun, its end is not known */
	SOAK_ROUND_PASS,
	SOAK_ROUND_GATE, /* the scenario's gates were missed */
	SOAK_ROUND_CUT,	 /* the soak ended before it */
	SOAK_ROUND_BROKEN,
};

struct soak_round {
	unsigned number, session;
	uint64_t seed;
	char scenario[SOAK_TEXT_SIZE];
	double t_s, ended_s;
	enum soak_round_outcome outcome;
	/* From its score; -1: not known. */
	int leaks, leaks_growing, leaks_leak, healthy, healthy_false;
};

struct soak_history {
	char plan[PATH_MAX]; /* its file; "": no load */
	char revision[SOAK_TEXT_SIZE], kernel[SOAK_TEXT_SIZE];
	uint64_t seed;
	uint64_t started_wall_ns;
	double duration_s, interval_s, settle_s;
	unsigned cpus;

	struct soak_sample *samples;
	size_t samples_count;
	struct soak_session *sessions;
	size_t sessions_count;
	struct soak_round *rounds;
	size_t rounds_count;
};

void soak_history_done(struct soak_history *history);

#define _cleanup_soak_history_ __attribute__((cleanup(soak_history_done)))

/* Time that was soaked, over all sessions. */
double soak_watched_s(const struct soak_history *history);

/* "pass", "gate", ... as in the file. */
const char *soak_round_outcome_name(enum soak_round_outcome outcome);

#endif
