// SPDX-License-Identifier: GPL-2.0-or-later
/* What a report says beside the score, and the advice that follows from both. */
#include "lab/report/report.h"
#include "lib/clock.h"
#include "lib/units.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Above these, a report says so. */
#define CPU_SHARE_HIGH 0.05
#define LAG_HIGH_S 0.25
/* Starting up is dear: a shorter recording says nothing of what the collector costs. */
#define CPU_SPAN_S 5
/* Fewer units than these cannot carry a claim of 90 % (one-sided 95 %, no error). */
#define LEAK_UNITS_CLAIM 29

__attribute__((format(printf, 2, 3))) static int list_add(
	struct report_list *list, const char *fmt, ...)
{
	char **grown = realloc(list->item, (list->count + 1) * sizeof(*grown));
	va_list args;
	int len;

	if (!grown)
		return -ENOMEM;
	list->item = grown;
	va_start(args, fmt);
	len = vasprintf(&list->item[list->count], fmt, args);
	va_end(args);
	if (len < 0)
		return -ENOMEM;
	list->count++;
	return 0;
}

static void list_done(struct report_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->item[i]);
	free(list->item);
}

void report_facts_done(struct report_facts *facts)
{
	list_done(&facts->issues);
	list_done(&facts->advice);
	*facts = (struct report_facts){ 0 };
}

static double run_duration_s(const struct run_files *run)
{
	if (run->ended_ns <= run->started_ns)
		return 0;
	return (double)(run->ended_ns - run->started_ns) / (double)NS_PER_S;
}

static void add_run(
	const struct run_files *run, struct report_facts *facts, double *events, double *records)
{
	const struct run_recording *rec = &run->recording;
	json_t *collector = json_object_get(run->json, "collector");
	double value;

	facts->duration_s += run_duration_s(run);
	facts->workloads += run->workloads_count;
	facts->processes_monitored += rec->mms_count;
	facts->lost += rec->lost;
	facts->recorded_s += (double)(rec->last_ns - rec->first_ns) / (double)NS_PER_S;
	*events += (double)rec->events;
	*records += (double)rec->rss_records;
	if (rec->lag_p99_ns)
		facts->lag_p99_s =
			fmax(facts->lag_p99_s, (double)rec->lag_p99_ns / (double)NS_PER_S);
	if (run_get_f64(collector, "cpu_ns", &value))
		facts->collector_cpu_s += value / (double)NS_PER_S;
	if (run_get_f64(collector, "max_rss_bytes", &value))
		facts->collector_rss_bytes = fmax(facts->collector_rss_bytes, value);
}

/* A unit's name, with its run when there are several. */
#define TITLE_SIZE (REPORT_NAME_SIZE + 256 + 8)

static const char *unit_title(
	const struct run_score *score, const struct score_unit *unit, char *buf, size_t size)
{
	char name[REPORT_NAME_SIZE];

	report_unit_name(unit, name, sizeof(name));
	if (score->runs_count > 1)
		snprintf(buf, size, "run %s: %s", unit->run, name);
	else
		snprintf(buf, size, "%s", name);
	return buf;
}

static bool tier_used(const struct run_score *score, enum score_tier tier)
{
	for (size_t i = 0; i < score->detections_count; i++)
		if (score->detections[i].tier == tier)
			return true;
	return false;
}

/* A leak that the leak tier missed, and it was asked to find it or had the time to. */
static bool leak_missed(const struct run_score *score, size_t number)
{
	const struct score_judged *judged = &score->result.judged[number];
	const struct score_unit *unit = &score->units[number];

	if (!unit->leak || judged->broken || judged->tier[SCORE_LEAK].detected)
		return false;
	return report_leak_gated(score, unit) ||
	       !report_not_yet(&judged->tier[SCORE_LEAK], SCORE_LEAK);
}

static size_t count_misses(const struct run_score *score)
{
	size_t count = 0;

	for (size_t i = 0; i < score->units_count; i++)
		count += leak_missed(score, i);
	return count;
}

static int collect_issues(const struct run_score *score, struct report_facts *facts)
{
	int err = 0;

	for (size_t r = 0; !err && r < score->runs_count; r++) {
		const struct run_files *run = score->runs[r];
		const char *broken = run_score_run_broken(run);

		if (broken)
			err = list_add(&facts->issues, "run %s: %s", run->name, broken);
		if (!err && run->recording.lost)
			err = list_add(&facts->issues, "run %s: the collector lost %llu records",
				run->name, (unsigned long long)run->recording.lost);
		if (!err && run->recording.overflow)
			err = list_add(&facts->issues,
				"run %s: %llu processes did not fit into "
				"the collector's tables",
				run->name, (unsigned long long)run->recording.overflow);
		if (!err && (run->recording.cut || run->detections.cut))
			err = list_add(&facts->issues,
				"run %s: the last line of a file was cut "
				"short and dropped",
				run->name);
	}
	for (size_t i = 0; !err && i < score->units_count; i++) {
		const char *broken = score->result.judged[i].broken;
		char name[TITLE_SIZE];

		if (broken)
			err = list_add(&facts->issues, "%s is not judged: %s",
				unit_title(score, &score->units[i], name, sizeof(name)), broken);
	}
	return err;
}

