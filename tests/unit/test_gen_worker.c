// SPDX-License-Identifier: GPL-2.0-or-later
/* A worker whose clock stands still for a while: what is late must be in the truth. */
#include "tests/unit/gen_test.h"

#include "generators/gen_worker.h"

#define ONSET_NS SECONDS(7)
#define PHASES 100
/* Ends between two ticks, whatever the phase at which it begins. */
#define STALL_NS (1500 * NS_PER_MS + 3700 * NS_PER_US)

/* The clock stands from @stall_ns (since onset) on: before a step begins, or while it touches. */
struct clock_double {
	uint64_t now_ns;
	uint64_t stall_ns;
	uint64_t length_ns;
	bool touching;
	bool over;
};

static void stall(struct clock_double *clock)
{
	if (clock->over || clock->now_ns < ONSET_NS + clock->stall_ns)
		return;
	clock->over = true;
	if (clock->now_ns < ONSET_NS + clock->stall_ns + clock->length_ns)
		clock->now_ns = ONSET_NS + clock->stall_ns + clock->length_ns;
}

static int touch(void *context, uint64_t first, uint64_t count)
{
	struct clock_double *clock = context;

	(void)first;
	(void)count;
	if (clock->touching)
		stall(clock);
	return 0;
}

static int drop(void *context, uint64_t first, uint64_t count)
{
	(void)context;
	(void)first;
	(void)count;
	return 0;
}

static uint64_t now_ns(void *context)
{
	const struct clock_double *clock = context;

	return clock->now_ns;
}

static bool stopped(void *context)
{
	(void)context;
	return false;
}

/* Records of the whole of a run, whose steps begin when they are due unless the clock stands. */
static json_t *run(const char *words, struct clock_double clock)
{
	struct gen_config config = config_of(words);
	const struct gen_backend backend = {
		.touch = touch,
		.drop = drop,
		.now_ns = now_ns,
		.stopped = stopped,
		.context = &clock,
	};
	uint64_t deadline_ns = 0, next_ns = 0;
	static struct gen_truth truth;
	struct gen_worker worker;
	FILE *file = tmpfile();
	json_t *records;

	assert_non_null(file);
	gen_truth_init(&truth, -1, file);
	gen_worker_init(&worker, &config, 0, &backend, &truth);
	clock.now_ns = ONSET_NS;
	assert_int_equal(gen_worker_settle(&worker), 0);
	assert_int_equal(gen_worker_begin(&worker, ONSET_NS), 0);
	do {
		deadline_ns = next_ns;
		if (clock.now_ns < ONSET_NS + deadline_ns)
			clock.now_ns = ONSET_NS + deadline_ns;
		if (!clock.touching)
			stall(&clock);
		assert_int_equal(gen_worker_step(&worker, deadline_ns, &next_ns), 0);
	} while (deadline_ns < gen_span_ns(&config));
	records = read_records(file);
	fclose(file);
	return records;
}

/* The largest late_ns of all steps; its record in @ret. */
static uint64_t latest(const json_t *records, const json_t **ret)
{
	uint64_t most_ns = 0;

	*ret = NULL;
	for (size_t i = 0; i < json_array_size(records); i++) {
		const json_t *record = json_array_get(records, i);

		if (strcmp(type_of(record), "step") != 0)
			continue;
		assert_true(integer(record, "late_ns") >= 0);
		if ((uint64_t)integer(record, "late_ns") <= most_ns)
			continue;
		most_ns = (uint64_t)integer(record, "late_ns");
		*ret = record;
	}
	return most_ns;
}

static void check_stall(const char *words, uint64_t stall_ns, bool touching)
{
	json_t *records = run(
		words, (struct clock_double){
			       .stall_ns = stall_ns, .length_ns = STALL_NS, .touching = touching });
	const json_t *step;
	uint64_t late_ns = latest(records, &step);

	if (late_ns + GEN_TICK_NS < STALL_NS || late_ns > STALL_NS + GEN_TICK_NS)
		fail_msg("%s: stalled at %.6f s, yet %.6f s late", words, gen_seconds(stall_ns),
			gen_seconds(late_ns));
	/* It is told at once, not with the next report of the grid. */
	assert_int_equal(integer(step, "t_ns"), ONSET_NS + stall_ns + STALL_NS);
	json_decref(records);
}

static void test_stall_at_every_phase(void **state)
{
	(void)state;
	for (unsigned phase = 0; phase < PHASES; phase++) {
		uint64_t stall_ns = SECONDS(2) + phase * NS_PER_MS + 300 * NS_PER_US;
		char burst[128];

		/* A burst is late only when it was due: one begins just as the clock stops. */
		snprintf(burst, sizeof(burst), "burst --size=3MiB --every=%lluns --duration=10s",
			(unsigned long long)stall_ns);
		for (int touching = 0; touching < 2; touching++) {
			check_stall("linear --rate=1MiB/s --duration=10s", stall_ns, touching);
			check_stall("cache --rate=1MiB/s --size=1MiB --duration=10s", stall_ns,
				touching);
			check_stall(burst, stall_ns, touching);
		}
	}
}

static void test_small_lateness_is_kept_until_the_report(void **state)
{
	/* The tick at 2.03 s is 6 ms late; the report of 2.1 s tells it, and no other. */
	json_t *records = run("linear --rate=1MiB/s --duration=10s",
		(struct clock_double){ .stall_ns = 2030 * NS_PER_MS, .length_ns = 6 * NS_PER_MS });
	const json_t *step;

	(void)state;
	assert_int_equal(latest(records, &step), 6 * NS_PER_MS);
	assert_int_equal(integer(step, "t_ns"), ONSET_NS + SECONDS(2.1));
	for (size_t i = 0; find_record(records, "step", i); i++)
		if (find_record(records, "step", i) != step)
			assert_int_equal(integer(find_record(records, "step", i), "late_ns"), 0);
	json_decref(records);
}

static void test_nothing_due_is_not_late(void **state)
{
	struct clock_double clock = { .stall_ns = SECONDS(2.555), .length_ns = STALL_NS };
	json_t *records = run("steady --size=1MiB --duration=10s", clock);
	const json_t *step;

	(void)state;
	assert_int_equal(latest(records, &step), 0);
	json_decref(records);
	/* The deadline is a look at the rest; the burst is due at 3.5 s, done at 4.0587 s. */
	records = run("burst --size=3MiB --every=3500ms --duration=11s", clock);
	assert_int_equal(latest(records, &step), SECONDS(4.0587) - SECONDS(3.5));
	json_decref(records);
}

static void test_missed_work_is_late(void **state)
{
	/* The spike is from 3 s to 3.2 s, within the stall: nothing is touched for it. */
	json_t *records = run("spike --size=2MiB --every=3s --hold=200ms --duration=11s",
		(struct clock_double){ .stall_ns = SECONDS(2.555), .length_ns = STALL_NS });
	const json_t *step;

	(void)state;
	assert_int_equal(latest(records, &step), SECONDS(4.0587) - SECONDS(3));
	json_decref(records);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stall_at_every_phase),
		cmocka_unit_test(test_small_lateness_is_kept_until_the_report),
		cmocka_unit_test(test_nothing_due_is_not_late),
		cmocka_unit_test(test_missed_work_is_late),
	};

	return cmocka_run_group_tests_name("gen_worker", tests, NULL, NULL);
}
