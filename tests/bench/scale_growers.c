// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/bench/scale_growers.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/cleanup.h"
#include "lib/clock.h"
#include "lib/stats.h"
#include "tests/bench/scale_watch.h"

#define GROWERS 10
/* 1 MiB/s each. */
#define PAGES 16
#define HZ 16
#define MIB (1024.0 * 1024.0)
#define MAX_PAIRS (REPORT_ROUNDS / 2)
#define MAX_ROUNDS (2 * MAX_PAIRS)
#define RING_RECORD_BYTES (96 + 8)

enum state { NOTHING, COLLECTOR, WORK, BOTH, STATES };

static const char *const state_names[] = { "nothing of ours", "the collector", "ten growers",
	"ten growers and the collector" };

/* Of all CPUs together, in clock ticks. */
static double busy_ticks(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/stat", "re");
	double user, nice, system, idle, iowait, irq, softirq, steal;

	if (!f || fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", &user, &nice, &system, &idle,
			  &iowait, &irq, &softirq, &steal) != 8)
		return NAN;
	return user + nice + system + irq + softirq;
}

_Static_assert(REPORT_ROUNDS % 2 == 0, "an odd number of rounds is rounded up");

/* By round: 2 i and 2 i + 1, forward and backward, are a pair. Below WORK the first pair alone. */
struct figures {
	double busy_percent[STATES][MAX_ROUNDS];
	double work_us[STATES][MAX_ROUNDS]; /* CPU time of the growers for a MiB */
	double collector_percent[MAX_ROUNDS];
	struct watch_use use; /* the newest */
	double map_bytes;
};

/* One window in one state. */
static int run_state(
	const struct growers_settings *s, enum state state, unsigned int round, struct figures *ret)
{
	bool watched = state == COLLECTOR || state == BOTH, works = state >= WORK;
	struct watch_use before = {}, after = {};
	struct watch_result result;
	uint64_t cpu_ns, touched, t_ns;
	struct watch watch;
	double busy;
	int err = load_start(s->load, GROWERS, 1);

	if (!err && watched)
		err = watch_start(&watch, s->program, load_scope(s->load), NULL);
	if (err)
		return err;
	load_grow(s->load, works ? PAGES : 0, HZ);
	s->rest(1);
	if (watched)
		err = watch_use(&watch, &before);
	cpu_ns = load_cpu_ns(s->load);
	touched = load_touched(s->load);
	busy = busy_ticks();
	t_ns = clock_mono_ns();
	s->rest(s->window_s);
	ret->busy_percent[state][round] = (busy_ticks() - busy) * 1e11 /
					  (double)sysconf(_SC_CLK_TCK) /
					  (double)(clock_mono_ns() - t_ns);
	ret->work_us[state][round] = (double)(load_cpu_ns(s->load) - cpu_ns) * 1e-3 /
				     ((double)(load_touched(s->load) - touched) * 4096 / MIB);
	if (watched && !err)
		err = watch_use(&watch, &after);
	if (state == BOTH && !err) {
		ret->collector_percent[round] = (double)(after.cpu_ns - before.cpu_ns) * 100 /
						(double)(after.t_ns - before.t_ns);
		ret->use = after;
		ret->map_bytes = (double)watch.map_bytes;
	}
	if (watched && !err)
		err = watch_stop(&watch, &result);
	return err ? err : load_stop(s->load);
}

