// SPDX-License-Identifier: GPL-2.0-or-later
/* Known series in, verdicts out: leaklab soak must not pass what grows, nor what it cannot know. */
#include <math.h>
#include <string.h>

#include "lab/soak/soak_judge.h"
#include "lib/stats.h"
#include "tests/unit/fixtures/cmocka_all.h"

#define MB 1e6
#define BASE_MB 20.0
#define H 3600.0

/* A soak of one session or more, in which all is well; tests then break it. */
struct soak_case {
	struct soak_history history;
	struct soak_sample samples[4096];
	struct soak_session sessions[8];
	struct soak_round rounds[4];
};

static struct soak_case soak;

static void begin(double settle_s)
{
	memset(&soak, 0, sizeof(soak));
	soak.history = (struct soak_history){
		.plan = "default.yaml",
		.settle_s = settle_s,
		.duration_s = 24 * H,
		.samples = soak.samples,
		.sessions = soak.sessions,
		.rounds = soak.rounds,
		.rounds_count = 1,
	};
	soak.rounds[0].outcome = SOAK_ROUND_PASS;
}

/* A warm-up of 4 MB in the first minutes, then @mb_per_h, and noise of @noise_mb. */
static void add_session(double length_s, double interval_s, double mb_per_h, double noise_mb)
{
	struct soak_session *session = &soak.sessions[soak.history.sessions_count++];
	static uint64_t seed = 7;

	*session = (struct soak_session){
		.number = (unsigned)soak.history.sessions_count,
		.watched_s = length_s,
		.records = 1000,
		.self_seen = true,
		.ended = true,
		.reason = "duration",
	};
	for (double t_s = 0; t_s <= length_s; t_s += interval_s) {
		double warm_mb = t_s < 120 ? t_s / 120 * 4 : 4;
		double noise = noise_mb * (2 * stats_random_unit(&seed) - 1);
		double mb = BASE_MB + warm_mb + mb_per_h * t_s / H + noise;

		assert_true(soak.history.samples_count < 4096);
		session->samples++;
		soak.samples[soak.history.samples_count++] = (struct soak_sample){
			.session = session->number,
			.t_s = t_s,
			.rss_bytes = (uint64_t)((mb + 5) * MB),
			.anon_bytes = (uint64_t)(mb * MB),
			.fds = 30,
			.maps = 6,
			.progs = 9,
			.map_bytes = 10504984,
			.records = 1000,
		};
	}
}

static struct soak_verdict judge(void)
{
	struct soak_verdict verdict;

	assert_int_equal(soak_judge(&soak.history, &verdict), 0);
	return verdict;
}

static void expect_outcome(struct soak_verdict verdict, int gate, enum soak_outcome outcome)
{
	if (verdict.gates[gate].outcome != outcome)
		fail_msg("%s: %s, expected %s: %s", soak_gate_key(gate),
			soak_outcome_name(verdict.gates[gate].outcome), soak_outcome_name(outcome),
			verdict.gates[gate].said);
}

static struct soak_verdict day(double mb_per_h, double noise_mb)
{
	begin(600);
	add_session(24 * H, 300, mb_per_h, noise_mb);
	return judge();
}

static void a_constant_day_passes(void **state)
{
	struct soak_verdict verdict = day(0, 0);

	(void)state;
	for (int i = 0; i < SOAK_GATES; i++)
		expect_outcome(verdict, i, SOAK_PASS);
	assert_int_equal(verdict.outcome, SOAK_PASS);
	assert_true(verdict.gates[SOAK_GATE_RATE].lo <= 0 && verdict.gates[SOAK_GATE_RATE].hi >= 0);
}

static void a_noisy_day_passes(void **state)
{
	struct soak_verdict verdict = day(0, 2);

	(void)state;
	expect_outcome(verdict, SOAK_GATE_RATE, SOAK_PASS);
	expect_outcome(verdict, SOAK_GATE_QUARTERS, SOAK_PASS);
	expect_outcome(verdict, SOAK_GATE_ZERO, SOAK_PASS);
}

