// SPDX-License-Identifier: GPL-2.0-or-later
/* A soak taken together: quarters, shares of time, the sums of its rounds. */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>

#include "lab/soak/soak_report.h"
#include "lab/soak/soak_series.h"
#include "lib/cleanup.h"
#include "lib/stats.h"

static double median_of(const struct soak_sample *samples, size_t n, size_t offset, double *room)
{
	double median = NAN;

	for (size_t i = 0; i < n; i++)
		room[i] = soak_value_at(&samples[i], offset);
	stats_median(room, n, &median);
	return median;
}

static int take_quarters(const struct soak_history *history, struct soak_facts *facts)
{
	size_t n = history->samples_count;
	_cleanup_free_ double *room = calloc(n + 1, sizeof(*room));

	if (!room)
		return -ENOMEM;
	for (size_t i = 0; i < 4; i++) {
		const struct soak_sample *from = history->samples + i * n / 4;
		size_t count = (i + 1) * n / 4 - i * n / 4;

		if (count == 0)
			continue;
		facts->quarters[i] = (struct soak_quarter){
			.samples = count,
			.rss_bytes = median_of(
				from, count, offsetof(struct soak_sample, rss_bytes), room),
			.pss_bytes = median_of(
				from, count, offsetof(struct soak_sample, pss_bytes), room),
			.anon_bytes = median_of(
				from, count, offsetof(struct soak_sample, anon_bytes), room),
			.fds = median_of(from, count, offsetof(struct soak_sample, fds), room),
			.cgroup_fds = median_of(
				from, count, offsetof(struct soak_sample, cgroup_fds), room),
			.cgroups = median_of(
				from, count, offsetof(struct soak_sample, host_cgroups), room),
			.map_bytes = median_of(
				from, count, offsetof(struct soak_sample, map_bytes), room),
		};
	}
	return 0;
}

/* From sample to sample of the same session, so that a restart or a reboot counts for nothing. */
static void take_shares(const struct soak_history *history, struct soak_facts *facts)
{
	double span_s = 0, cpu_s = 0, busy_s = 0, forks = 0, churned = 0, records = 0;

	for (size_t i = 1; i < history->samples_count; i++) {
		const struct soak_sample *a = &history->samples[i - 1], *b = a + 1;

		if (a->session != b->session)
			continue;
		span_s += b->t_s - a->t_s;
		cpu_s += b->cpu_s - a->cpu_s;
		busy_s += b->host_busy_s - a->host_busy_s;
		forks += (double)(b->host_forks - a->host_forks);
		churned += (double)(b->churned - a->churned);
		records += (double)(b->records - a->records);
	}
	facts->collector_cpus = span_s > 0 ? cpu_s / span_s : NAN;
	facts->host_cpus = span_s > 0 ? busy_s / span_s : NAN;
	facts->forks_per_s = span_s > 0 ? forks / span_s : NAN;
	facts->churned_per_s = span_s > 0 ? churned / span_s : NAN;
	facts->records_per_s = span_s > 0 ? records / span_s : NAN;
}

static void take_rounds(const struct soak_history *history, struct soak_facts *facts)
{
	for (size_t i = 0; i < history->rounds_count; i++) {
		const struct soak_round *round = &history->rounds[i];

		if (round->leaks < 0 && round->healthy < 0)
			continue;
		facts->rounds_scored++;
		if (round->leaks >= 0) {
			facts->leaks += round->leaks;
			facts->leaks_growing += round->leaks_growing;
			facts->leaks_leak += round->leaks_leak;
		}
		if (round->healthy >= 0) {
			facts->healthy += round->healthy;
			facts->healthy_false += round->healthy_false;
		}
	}
}

int soak_report_make(const char *dir, const struct soak_history *history, struct soak_report *ret)
{
	*ret = (struct soak_report){ .dir = dir, .history = history };
	if (soak_judge(history, &ret->verdict) < 0 || take_quarters(history, &ret->facts) < 0)
		return -ENOMEM;
	take_shares(history, &ret->facts);
	take_rounds(history, &ret->facts);
	ret->facts.watched_s = soak_watched_s(history);
	for (size_t i = 0; i < history->sessions_count; i++)
		ret->facts.cut_off += !history->sessions[i].ended;
	for (size_t i = 0; i < history->samples_count; i++)
		if (i + 1 == history->samples_count ||
			history->samples[i + 1].session != history->samples[i].session)
			ret->facts.detections += history->samples[i].detections;
	return 0;
}