/* Runs of the BPF programs and records, in a window of its own: counting them costs, too. */
static int count_runs(const struct growers_settings *s)
{
	_cleanup_close_ int counting = watch_count_runs();
	struct watch_use before, after;
	struct watch_result result;
	struct watch watch;
	double seconds, runs;
	int err = load_start(s->load, GROWERS, 1);

	if (!err)
		err = watch_start(&watch, s->program, load_scope(s->load), NULL);
	if (err)
		return err;
	load_grow(s->load, PAGES, HZ);
	s->rest(1);
	err = watch_use(&watch, &before);
	s->rest(s->window_s);
	if (!err)
		err = watch_use(&watch, &after);
	if (!err)
		err = watch_stop(&watch, &result);
	if (err)
		return err;
	seconds = (double)(after.t_ns - before.t_ns) * 1e-9;
	runs = (double)(after.runs - before.runs);
	if (counting < 0)
		report_say(s->report, "runs of BPF programs could not be counted: %s",
			strerror(errno));
	else
		report_say(s->report,
			"BPF programs: %.0f runs a second of %.0f ns (the whole host's; each "
			"updates "
			"one entry of a map at most)",
			runs / seconds, (double)(after.run_ns - before.run_ns) / runs);
	report_say(s->report,
		"records: %llu, about %.1f a second, %.1f KiB/s through the ring at most; %llu "
		"lost",
		(unsigned long long)result.records, (double)result.records / (seconds + 1),
		(double)result.records * RING_RECORD_BYTES / 1024 / (seconds + 1),
		(unsigned long long)result.lost);
	return load_stop(s->load);
}

/* The median of the means of pairs. */
static double median(const double *by_round, unsigned int pairs)
{
	double means[MAX_PAIRS], ret = NAN;

	for (unsigned int i = 0; i < pairs; i++)
		means[i] = (by_round[2 * i] + by_round[2 * i + 1]) / 2;
	stats_median(means, pairs, &ret);
	return ret;
}

/* Of what the growers need with the collector to what they need without, in a pair of rounds. */
static double ratio_of(const struct figures *figures, unsigned int pair)
{
	const double *with = &figures->work_us[BOTH][2 * pair];
	const double *without = &figures->work_us[WORK][2 * pair];

	return (with[0] + with[1]) / (without[0] + without[1]);
}

static void tell(
	const struct growers_settings *s, const struct figures *figures, unsigned int pairs)
{
	double ratios[MAX_PAIRS], ratio = NAN, lo = INFINITY, hi = 0;
	struct report_row row = {
		.series = "growers",
		.mode = "growing",
		.processes = GROWERS,
		.cgroups = 1,
		.updates_per_s = GROWERS * PAGES * HZ,
		.cpu_percent = median(figures->collector_percent, pairs),
		.rss_mib = (double)figures->use.rss_bytes / MIB,
		.pss_mib = (double)figures->use.pss_bytes / MIB,
		.map_mib = figures->map_bytes / MIB,
		.files = (double)figures->use.files,
		.tracked = GROWERS,
	};

	report_add(s->report, &row);
	report_say(s->report,
		"medians of %u pair%s of rounds, one in each order, for an even drift to cancel",
		pairs, pairs == 1 ? "" : "s");
	for (int state = 0; state < STATES; state++)
		report_say(s->report, "%s: the host is busy for %.2f %% of one CPU%s",
			state_names[state],
			median(figures->busy_percent[state], state < WORK ? 1 : pairs),
			state < WORK && pairs > 1 ? " (the first pair)" : "");
	for (unsigned int i = 0; i < pairs; i++) {
		ratios[i] = ratio_of(figures, i);
		lo = fmin(lo, ratios[i]);
		hi = fmax(hi, ratios[i]);
	}
	stats_median(ratios, pairs, &ratio);
	report_say(s->report,
		"CPU time of a grower for a MiB: %.1f us without, %.1f us with the collector; "
		"ratio %.3f, from %.3f to %.3f in %u pair%s of rounds",
		median(figures->work_us[WORK], pairs), median(figures->work_us[BOTH], pairs), ratio,
		lo, hi, pairs, pairs == 1 ? "" : "s");
}

int growers_run(const struct growers_settings *settings)
{
	static struct figures figures;
	unsigned int pairs = (settings->rounds + 1) / 2;

	for (unsigned int round = 0; round < 2 * pairs; round++)
		for (int i = 0; i < STATES; i++) {
			/* By turns in one order and the other: a pair has the same mean time. */
			enum state state = round % 2 ? STATES - 1 - i : i;
			int err = 0;

			/* What the ratio does not need is not worth the time again. */
			if (state >= WORK || round < 2)
				err = run_state(settings, state, round, &figures);
			if (err)
				return err;
		}
	tell(settings, &figures, pairs);
	return count_runs(settings);
}