static int collect_kind_issues(const struct run_score *score, struct report_facts *facts)
{
	char name[TITLE_SIZE];
	int err = 0;

	for (size_t i = 0; !err && i < score->units_count; i++) {
		const struct score_unit *unit = &score->units[i];
		const struct score_judged *judged = &score->result.judged[i];

		if (judged->broken || !unit->leak || unit->ledger != SCORE_CGROUP ||
			!judged->kind || judged->kind_right)
			continue;
		err = list_add(&facts->issues, "%s (%s): what grows is %s, but it was called %s",
			unit_title(score, unit, name, sizeof(name)), unit->pattern, unit->kind,
			judged->kind);
	}
	return err;
}

static int collect_unit_issues(const struct run_score *score, struct report_facts *facts)
{
	char name[TITLE_SIZE];
	bool leak_used = tier_used(score, SCORE_LEAK);
	int err = 0;

	if (!leak_used && count_misses(score))
		err = list_add(&facts->issues, "the detector never used the leak tier, so it found "
					       "no leak there");
	for (size_t i = 0; !err && i < score->units_count; i++) {
		const struct score_unit *unit = &score->units[i];
		const struct score_judged *judged = &score->result.judged[i];

		for (int t = 0; !err && !judged->broken && t < SCORE_TIERS; t++) {
			const struct score_verdicts *verdicts = &judged->tier[t];

			unit_title(score, unit, name, sizeof(name));
			if (verdicts->false_alarms)
				err = list_add(&facts->issues, "%s (%s): %zu false %s alarm%s",
					name, unit->pattern, verdicts->false_alarms,
					score_tier_name(t), verdicts->false_alarms == 1 ? "" : "s");
			if (!err && (t == SCORE_LEAK ? leak_used && leak_missed(score, i)
						     : unit->leak && !verdicts->detected))
				err = list_add(&facts->issues,
					"%s (%s): the leak was not found in the %s tier", name,
					unit->pattern, score_tier_name(t));
		}
	}
	return err;
}

static int advise_limit(const struct run_score *score, struct report_facts *facts)
{
	const struct score_limit_summary *limit = &score->summary.tier[SCORE_LEAK].limit;

	if (limit->within.n == limit->within.k)
		return 0;
	return list_add(&facts->advice,
		"The time to the limit was not known within %.0f %% for %zu of %zu leaks that were "
		"killed at it (%zu had no estimate in time).",
		100 * SCORE_LIMIT_BAND, limit->within.n - limit->within.k, limit->within.n,
		limit->within.n - limit->stated);
}

static int advise_detector(const struct run_score *score, struct report_facts *facts)
{
	const struct score_summary *sum = &score->summary;
	const struct score_tier_summary *leak = &sum->tier[SCORE_LEAK];
	size_t missed = tier_used(score, SCORE_LEAK) ? count_misses(score) : 0;
	int err = 0;

	for (size_t i = 0; !err && i < leak->benign_count; i++)
		if (leak->benign[i].fpr.k)
			err = list_add(&facts->advice,
				"The leak tier cried wolf on %s (%zu of "
				"%zu): demand a longer span or other evidence before it speaks.",
				leak->benign[i].pattern, leak->benign[i].fpr.k,
				leak->benign[i].fpr.n);
	if (!err && missed)
		err = list_add(&facts->advice,
			"The leak tier missed %zu of %zu leaks: run longer, "
			"or see which patterns it missed above.",
			missed, leak->tpr.k + missed);
	if (!err && sum->rate_error_n && sum->rate_error_p95 > SCORE_RATE_BAND)
		err = list_add(&facts->advice,
			"The stated rates are off by up to %.0f %% (p95): "
			"do not plan with time-to-limit yet.",
			100 * sum->rate_error_p95);
	if (!err)
		err = advise_limit(score, facts);
	if (!err && sum->leak_units && sum->leak_units < LEAK_UNITS_CLAIM)
		err = list_add(&facts->advice,
			"%zu leak%s cannot carry a claim: repeat with other "
			"seeds and score the runs together (%d without a miss show more than 90 %%"
			", one-sided at 95 %%).",
			sum->leak_units, sum->leak_units == 1 ? "" : "s", LEAK_UNITS_CLAIM);
	if (!err && sum->benign_units == 0 && sum->leak_units)
		err = list_add(&facts->advice,
			"No benign workload ran, so nothing is known about "
			"false alarms: run the benign or the mixed scenario too.");
	return err;
}

