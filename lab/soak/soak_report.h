/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a soak has found, for people and for machines. Judges nothing itself. */
#ifndef LEAKLAB_LAB_SOAK_REPORT_H
#define LEAKLAB_LAB_SOAK_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "lab/soak/soak_judge.h"

/* A quarter of all samples, as they were taken; medians. */
struct soak_quarter {
	size_t samples;
	double rss_bytes, pss_bytes, anon_bytes, fds, cgroup_fds, cgroups, map_bytes;
};

struct soak_facts {
	struct soak_quarter quarters[4];
	double watched_s;
	/* Over all sessions; NAN when nothing was watched for any time. */
	double collector_cpus, host_cpus, forks_per_s, churned_per_s, records_per_s;
	uint64_t detections;
	unsigned cut_off; /* sessions without an orderly end */
	/* Of all rounds that were scored. */
	unsigned rounds_scored;
	unsigned long long leaks, leaks_growing, leaks_leak, healthy, healthy_false;
};

struct soak_report {
	const char *dir;
	const struct soak_history *history;
	struct soak_verdict verdict;
	struct soak_facts facts;
};

/* Judges @history and takes it together. Returns 0 or -ENOMEM. */
int soak_report_make(const char *dir, const struct soak_history *history, struct soak_report *ret);

/* Each is a writer for report_print() and report_write_file(); @data is a struct soak_report. */
int soak_report_text(FILE *out, const void *data);
int soak_report_markdown(FILE *out, const void *data);
int soak_report_json(FILE *out, const void *data);

#endif