static void the_bounds_of_c2(void **state)
{
	static const struct {
		double mb_per_h;
		enum soak_outcome rate, zero;
	} cases[] = {
		{ 0.5, SOAK_PASS, SOAK_WARN },
		{ 3, SOAK_WARN, SOAK_WARN },
		{ 8, SOAK_FAIL, SOAK_FAIL },
		{ -0.5, SOAK_PASS, SOAK_PASS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct soak_verdict verdict = day(cases[i].mb_per_h, 0.1);

		expect_outcome(verdict, SOAK_GATE_RATE, cases[i].rate);
		expect_outcome(verdict, SOAK_GATE_QUARTERS, cases[i].rate);
		expect_outcome(verdict, SOAK_GATE_ZERO, cases[i].zero);
		expect_outcome(verdict, SOAK_GATE_ANON, cases[i].zero);
		assert_float_equal(verdict.gates[SOAK_GATE_RATE].value, cases[i].mb_per_h, 0.05);
		assert_float_equal(
			verdict.gates[SOAK_GATE_QUARTERS].value, cases[i].mb_per_h, 0.05);
	}
}

static void total_growth(void **state)
{
	(void)state;
	expect_outcome(day(4, 0), SOAK_GATE_TOTAL, SOAK_FAIL); /* 4 + 96 MB */
	expect_outcome(day(3.9, 0), SOAK_GATE_TOTAL, SOAK_PASS);
	assert_float_equal(judge().gates[SOAK_GATE_TOTAL].value, 4 + 24 * 3.9, 0.1);
}

static void one_hour_is_enough(void **state)
{
	struct soak_verdict verdict;

	(void)state;
	begin(600);
	add_session(H, 12.5, 0, 0.02);
	verdict = judge();
	assert_int_equal(verdict.outcome, SOAK_PASS);
	begin(600);
	add_session(H, 12.5, 8, 0.02);
	assert_int_equal(judge().outcome, SOAK_FAIL);
}

/* From sample @from on @bytes more. */
static void step(size_t from, uint64_t bytes)
{
	for (size_t i = from; i < soak.history.samples_count; i++) {
		soak.samples[i].rss_bytes += bytes;
		soak.samples[i].anon_bytes += bytes;
	}
}

/*
 * That nothing moved for 50 minutes does not say that nothing ever will: up to 3.9 steps may have
 * been due, 0.6 MB/h, which is still within the class below 1 MB/h. Over 25 minutes it is not.
 */
static void an_hour_without_a_move(void **state)
{
	static const enum soak_gate_name heap[] = { SOAK_GATE_RATE, SOAK_GATE_ZERO,
		SOAK_GATE_ANON };

	(void)state;
	begin(600);
	add_session(H, 12.5, 0, 0);
	assert_int_equal(judge().outcome, SOAK_PASS);
	for (size_t i = 0; i < 3; i++)
		assert_float_equal(judge().gates[heap[i]].hi, 0.61, 0.01);
	/* Maps have no heap that takes steps. */
	assert_float_equal(judge().gates[SOAK_GATE_BPF].hi, 0, 1e-9);
	begin(600);
	add_session(2100, 12.5, 0, 0);
	for (size_t i = 0; i < 3; i++)
		expect_outcome(judge(), heap[i], SOAK_TOO_SHORT);
	expect_outcome(judge(), SOAK_GATE_BPF, SOAK_PASS);
}

/* One step of a heap is within the class as well; two might be 1.1 MB/h, unless they are small. */
static void an_hour_with_steps(void **state)
{
	static const struct {
		double length_s;
		int steps;
		uint64_t bytes;
		enum soak_outcome outcome;
	} cases[] = {
		{ H, 1, 131072, SOAK_PASS },
		{ H, 2, 131072, SOAK_TOO_SHORT },
		{ 1.5 * H, 2, 131072, SOAK_PASS },
		{ H, 2, 61440, SOAK_PASS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(600);
		add_session(cases[i].length_s, 12.5, 0, 0);
		for (int j = 0; j < cases[i].steps; j++)
			step(soak.history.samples_count * (j ? 3 : 2) / 4, cases[i].bytes);
		expect_outcome(judge(), SOAK_GATE_RATE, cases[i].outcome);
		expect_outcome(judge(), SOAK_GATE_ZERO, cases[i].outcome);
		expect_outcome(judge(), SOAK_GATE_ANON, cases[i].outcome);
		assert_int_equal(judge().outcome, cases[i].outcome);
	}
}

static void too_short_is_no_pass(void **state)
{
	static const struct {
		double length_s, interval_s, noise_mb;
	} cases[] = {
		{ 180, 5, 0 },	    /* all of it settles */
		{ 1200, 5, 0 },	    /* ten minutes are left */
		{ 3600, 600, 0 },   /* six samples */
		{ 3600, 12.5, 20 }, /* noise in which 1 MB/h drowns */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct soak_verdict verdict;

		begin(600);
		add_session(cases[i].length_s, cases[i].interval_s, 0, cases[i].noise_mb);
		verdict = judge();
		expect_outcome(verdict, SOAK_GATE_RATE, SOAK_TOO_SHORT);
		expect_outcome(verdict, SOAK_GATE_QUARTERS, SOAK_TOO_SHORT);
		expect_outcome(verdict, SOAK_GATE_ZERO, SOAK_TOO_SHORT);
		assert_int_equal(verdict.outcome, SOAK_TOO_SHORT);
	}
	begin(600);
	expect_outcome(judge(), SOAK_GATE_TOTAL, SOAK_TOO_SHORT);
	expect_outcome(judge(), SOAK_GATE_LOST, SOAK_TOO_SHORT);
	expect_outcome(judge(), SOAK_GATE_OWN, SOAK_TOO_SHORT);
	expect_outcome(judge(), SOAK_GATE_FDS, SOAK_TOO_SHORT);
}

/* A leak that begins at @from_s. */
static void leak(double from_s, double mb_per_h)
{
	for (size_t i = 0; i < soak.history.samples_count; i++) {
		struct soak_sample *sample = &soak.samples[i];

		if (sample->t_s > from_s)
			sample->rss_bytes += (uint64_t)(mb_per_h * (sample->t_s - from_s) / H * MB);
	}
}

/* In a day with noise, from some hour on. */
static struct soak_verdict late_leak(double hour, double mb_per_h)
{
	begin(600);
	add_session(24 * H, 300, 0, 0.1);
	leak(hour * H, mb_per_h);
	return judge();
}

/* It bends the line, so that nothing is known of the slope over the whole. */
static void a_leak_that_begins_late(void **state)
{
	(void)state;
	expect_outcome(late_leak(12, 6), SOAK_GATE_RATE, SOAK_TOO_SHORT);
	expect_outcome(judge(), SOAK_GATE_LATE, SOAK_FAIL);
	assert_int_equal(judge().outcome, SOAK_FAIL);
	assert_float_equal(judge().gates[SOAK_GATE_LATE].value, 6, 0.1);
	expect_outcome(late_leak(18, 6), SOAK_GATE_LATE, SOAK_FAIL);
	assert_int_equal(judge().outcome, SOAK_FAIL);
	expect_outcome(late_leak(16, 2), SOAK_GATE_LATE, SOAK_WARN);
	expect_outcome(late_leak(16, 0.9), SOAK_GATE_LATE, SOAK_PASS);
	expect_outcome(late_leak(16, 0), SOAK_GATE_LATE, SOAK_PASS);
	/* Fast, but not distinguishable from zero. */
	begin(600);
	add_session(7 * H, 300, 0, 60);
	expect_outcome(judge(), SOAK_GATE_LATE, SOAK_PASS);
	assert_true(judge().gates[SOAK_GATE_LATE].lo < 0);
}

/* A warm-up that goes on for hours is no leak: a soak of less than six hours is not warned. */
static void a_late_warning_takes_six_hours(void **state)
{
	(void)state;
	begin(600);
	add_session(6 * H + 500, 75, 2, 0.1);
	expect_outcome(judge(), SOAK_GATE_LATE, SOAK_PASS);
	begin(600);
	add_session(6 * H + 600, 75, 2, 0.1);
	expect_outcome(judge(), SOAK_GATE_LATE, SOAK_WARN);
	begin(600);
	add_session(2 * H, 25, 8, 0.1);
	expect_outcome(judge(), SOAK_GATE_LATE, SOAK_FAIL);
}

/* The third of an hour is short: an hour is enough for a verdict all the same, a day is not. */
static void a_last_third_that_is_too_short(void **state)
{
	(void)state;
	begin(600);
	add_session(H, 12.5, 0, 0);
	expect_outcome(judge(), SOAK_GATE_LATE, SOAK_PASS);
	assert_non_null(strstr(judge().gates[SOAK_GATE_LATE].said, "not judged: too short"));
	assert_true(isnan(judge().gates[SOAK_GATE_LATE].value));
	assert_int_equal(judge().outcome, SOAK_PASS);
	begin(600);
	add_session(24 * H, 1800, 0, 0);
	expect_outcome(judge(), SOAK_GATE_RATE, SOAK_PASS);
	expect_outcome(judge(), SOAK_GATE_LATE, SOAK_TOO_SHORT);
	begin(600);
	add_session(1500, 12.5, 0, 0);
	expect_outcome(judge(), SOAK_GATE_LATE, SOAK_TOO_SHORT);
}

/* Quarters that lie apart by more than 5 MB/h need no slope; those that only vary do. */
static void quarters_that_lie_apart(void **state)
{
	int failed = 0;

	(void)state;
	begin(600);
	add_session(6 * H, 75, 0, 0.1);
	leak(2.5 * H, 14);
	expect_outcome(judge(), SOAK_GATE_RATE, SOAK_TOO_SHORT);
	expect_outcome(judge(), SOAK_GATE_QUARTERS, SOAK_FAIL);
	for (int i = 0; i < 200; i++) {
		begin(600);
		add_session(H, 12.5, 0, 20);
		failed += judge().gates[SOAK_GATE_QUARTERS].outcome == SOAK_FAIL;
	}
	assert_in_range(failed, 0, 5);
}

/* Each session begins small again: only joined do they show that they grow. */
static void a_restart_hides_no_leak(void **state)
{
	struct soak_verdict verdict;

	(void)state;
	begin(600);
	for (int i = 0; i < 4; i++)
		add_session(2 * H, 60, 8, 0.1);
	verdict = judge();
	expect_outcome(verdict, SOAK_GATE_RATE, SOAK_FAIL);
	expect_outcome(verdict, SOAK_GATE_QUARTERS, SOAK_FAIL);
	assert_float_equal(verdict.gates[SOAK_GATE_RATE].value, 8, 0.2);
	assert_float_equal(verdict.gates[SOAK_GATE_TOTAL].value, 4 * (4 + 16), 0.5);
	begin(600);
	for (int i = 0; i < 4; i++)
		add_session(2 * H, 60, 0, 0.1);
	assert_int_equal(judge().outcome, SOAK_PASS);
}

/* A session that was cut off while it settled adds nothing, wherever it lies. */
static void sessions_without_settled_samples(void **state)
{
	(void)state;
	begin(600);
	add_session(60, 5, 0, 0);
	add_session(2 * H, 60, 0, 0.05);
	add_session(60, 5, 0, 0);
	add_session(2 * H, 60, 0, 0.05);
	assert_int_equal(judge().outcome, SOAK_PASS);
	assert_float_equal(judge().judged_s, 2 * (2 * H - 600), 400);
}

static void descriptors(void **state)
{
	(void)state;
	begin(600);
	add_session(H, 12.5, 0, 0);
	soak.samples[100].fds = 31; /* and back */
	expect_outcome(judge(), SOAK_GATE_FDS, SOAK_WARN);
	soak.samples[250].fds = 32;
	expect_outcome(judge(), SOAK_GATE_FDS, SOAK_WARN);
	for (size_t i = 140; i < soak.history.samples_count; i++) {
		soak.samples[i].fds = 31;
		soak.samples[i].maps = 7;
	}
	expect_outcome(judge(), SOAK_GATE_FDS, SOAK_FAIL);
	expect_outcome(judge(), SOAK_GATE_MAPS, SOAK_FAIL);
}

/* Some are always about to be closed; only a floor that rises is a leak. */
static void stale_descriptors(void **state)
{
	(void)state;
	begin(600);
	add_session(H, 12.5, 0, 0);
	for (size_t i = 0; i < soak.history.samples_count; i += 3)
		soak.samples[i].stale_fds = 70;
	expect_outcome(judge(), SOAK_GATE_STALE, SOAK_PASS);
	/* Settled samples are 48 to 288: the last quarter, from 229 on, has two that are free of
	 * it. */
	for (size_t i = 233; i < soak.history.samples_count; i++)
		soak.samples[i].stale_fds += 7;
	expect_outcome(judge(), SOAK_GATE_STALE, SOAK_PASS);
	for (size_t i = 150; i < soak.history.samples_count; i++)
		soak.samples[i].stale_fds = 7;
	expect_outcome(judge(), SOAK_GATE_STALE, SOAK_FAIL);
}

#define FDS offsetof(struct soak_sample, fds)
#define STALE_FDS offsetof(struct soak_sample, stale_fds)
#define MAPS offsetof(struct soak_sample, maps)
#define PROGS offsetof(struct soak_sample, progs)

/* After sample @from a count is one more with every sample. */
static void climb(size_t from, size_t offset)
{
	for (size_t i = from; i < soak.history.samples_count; i++)
		*(uint64_t *)((char *)&soak.samples[i] + offset) += i - from;
}

/*
 * Neither half of a day shows a leak that begins in its second half, nor do joined sessions show
 * one that each of them has from its begin.
 */
static void counts_that_climb(void **state)
{
	static const struct {
		size_t offset;
		enum soak_gate_name gate;
	} cases[] = {
		{ FDS, SOAK_GATE_FDS },
		{ STALE_FDS, SOAK_GATE_STALE },
		{ MAPS, SOAK_GATE_MAPS },
		{ PROGS, SOAK_GATE_MAPS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin(600);
		add_session(24 * H, 300, 0, 0);
		expect_outcome(judge(), cases[i].gate, SOAK_PASS);
		climb(13 * 12, cases[i].offset);
		expect_outcome(judge(), cases[i].gate, SOAK_FAIL);

		begin(0);
		for (int j = 0; j < 2; j++) {
			size_t first = soak.history.samples_count;

			add_session(119 * 60, 60, 0, 0);
			climb(first, cases[i].offset);
		}
		expect_outcome(judge(), cases[i].gate, SOAK_FAIL);

		/* One of two is enough, whichever. */
		begin(600);
		add_session(2 * H, 60, 0, 0);
		climb(0, cases[i].offset);
		add_session(2 * H, 60, 0, 0);
		expect_outcome(judge(), cases[i].gate, SOAK_FAIL);
	}
}

/* What is there while it settles is no measure, and what it leaves behind is no growth. */
static void counts_of_the_first_minutes(void **state)
{
	(void)state;
	begin(600);
	add_session(2 * H, 60, 0, 0);
	for (size_t i = 0; i < 10; i++)
		soak.samples[i].fds = soak.samples[i].stale_fds = 5;
	expect_outcome(judge(), SOAK_GATE_FDS, SOAK_PASS);
	expect_outcome(judge(), SOAK_GATE_STALE, SOAK_PASS);
	/* Settled samples are 10 to 120, the last quarter begins with 94. */
	climb(93, FDS);
	expect_outcome(judge(), SOAK_GATE_FDS, SOAK_FAIL);
	soak.samples[94].fds = 30;
	expect_outcome(judge(), SOAK_GATE_FDS, SOAK_WARN);
}

/* Sessions of fewer than eight settled samples are not judged. */
static void counts_of_short_sessions(void **state)
{
	(void)state;
	begin(600);
	add_session(600 + 6 * 60, 60, 0, 0);
	climb(0, FDS);
	expect_outcome(judge(), SOAK_GATE_FDS, SOAK_TOO_SHORT);
	expect_outcome(judge(), SOAK_GATE_STALE, SOAK_TOO_SHORT);
	expect_outcome(judge(), SOAK_GATE_MAPS, SOAK_TOO_SHORT);
	add_session(2 * H, 60, 0, 0);
	expect_outcome(judge(), SOAK_GATE_FDS, SOAK_PASS);
	begin(600);
	add_session(600 + 7 * 60, 60, 0, 0);
	expect_outcome(judge(), SOAK_GATE_FDS, SOAK_PASS);
	climb(0, FDS);
	expect_outcome(judge(), SOAK_GATE_FDS, SOAK_FAIL);
}

static void loss_and_deaths(void **state)
{
	struct soak_session *session = soak.sessions;

	(void)state;
	begin(600);
	add_session(H, 12.5, 0, 0);
	session->lost = 1;
	expect_outcome(judge(), SOAK_GATE_LOST, SOAK_FAIL);
	session->lost = 0;
	session->overflow = 1;
	expect_outcome(judge(), SOAK_GATE_LOST, SOAK_FAIL);
	session->overflow = 0;
	session->own_leaks = 1;
	expect_outcome(judge(), SOAK_GATE_OWN, SOAK_FAIL);
	session->own_leaks = 0;
	session->own_growing = 3;
	expect_outcome(judge(), SOAK_GATE_OWN, SOAK_PASS);
	session->self_seen = false;
	expect_outcome(judge(), SOAK_GATE_OWN, SOAK_BROKEN);
	session->self_seen = true;
	session->collector_died = true;
	expect_outcome(judge(), SOAK_GATE_ALIVE, SOAK_FAIL);
	session->collector_died = false;
	session->collector_exit = 3;
	expect_outcome(judge(), SOAK_GATE_ALIVE, SOAK_FAIL);
	session->collector_exit = 0;
	soak.rounds[0].outcome = SOAK_ROUND_BROKEN;
	expect_outcome(judge(), SOAK_GATE_LOAD, SOAK_BROKEN);
	assert_int_equal(judge().outcome, SOAK_BROKEN);
}

/* Without one whole round nobody knows whether there was any load. */
static void load_that_was_never_whole(void **state)
{
	(void)state;
	begin(600);
	add_session(H, 12.5, 0, 0);
	soak.history.rounds_count = 2;
	soak.rounds[0].outcome = SOAK_ROUND_CUT;
	soak.rounds[1].outcome = SOAK_ROUND_OPEN;
	expect_outcome(judge(), SOAK_GATE_LOAD, SOAK_TOO_SHORT);
	soak.history.rounds_count = 0;
	expect_outcome(judge(), SOAK_GATE_LOAD, SOAK_TOO_SHORT);
	soak.history.plan[0] = '\0';
	expect_outcome(judge(), SOAK_GATE_LOAD, SOAK_PASS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_constant_day_passes),
		cmocka_unit_test(a_noisy_day_passes),
		cmocka_unit_test(the_bounds_of_c2),
		cmocka_unit_test(total_growth),
		cmocka_unit_test(one_hour_is_enough),
		cmocka_unit_test(an_hour_without_a_move),
		cmocka_unit_test(an_hour_with_steps),
		cmocka_unit_test(too_short_is_no_pass),
		cmocka_unit_test(a_leak_that_begins_late),
		cmocka_unit_test(a_late_warning_takes_six_hours),
		cmocka_unit_test(a_last_third_that_is_too_short),
		cmocka_unit_test(quarters_that_lie_apart),
		cmocka_unit_test(a_restart_hides_no_leak),
		cmocka_unit_test(sessions_without_settled_samples),
		cmocka_unit_test(descriptors),
		cmocka_unit_test(stale_descriptors),
		cmocka_unit_test(counts_that_climb),
		cmocka_unit_test(counts_of_the_first_minutes),
		cmocka_unit_test(counts_of_short_sessions),
		cmocka_unit_test(loss_and_deaths),
		cmocka_unit_test(load_that_was_never_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