/* Broken beside what an interruption by itself leaves unfinished. */
static bool lab_broken(const struct run_score *score)
{
	for (size_t r = 0; r < score->runs_count; r++)
		if (score->runs[r]->status != RECORDED_INTERRUPTED &&
			run_score_run_broken(score->runs[r]))
			return true;
	for (size_t i = 0; i < score->units_count; i++)
		if (score->result.judged[i].broken &&
			score->runs[score->unit_runs[i]]->status != RECORDED_INTERRUPTED)
			return true;
	return false;
}

static size_t count_status(const struct run_score *score, enum recorded_status status)
{
	size_t count = 0;

	for (size_t r = 0; r < score->runs_count; r++)
		count += score->runs[r]->status == status;
	return count;
}

/* When there is nothing else to advise: never more than the figures carry. */
static int advise_nothing(const struct run_score *score, struct report_facts *facts)
{
	size_t gates = 0;

	for (size_t i = 0; i < score->groups_count; i++)
		gates += score->groups[i].results_count;
	if (score->summary.leak_units + score->summary.benign_units == 0)
		return list_add(
			&facts->advice, "Nothing can be concluded: no workload was judged.");
	if (score->verdict == SCORE_FAIL)
		return list_add(&facts->advice, "None beside the gates that were missed.");
	if (score->verdict == SCORE_BROKEN)
		return list_add(&facts->advice, "Nothing can be concluded: a gate had nothing to "
						"be measured on.");
	if (gates == 0)
		return list_add(&facts->advice, "Nothing can be concluded: no gate is set, so "
						"there are no bounds to hold the figures against.");
	return list_add(&facts->advice, "None: every gate holds.");
}

static int advise_lab(const struct run_score *score, struct report_facts *facts)
{
	size_t interrupted = count_status(score, RECORDED_INTERRUPTED);
	char text[UNITS_TEXT_SIZE];
	int err = 0;

	if (interrupted)
		err = list_add(&facts->advice,
			"%s interrupted: the figures are of what was "
			"recorded until then. Run it again, to its end, for a verdict.",
			score->runs_count == 1 ? "The run was"
			: interrupted == 1     ? "A run was"
					       : "Runs were");
	if (!err && lab_broken(score))
		err = list_add(&facts->advice,
			"Mend what is broken in the lab first (see issues "
			"and logs/): this run says nothing for or against the detector.");
	if (!err && facts->lost)
		err = list_add(&facts->advice, "Records were lost: give the collector a "
					       "larger ring buffer (--collector-option="
					       "--ring-size=16MiB) or a longer interval "
					       "(--collector-option=--interval=1s).");
	if (!err && facts->recorded_s >= CPU_SPAN_S && facts->collector_cpu_share > CPU_SHARE_HIGH)
		err = list_add(&facts->advice,
			"The collector used %.1f %% of a CPU: give it a longer interval "
			"(--collector-option=--interval=1s).",
			100 * facts->collector_cpu_share);
	if (!err && facts->lag_p99_s > LAG_HIGH_S)
		err = list_add(&facts->advice,
			"Samples reached the detector %s late (p99): the "
			"host was too busy for its latencies to mean much.",
			units_format_duration(facts->lag_p99_s, text, sizeof(text)));
	if (!err && facts->advice.count == 0)
		err = advise_nothing(score, facts);
	return err;
}

int report_facts_collect(const struct run_score *score, struct report_facts *ret)
{
	struct report_facts facts = { 0 };
	double events = 0, records = 0, recorded_s;
	int err;

	for (size_t r = 0; r < score->runs_count; r++)
		add_run(score->runs[r], &facts, &events, &records);
	recorded_s = facts.recorded_s;
	if (score->runs_count) {
		const struct run_files *run = score->runs[0];
		json_t *host = json_object_get(run->json, "host");

		clock_format_utc(run->started_wall_ns, 0, facts.date, sizeof(facts.date));
		facts.kernel = run_get_text(host, "kernel");
		facts.arch = run_get_text(host, "arch");
	}
	facts.events_per_s = recorded_s > 0 ? events / recorded_s : NAN;
	facts.records_per_s = recorded_s > 0 ? records / recorded_s : NAN;
	facts.collector_cpu_share = recorded_s > 0 ? facts.collector_cpu_s / recorded_s : NAN;
	err = collect_issues(score, &facts);
	if (!err)
		err = collect_unit_issues(score, &facts);
	if (!err)
		err = collect_kind_issues(score, &facts);
	if (!err)
		err = advise_detector(score, &facts);
	if (!err)
		err = advise_lab(score, &facts);
	if (err) {
		report_facts_done(&facts);
		return err;
	}
	*ret = facts;
	return 0;
}
